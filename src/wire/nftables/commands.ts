import type { AttrValues } from "../netlink/attrs.ts";
import type { Request } from "../netlink/message.ts";
import { NLM_F } from "../netlink/numbers.ts";
import { type Expression } from "./expressions.ts";
import { encodeNft, type ObjectKind, type Verb } from "./message.ts";
import type { ChainAttrs, HookAttrs, ObjectKinds, SetAttrs, SetElement, TableAttrs } from "./objects.ts";
import { commentData, concatBytes } from "./userdata.ts";

/**
 * One function for each thing nft can be told; each gives a request for `transaction`, or for a socket by itself where it
 * only reads. `family` is one of NFPROTO. Adding what is there with the same properties is fine.
 */
export interface In {
  readonly family: number;
  readonly table: string;
}

const CREATE = NLM_F.CREATE;

function request<K extends ObjectKind>(
  kind: K,
  verb: Verb,
  family: number,
  value: AttrValues<ObjectKinds[K]>,
  flags: number,
): Request {
  return encodeNft({ kind, verb, family, value }, flags);
}

const comment = (
  of: Parameters<typeof commentData>[0],
  text: string | undefined,
): { userdata?: Uint8Array } => (text === undefined ? {} : { userdata: commentData(of, text) });

export function addTable(table: {
  readonly family: number;
  readonly name: string;
  readonly flags?: TableAttrs["flags"];
  readonly comment?: string | undefined;
}): Request {
  const { family, name, flags = 0 } = table;
  return request("table", "new", family, { name, flags, ...comment("table", table.comment) }, 0);
}

export function deleteTable(table: { readonly family: number; readonly name: string }): Request {
  return request("table", "delete", table.family, { name: table.name }, 0);
}

export interface NewChain extends In {
  readonly name: string;
  /** Makes it a base chain. */
  readonly hook?: (AttrValues<HookAttrs> & { readonly type: "filter" | "nat" | "route" }) | undefined;
  /** NFT_VERDICT.ACCEPT or DROP. */
  readonly policy?: ChainAttrs["policy"] | undefined;
  readonly comment?: string | undefined;
}

export function addChain(chain: NewChain): Request {
  const { family, table, name, hook, policy } = chain;
  const { type, ...where } = hook ?? {};
  const base = hook === undefined ? {} : { type, policy, hook: where };
  return request(
    "chain",
    "new",
    family,
    { table, name, ...base, ...comment("chain", chain.comment) },
    CREATE,
  );
}

export function deleteChain(chain: In & { readonly name: string }): Request {
  return request("chain", "delete", chain.family, { table: chain.table, name: chain.name }, 0);
}

/** Removes a chain's rules; without `chain`, those of all chains of the table. */
export function flushRules(chain: In & { readonly chain?: string | undefined }): Request {
  return request("rule", "delete", chain.family, { table: chain.table, chain: chain.chain }, 0);
}

export interface NewRule extends In {
  readonly chain: string;
  readonly expressions: readonly Expression[];
  readonly comment?: string | undefined;
  /** Handle of the rule after which this one goes, or before which; absent: at the end. */
  readonly after?: bigint | undefined;
  readonly before?: bigint | undefined;
}

export function addRule(rule: NewRule): Request {
  const { family, table, chain, expressions, after, before } = rule;
  const value = { table, chain, expressions, position: after ?? before, ...comment("rule", rule.comment) };
  return request("rule", "new", family, value, before === undefined ? CREATE | NLM_F.APPEND : CREATE);
}

export function deleteRule(rule: In & { readonly chain: string; readonly handle: bigint }): Request {
  const { family, table, chain, handle } = rule;
  return request("rule", "delete", family, { table, chain, handle }, 0);
}

/** What a set is besides its place: see `setType` for the usual way to get it. */
export type SetType = Pick<
  AttrValues<SetAttrs>,
  "flags" | "keyType" | "keyLen" | "dataType" | "dataLen" | "objType" | "timeout" | "desc" | "userdata"
>;

export interface NewSet extends In {
  readonly name: string;
  readonly type: SetType;
  /** Unique among the sets that one transaction adds. */
  readonly id: number;
  readonly comment?: string | undefined;
}

export function addSet(set: NewSet): Request {
  const { family, table, name, type, id } = set;
  const { flags, keyType, keyLen, dataType, dataLen, objType, timeout, desc, userdata } = type;
  const value = { table, name, flags, keyType, keyLen, dataType, dataLen, objType, id, timeout, desc };
  const hints = userdata ?? new Uint8Array(0);
  const all = set.comment === undefined ? hints : concatBytes([hints, commentData("set", set.comment)]);
  return request("set", "new", family, all.length === 0 ? value : { ...value, userdata: all }, CREATE);
}

export function deleteSet(set: In & { readonly name: string }): Request {
  return request("set", "delete", set.family, { table: set.table, name: set.name }, 0);
}

export interface Elements extends In {
  readonly set: string;
  /** The id under which the same transaction adds the set; the name alone does as well. */
  readonly setId?: number | undefined;
  /** Together at most 65,531 bytes as attributes. */
  readonly elements: readonly SetElement[];
}

export function addElements(list: Elements): Request {
  const { family, ...value } = list;
  return request("elements", "new", family, value, CREATE);
}

/** Fails as a whole when one is absent, and the transaction with it. */
export function deleteElements(list: Elements): Request {
  const { family, ...value } = list;
  return request("elements", "delete", family, value, 0);
}

/** Like `deleteElements`, and absent ones are fine. Linux 6.3 and later. */
export function destroyElements(list: Elements): Request {
  const { family, ...value } = list;
  return request("elements", "destroy", family, value, 0);
}

/** Removes all elements. */
export function flushSet(set: In & { readonly set: string }): Request {
  return request("elements", "delete", set.family, { table: set.table, set: set.set }, 0);
}

/** Dumps, each answered by messages of its kind and an end. A family of NFPROTO.UNSPEC asks for all. */
export function dumpTables(family: number): Request {
  return request("table", "get", family, {}, NLM_F.DUMP);
}

export function dumpChains(family: number): Request {
  return request("chain", "get", family, {}, NLM_F.DUMP);
}

export function dumpRules(from: {
  readonly family: number;
  readonly table?: string;
  readonly chain?: string;
}): Request {
  return request("rule", "get", from.family, { table: from.table, chain: from.chain }, NLM_F.DUMP);
}

export function dumpSets(from: { readonly family: number; readonly table?: string }): Request {
  return request("set", "get", from.family, { table: from.table }, NLM_F.DUMP);
}

export function dumpElements(from: In & { readonly set: string }): Request {
  return request("elements", "get", from.family, { table: from.table, set: from.set }, NLM_F.DUMP);
}

export function dumpObjects(from: { readonly family: number; readonly table?: string }): Request {
  return request("object", "get", from.family, { table: from.table }, NLM_F.DUMP);
}

/** Answered by one `gen` message: the ruleset's generation, for `transaction`'s `generation`. */
export function getGeneration(): Request {
  return request("gen", "get", 0, {}, 0);
}
