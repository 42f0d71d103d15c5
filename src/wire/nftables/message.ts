import { DecodeError, Writer } from "../../base/cursor.ts";
import type { AttrValues } from "../netlink/attrs.ts";
import type { Request } from "../netlink/message.ts";
import { NLM_F } from "../netlink/numbers.ts";
import { NFNL_SUBSYS, NFT_MSG } from "./numbers.ts";
import { OBJECT_TABLES, type ObjectKinds } from "./objects.ts";

/** Size of struct nfgenmsg (linux/netfilter/nfnetlink.h): family, version, res_id in network order. */
const NFGENMSG_SIZE = 4;

export type ObjectKind = keyof ObjectKinds;

/** What is done: `new` also answers `get`. `destroy` is a `delete` that does not mind absence (Linux 6.3 and later). */
export type Verb = "new" | "get" | "delete" | "destroy";

/** Message numbers of each kind, of which not all exist. */
const TYPES: { readonly [K in ObjectKind]: Partial<Record<Verb, number>> } = {
  table: {
    new: NFT_MSG.NEWTABLE,
    get: NFT_MSG.GETTABLE,
    delete: NFT_MSG.DELTABLE,
    destroy: NFT_MSG.DESTROYTABLE,
  },
  chain: {
    new: NFT_MSG.NEWCHAIN,
    get: NFT_MSG.GETCHAIN,
    delete: NFT_MSG.DELCHAIN,
    destroy: NFT_MSG.DESTROYCHAIN,
  },
  rule: { new: NFT_MSG.NEWRULE, get: NFT_MSG.GETRULE, delete: NFT_MSG.DELRULE, destroy: NFT_MSG.DESTROYRULE },
  set: { new: NFT_MSG.NEWSET, get: NFT_MSG.GETSET, delete: NFT_MSG.DELSET, destroy: NFT_MSG.DESTROYSET },
  elements: {
    new: NFT_MSG.NEWSETELEM,
    get: NFT_MSG.GETSETELEM,
    delete: NFT_MSG.DELSETELEM,
    destroy: NFT_MSG.DESTROYSETELEM,
  },
  object: { new: NFT_MSG.NEWOBJ, get: NFT_MSG.GETOBJ, delete: NFT_MSG.DELOBJ, destroy: NFT_MSG.DESTROYOBJ },
  gen: { new: NFT_MSG.NEWGEN, get: NFT_MSG.GETGEN },
};

/** A message of nf_tables about one kind of object. */
export type NftMessage = {
  [K in ObjectKind]: {
    readonly kind: K;
    readonly verb: Verb;
    /** NFPROTO of the table. */
    readonly family: number;
    readonly value: AttrValues<ObjectKinds[K]>;
  };
}[ObjectKind];

/** What else nf_tables may send: flowtables, traces, kinds of later kernels. */
export interface UnknownNftMessage {
  readonly kind: "unknown";
  /** NFT_MSG */
  readonly number: number;
  readonly family: number;
  readonly bytes: Uint8Array;
}

const BY_NUMBER = new Map(
  Object.entries(TYPES).flatMap(([kind, verbs]) =>
    Object.entries(verbs).map(
      ([verb, number]) => [number, { kind: kind as ObjectKind, verb: verb as Verb }] as const,
    ),
  ),
);

/** A request without its number in a conversation. `flags` are NLM_F_*; NLM_F_REQUEST is always set. */
export function encodeNft(message: NftMessage, flags: number): Request {
  const number = TYPES[message.kind][message.verb];
  if (number === undefined) throw new TypeError(`no message ${message.verb} ${message.kind}`);
  const w = new Writer(256);
  w.u8(message.family).u8(0).be16(0);
  OBJECT_TABLES[message.kind].encode(w, message.value as never);
  return { type: (NFNL_SUBSYS.NFTABLES << 8) | number, flags: NLM_F.REQUEST | flags, body: w.bytes() };
}

/** True for messages that `decodeNft` understands; acks and the end of a dump are not among them. */
export function isNft(message: { readonly type: number }): boolean {
  return message.type >> 8 === NFNL_SUBSYS.NFTABLES;
}

/** Reads one message. What it returns owns its memory. Throws `DecodeError`. */
export function decodeNft(message: {
  readonly type: number;
  readonly body: Uint8Array;
}): NftMessage | UnknownNftMessage {
  const { type, body } = message;
  if (!isNft(message)) throw new DecodeError(`message type ${type} is not of nf_tables`, 0);
  if (body.length < NFGENMSG_SIZE) {
    throw new DecodeError(`nfgenmsg takes ${NFGENMSG_SIZE} bytes, not ${body.length}`, 0);
  }
  const family = body[0] as number;
  const number = type & 0xff;
  const known = BY_NUMBER.get(number);
  if (known === undefined) return { kind: "unknown", number, family, bytes: body.slice(NFGENMSG_SIZE) };
  const value = OBJECT_TABLES[known.kind].decode(body, NFGENMSG_SIZE, body.length);
  return { ...known, family, value } as NftMessage;
}
