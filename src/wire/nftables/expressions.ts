import { attrs, type AttrValues, nested, variant, type Variant } from "../netlink/attrs.ts";
import { type AttrType, be16, be32, be64, bytes, cstr, u8 } from "../netlink/types.ts";
import { data, type Data } from "./data.ts";
import {
  NFTA_BITWISE,
  NFTA_BYTEORDER,
  NFTA_CMP,
  NFTA_CT,
  NFTA_EXPR,
  NFTA_FIB,
  NFTA_IMMEDIATE,
  NFTA_LIMIT,
  NFTA_LOG,
  NFTA_LOOKUP,
  NFTA_MASQ,
  NFTA_META,
  NFTA_NAT,
  NFTA_PAYLOAD,
  NFTA_RANGE,
  NFTA_REDIR,
  NFTA_REJECT,
} from "./expression-numbers.ts";
import { NFTA_COUNTER } from "./numbers.ts";

/**
 * Expressions are the instructions a rule is made of: they load registers, compare them, and end in a verdict. Registers
 * are NFT_REG; `dreg` is written and `sreg` read. Kinds are the kernel's names; one that is not here keeps its bytes.
 */

/** Loads `key` (NFT_META) into `dreg`, or sets it from `sreg`. */
export interface MetaAttrs {
  readonly key: number;
  readonly dreg: number;
  readonly sreg: number;
}

/** Loads `len` bytes of the packet into `dreg`, or writes them from `sreg` and corrects a checksum. */
export interface PayloadAttrs {
  readonly dreg: number;
  readonly sreg: number;
  /** NFT_PAYLOAD: which header `offset` counts from, in bytes. */
  readonly base: number;
  readonly offset: number;
  readonly len: number;
  /** NFT_PAYLOAD_CSUM, and where the checksum is, counted from the same header. */
  readonly csumType: number;
  readonly csumOffset: number;
  /** NFT_PAYLOAD_L4CSUM_PSEUDOHDR */
  readonly csumFlags: number;
}

/** Ends the rule unless `sreg` compares (NFT_CMP) with `data`, which is as long as what is compared. */
export interface CmpAttrs {
  readonly sreg: number;
  readonly op: number;
  readonly data: Data;
}

export interface RangeAttrs {
  readonly sreg: number;
  /** NFT_RANGE */
  readonly op: number;
  readonly from: Data;
  readonly to: Data;
}

/** `dreg = (sreg & mask) ^ xor` over `len` bytes, or a shift by `data` (NFT_BITWISE). */
export interface BitwiseAttrs {
  readonly sreg: number;
  readonly dreg: number;
  readonly op: number;
  readonly len: number;
  readonly mask: Data;
  readonly xor: Data;
  readonly data: Data;
}

/** Turns `len` bytes of `sreg` around in words of `size` bytes (NFT_BYTEORDER). */
export interface ByteorderAttrs {
  readonly sreg: number;
  readonly dreg: number;
  readonly op: number;
  readonly len: number;
  readonly size: number;
}

/** Puts a value or, with `dreg` NFT_REG.VERDICT, a verdict. */
export interface ImmediateAttrs {
  readonly dreg: number;
  readonly data: Data;
}

/** Looks `sreg` up in a set; a map's data goes to `dreg`. Ends the rule when the key is absent (present with F_INV). */
export interface LookupAttrs {
  readonly sreg: number;
  readonly dreg: number;
  readonly set: string;
  /** NFTA_SET_ID of a set made in the same transaction; the name alone does as well. */
  readonly setId: number;
  /** NFT_LOOKUP_F_INV */
  readonly flags: number;
}

export interface NatAttrs {
  /** NFT_NAT */
  readonly type: number;
  /** NFPROTO of the addresses. */
  readonly family: number;
  /** Registers; a single address or port is its minimum alone. */
  readonly addrMin: number;
  readonly addrMax: number;
  readonly protoMin: number;
  readonly protoMax: number;
  /** NF_NAT_RANGE; the kernel adds MAP_IPS and PROTO_SPECIFIED itself. */
  readonly flags: number;
}

export interface MasqAttrs {
  readonly flags: number;
  readonly protoMin: number;
  readonly protoMax: number;
}

/** Loads a fact of the packet's connection (NFT_CT) into `dreg`, or sets it from `sreg`. */
export interface CtAttrs {
  readonly key: number;
  readonly dreg: number;
  readonly sreg: number;
  /** 0 original, 1 reply, for the keys that differ by direction. */
  readonly direction: number;
}

export interface CounterAttrs {
  readonly bytes: bigint;
  readonly packets: bigint;
}

/** Asks the routing table about an address: NFT_FIB_RESULT by NFTA_FIB_F. */
export interface FibAttrs {
  readonly dreg: number;
  readonly result: number;
  readonly flags: number;
}

export interface RejectAttrs {
  /** NFT_REJECT */
  readonly type: number;
  readonly icmpCode: number;
}

export interface LimitAttrs {
  /** Packets or bytes in `unit` seconds. */
  readonly rate: bigint;
  readonly unit: bigint;
  readonly burst: number;
  /** NFT_LIMIT */
  readonly type: number;
  /** 1: true above the limit instead of below. */
  readonly flags: number;
}

export interface LogAttrs {
  /** nflog group; absent: the kernel's log, at `level`. */
  readonly group: number;
  readonly prefix: string;
  readonly snaplen: number;
  readonly qthreshold: number;
  readonly level: number;
  readonly flags: number;
}

const counterTable = attrs<CounterAttrs>({
  bytes: [NFTA_COUNTER.BYTES, be64],
  packets: [NFTA_COUNTER.PACKETS, be64],
});
/** Also the counters of a base chain and of a counter object. */
export const counter: AttrType<AttrValues<CounterAttrs>> = nested(counterTable);

type Kinds = {
  readonly meta: Nest<MetaAttrs>;
  readonly payload: Nest<PayloadAttrs>;
  readonly cmp: Nest<CmpAttrs>;
  readonly range: Nest<RangeAttrs>;
  readonly bitwise: Nest<BitwiseAttrs>;
  readonly byteorder: Nest<ByteorderAttrs>;
  readonly immediate: Nest<ImmediateAttrs>;
  readonly lookup: Nest<LookupAttrs>;
  readonly nat: Nest<NatAttrs>;
  readonly masq: Nest<MasqAttrs>;
  readonly redir: Nest<MasqAttrs>;
  readonly ct: Nest<CtAttrs>;
  readonly counter: Nest<CounterAttrs>;
  readonly fib: Nest<FibAttrs>;
  readonly reject: Nest<RejectAttrs>;
  readonly limit: Nest<LimitAttrs>;
  readonly log: Nest<LogAttrs>;
  /** Has no attributes: whatever comes stays bytes. */
  readonly notrack: AttrType<Uint8Array>;
};
type Nest<V> = AttrType<AttrValues<V>>;

const kinds: Kinds = {
  meta: nested(
    attrs<MetaAttrs>({
      key: [NFTA_META.KEY, be32],
      dreg: [NFTA_META.DREG, be32],
      sreg: [NFTA_META.SREG, be32],
    }),
  ),
  payload: nested(
    attrs<PayloadAttrs>({
      dreg: [NFTA_PAYLOAD.DREG, be32],
      sreg: [NFTA_PAYLOAD.SREG, be32],
      base: [NFTA_PAYLOAD.BASE, be32],
      offset: [NFTA_PAYLOAD.OFFSET, be32],
      len: [NFTA_PAYLOAD.LEN, be32],
      csumType: [NFTA_PAYLOAD.CSUM_TYPE, be32],
      csumOffset: [NFTA_PAYLOAD.CSUM_OFFSET, be32],
      csumFlags: [NFTA_PAYLOAD.CSUM_FLAGS, be32],
    }),
  ),
  cmp: nested(
    attrs<CmpAttrs>({ sreg: [NFTA_CMP.SREG, be32], op: [NFTA_CMP.OP, be32], data: [NFTA_CMP.DATA, data] }),
  ),
  range: nested(
    attrs<RangeAttrs>({
      sreg: [NFTA_RANGE.SREG, be32],
      op: [NFTA_RANGE.OP, be32],
      from: [NFTA_RANGE.FROM_DATA, data],
      to: [NFTA_RANGE.TO_DATA, data],
    }),
  ),
  bitwise: nested(
    attrs<BitwiseAttrs>({
      sreg: [NFTA_BITWISE.SREG, be32],
      dreg: [NFTA_BITWISE.DREG, be32],
      op: [NFTA_BITWISE.OP, be32],
      len: [NFTA_BITWISE.LEN, be32],
      mask: [NFTA_BITWISE.MASK, data],
      xor: [NFTA_BITWISE.XOR, data],
      data: [NFTA_BITWISE.DATA, data],
    }),
  ),
  byteorder: nested(
    attrs<ByteorderAttrs>({
      sreg: [NFTA_BYTEORDER.SREG, be32],
      dreg: [NFTA_BYTEORDER.DREG, be32],
      op: [NFTA_BYTEORDER.OP, be32],
      len: [NFTA_BYTEORDER.LEN, be32],
      size: [NFTA_BYTEORDER.SIZE, be32],
    }),
  ),
  immediate: nested(
    attrs<ImmediateAttrs>({ dreg: [NFTA_IMMEDIATE.DREG, be32], data: [NFTA_IMMEDIATE.DATA, data] }),
  ),
  lookup: nested(
    attrs<LookupAttrs>({
      sreg: [NFTA_LOOKUP.SREG, be32],
      dreg: [NFTA_LOOKUP.DREG, be32],
      set: [NFTA_LOOKUP.SET, cstr],
      setId: [NFTA_LOOKUP.SET_ID, be32],
      flags: [NFTA_LOOKUP.FLAGS, be32],
    }),
  ),
  nat: nested(
    attrs<NatAttrs>({
      type: [NFTA_NAT.TYPE, be32],
      family: [NFTA_NAT.FAMILY, be32],
      addrMin: [NFTA_NAT.REG_ADDR_MIN, be32],
      addrMax: [NFTA_NAT.REG_ADDR_MAX, be32],
      protoMin: [NFTA_NAT.REG_PROTO_MIN, be32],
      protoMax: [NFTA_NAT.REG_PROTO_MAX, be32],
      flags: [NFTA_NAT.FLAGS, be32],
    }),
  ),
  masq: nested(
    attrs<MasqAttrs>({
      flags: [NFTA_MASQ.FLAGS, be32],
      protoMin: [NFTA_MASQ.REG_PROTO_MIN, be32],
      protoMax: [NFTA_MASQ.REG_PROTO_MAX, be32],
    }),
  ),
  redir: nested(
    attrs<MasqAttrs>({
      protoMin: [NFTA_REDIR.REG_PROTO_MIN, be32],
      protoMax: [NFTA_REDIR.REG_PROTO_MAX, be32],
      flags: [NFTA_REDIR.FLAGS, be32],
    }),
  ),
  ct: nested(
    attrs<CtAttrs>({
      key: [NFTA_CT.KEY, be32],
      dreg: [NFTA_CT.DREG, be32],
      sreg: [NFTA_CT.SREG, be32],
      direction: [NFTA_CT.DIRECTION, u8],
    }),
  ),
  counter,
  fib: nested(
    attrs<FibAttrs>({
      dreg: [NFTA_FIB.DREG, be32],
      result: [NFTA_FIB.RESULT, be32],
      flags: [NFTA_FIB.FLAGS, be32],
    }),
  ),
  reject: nested(
    attrs<RejectAttrs>({ type: [NFTA_REJECT.TYPE, be32], icmpCode: [NFTA_REJECT.ICMP_CODE, u8] }),
  ),
  limit: nested(
    attrs<LimitAttrs>({
      rate: [NFTA_LIMIT.RATE, be64],
      unit: [NFTA_LIMIT.UNIT, be64],
      burst: [NFTA_LIMIT.BURST, be32],
      type: [NFTA_LIMIT.TYPE, be32],
      flags: [NFTA_LIMIT.FLAGS, be32],
    }),
  ),
  log: nested(
    attrs<LogAttrs>({
      group: [NFTA_LOG.GROUP, be16],
      prefix: [NFTA_LOG.PREFIX, cstr],
      snaplen: [NFTA_LOG.SNAPLEN, be32],
      qthreshold: [NFTA_LOG.QTHRESHOLD, be16],
      level: [NFTA_LOG.LEVEL, be32],
      flags: [NFTA_LOG.FLAGS, be32],
    }),
  ),
  notrack: bytes,
};

export type Expression = Variant<Kinds>;
export const expression: AttrType<Expression> = variant(
  { kind: NFTA_EXPR.NAME, data: NFTA_EXPR.DATA },
  kinds,
);
