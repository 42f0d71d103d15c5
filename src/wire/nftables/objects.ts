import { attrs, type AttrTable, type AttrValues, listOf, nested } from "../netlink/attrs.ts";
import { type AttrType, be32, be64, bytes, cstr } from "../netlink/types.ts";
import { data, type Data } from "./data.ts";
import { counter, type CounterAttrs, type Expression, expression } from "./expressions.ts";
import {
  NFTA_CHAIN,
  NFTA_DEVICE,
  NFTA_GEN,
  NFTA_HOOK,
  NFTA_LIST_ELEM,
  NFTA_OBJ,
  NFTA_RULE,
  NFTA_SET,
  NFTA_SET_DESC,
  NFTA_SET_ELEM,
  NFTA_SET_ELEM_LIST,
  NFTA_SET_FIELD,
  NFTA_TABLE,
} from "./numbers.ts";
import { beI32 } from "./signed.ts";

/**
 * The attributes of each kind of object. All are optional in a value; which ones a message needs depends on what it asks.
 * `use` and `handle` come from the kernel. `userdata` holds comments: see userdata.ts.
 */
export interface TableAttrs {
  readonly name: string;
  /** NFT_TABLE_F */
  readonly flags: number;
  /** Number of chains, sets and objects in it. */
  readonly use: number;
  readonly handle: bigint;
  readonly userdata: Uint8Array;
  /** Netlink port of the owner, for tables with NFT_TABLE_F.OWNER. */
  readonly owner: number;
}

export interface HookAttrs {
  /** NF_INET */
  readonly hooknum: number;
  /** Lower runs first. */
  readonly priority: number;
  /** For netdev and ingress chains: one device, or several. */
  readonly dev: string;
  readonly devs: readonly string[];
}

export interface ChainAttrs {
  readonly table: string;
  readonly name: string;
  /** Makes it a base chain. */
  readonly hook: AttrValues<HookAttrs>;
  /** NFT_VERDICT.ACCEPT or DROP; base chains only. */
  readonly policy: number;
  /** `filter`, `nat` or `route`; base chains only. */
  readonly type: string;
  /** Packets the policy applied to, if the chain counts them. */
  readonly counters: AttrValues<CounterAttrs>;
  /** NFT_CHAIN_FLAG */
  readonly flags: number;
  readonly userdata: Uint8Array;
  readonly use: number;
  readonly handle: bigint;
  readonly id: number;
}

export interface RuleAttrs {
  readonly table: string;
  readonly chain: string;
  readonly handle: bigint;
  readonly expressions: readonly Expression[];
  /** Asked: handle of the rule to add after (or, without NLM_F_APPEND, before). Answered: handle of the rule before. */
  readonly position: bigint;
  readonly userdata: Uint8Array;
  readonly id: number;
  readonly positionId: number;
  readonly chainId: number;
}

export interface SetFieldAttrs {
  /** Bytes of one field of a concatenation, without padding. */
  readonly len: number;
}
export interface SetDescAttrs {
  /** Most elements the set can hold. */
  readonly size: number;
  /** The fields of a concatenated key; intervals over a concatenation need it. */
  readonly concat: readonly AttrValues<SetFieldAttrs>[];
}

export interface SetAttrs {
  readonly table: string;
  readonly name: string;
  /** NFT_SET */
  readonly flags: number;
  /** For people: nft's number of the type (datatypes.ts). The kernel stores it. */
  readonly keyType: number;
  /** Bytes of a key. */
  readonly keyLen: number;
  /** Maps only; NFT_DATA_VERDICT for verdict maps. */
  readonly dataType: number;
  readonly dataLen: number;
  readonly policy: number;
  readonly desc: AttrValues<SetDescAttrs>;
  /** A number of the sender's, unique in the transaction. Adding a set needs it. */
  readonly id: number;
  /** Default timeout of elements, in milliseconds. */
  readonly timeout: bigint;
  readonly gcInterval: number;
  readonly userdata: Uint8Array;
  readonly objType: number;
  readonly handle: bigint;
  readonly expr: Expression;
  readonly expressions: readonly Expression[];
  /** Name of the kernel's implementation (Linux 6.16 and later). */
  readonly type: string;
  readonly count: number;
}

export interface SetElementAttrs {
  readonly key: Data;
  /** Upper end of an interval over a concatenated key, inclusive. */
  readonly keyEnd: Data;
  /** What the key maps to. */
  readonly data: Data;
  /** NFT_SET_ELEM */
  readonly flags: number;
  /** Milliseconds. */
  readonly timeout: bigint;
  /** Milliseconds that are left. */
  readonly expiration: bigint;
  readonly userdata: Uint8Array;
  readonly expr: Expression;
  readonly objref: string;
  readonly expressions: readonly Expression[];
}
export type SetElement = AttrValues<SetElementAttrs>;

export interface SetElementsAttrs {
  readonly table: string;
  readonly set: string;
  readonly setId: number;
  /** An attribute is at most 65,531 bytes, so long lists go in several messages. Absent when deleting: all. */
  readonly elements: readonly SetElement[];
}

export interface ObjectAttrs {
  readonly table: string;
  readonly name: string;
  /** NFT_OBJECT */
  readonly type: number;
  /** Attributes by type; `decodeCounter` reads a counter's. */
  readonly data: Uint8Array;
  readonly use: number;
  readonly handle: bigint;
  readonly userdata: Uint8Array;
}

/** The generation of the ruleset: one more with each transaction, whoever made it. */
export interface GenAttrs {
  readonly id: number;
  readonly procPid: number;
  readonly procName: string;
}

const tableTable: AttrTable<TableAttrs> = attrs<TableAttrs>({
  name: [NFTA_TABLE.NAME, cstr],
  flags: [NFTA_TABLE.FLAGS, be32],
  use: [NFTA_TABLE.USE, be32],
  handle: [NFTA_TABLE.HANDLE, be64],
  userdata: [NFTA_TABLE.USERDATA, bytes],
  owner: [NFTA_TABLE.OWNER, be32],
});

const hook = nested(
  attrs<HookAttrs>({
    hooknum: [NFTA_HOOK.HOOKNUM, be32],
    priority: [NFTA_HOOK.PRIORITY, beI32],
    dev: [NFTA_HOOK.DEV, cstr],
    devs: [NFTA_HOOK.DEVS, listOf(NFTA_DEVICE.NAME, cstr)],
  }),
);

const chainTable: AttrTable<ChainAttrs> = attrs<ChainAttrs>({
  table: [NFTA_CHAIN.TABLE, cstr],
  name: [NFTA_CHAIN.NAME, cstr],
  hook: [NFTA_CHAIN.HOOK, hook],
  policy: [NFTA_CHAIN.POLICY, be32],
  type: [NFTA_CHAIN.TYPE, cstr],
  counters: [NFTA_CHAIN.COUNTERS, counter],
  flags: [NFTA_CHAIN.FLAGS, be32],
  userdata: [NFTA_CHAIN.USERDATA, bytes],
  use: [NFTA_CHAIN.USE, be32],
  handle: [NFTA_CHAIN.HANDLE, be64],
  id: [NFTA_CHAIN.ID, be32],
});

const expressions: AttrType<readonly Expression[]> = listOf(NFTA_LIST_ELEM, expression);

const ruleTable: AttrTable<RuleAttrs> = attrs<RuleAttrs>({
  table: [NFTA_RULE.TABLE, cstr],
  chain: [NFTA_RULE.CHAIN, cstr],
  handle: [NFTA_RULE.HANDLE, be64],
  expressions: [NFTA_RULE.EXPRESSIONS, expressions],
  position: [NFTA_RULE.POSITION, be64],
  userdata: [NFTA_RULE.USERDATA, bytes],
  id: [NFTA_RULE.ID, be32],
  positionId: [NFTA_RULE.POSITION_ID, be32],
  chainId: [NFTA_RULE.CHAIN_ID, be32],
});

const setField = nested(attrs<SetFieldAttrs>({ len: [NFTA_SET_FIELD.LEN, be32] }));
const setDesc = nested(
  attrs<SetDescAttrs>({
    size: [NFTA_SET_DESC.SIZE, be32],
    concat: [NFTA_SET_DESC.CONCAT, listOf(NFTA_LIST_ELEM, setField)],
  }),
);

const setTable: AttrTable<SetAttrs> = attrs<SetAttrs>({
  table: [NFTA_SET.TABLE, cstr],
  name: [NFTA_SET.NAME, cstr],
  flags: [NFTA_SET.FLAGS, be32],
  keyType: [NFTA_SET.KEY_TYPE, be32],
  keyLen: [NFTA_SET.KEY_LEN, be32],
  dataType: [NFTA_SET.DATA_TYPE, be32],
  dataLen: [NFTA_SET.DATA_LEN, be32],
  policy: [NFTA_SET.POLICY, be32],
  desc: [NFTA_SET.DESC, setDesc],
  id: [NFTA_SET.ID, be32],
  timeout: [NFTA_SET.TIMEOUT, be64],
  gcInterval: [NFTA_SET.GC_INTERVAL, be32],
  userdata: [NFTA_SET.USERDATA, bytes],
  objType: [NFTA_SET.OBJ_TYPE, be32],
  handle: [NFTA_SET.HANDLE, be64],
  expr: [NFTA_SET.EXPR, expression],
  expressions: [NFTA_SET.EXPRESSIONS, expressions],
  type: [NFTA_SET.TYPE, cstr],
  count: [NFTA_SET.COUNT, be32],
});

const setElement = nested(
  attrs<SetElementAttrs>({
    key: [NFTA_SET_ELEM.KEY, data],
    keyEnd: [NFTA_SET_ELEM.KEY_END, data],
    data: [NFTA_SET_ELEM.DATA, data],
    flags: [NFTA_SET_ELEM.FLAGS, be32],
    timeout: [NFTA_SET_ELEM.TIMEOUT, be64],
    expiration: [NFTA_SET_ELEM.EXPIRATION, be64],
    userdata: [NFTA_SET_ELEM.USERDATA, bytes],
    expr: [NFTA_SET_ELEM.EXPR, expression],
    objref: [NFTA_SET_ELEM.OBJREF, cstr],
    expressions: [NFTA_SET_ELEM.EXPRESSIONS, expressions],
  }),
);

const setElementsTable: AttrTable<SetElementsAttrs> = attrs<SetElementsAttrs>({
  table: [NFTA_SET_ELEM_LIST.TABLE, cstr],
  set: [NFTA_SET_ELEM_LIST.SET, cstr],
  setId: [NFTA_SET_ELEM_LIST.SET_ID, be32],
  elements: [NFTA_SET_ELEM_LIST.ELEMENTS, listOf(NFTA_LIST_ELEM, setElement)],
});

const objectTable: AttrTable<ObjectAttrs> = attrs<ObjectAttrs>({
  table: [NFTA_OBJ.TABLE, cstr],
  name: [NFTA_OBJ.NAME, cstr],
  type: [NFTA_OBJ.TYPE, be32],
  data: [NFTA_OBJ.DATA, bytes],
  use: [NFTA_OBJ.USE, be32],
  handle: [NFTA_OBJ.HANDLE, be64],
  userdata: [NFTA_OBJ.USERDATA, bytes],
});

const genTable: AttrTable<GenAttrs> = attrs<GenAttrs>({
  id: [NFTA_GEN.ID, be32],
  procPid: [NFTA_GEN.PROC_PID, be32],
  procName: [NFTA_GEN.PROC_NAME, cstr],
});

/** A counter object's data. Throws `DecodeError`. */
export function decodeCounter(from: Uint8Array): AttrValues<CounterAttrs> {
  return counter.read(from, 0, from.length, "counter", 0);
}

export interface ObjectKinds {
  readonly table: TableAttrs;
  readonly chain: ChainAttrs;
  readonly rule: RuleAttrs;
  readonly set: SetAttrs;
  readonly elements: SetElementsAttrs;
  readonly object: ObjectAttrs;
  readonly gen: GenAttrs;
}

/** What a message is about, and the table of its attributes. */
export const OBJECT_TABLES: { readonly [K in keyof ObjectKinds]: AttrTable<ObjectKinds[K]> } = {
  table: tableTable,
  chain: chainTable,
  rule: ruleTable,
  set: setTable,
  elements: setElementsTable,
  object: objectTable,
  gen: genTable,
};
