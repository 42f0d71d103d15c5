import { type Data, type Verdict } from "./data.ts";
import type { Expression } from "./expressions.ts";
import {
  NFT_CMP,
  NFT_LOOKUP_F_INV,
  NFT_PAYLOAD,
  NFT_PAYLOAD_CSUM,
  NFT_REG,
  NFTA_FIB_F,
  NFT_FIB_RESULT,
} from "./expression-numbers.ts";

/**
 * The expressions that firewalls are mostly made of, one function each. What is not here is written as the value it is:
 * `{ kind: "limit", data: { … } }`. Attributes are in the order nft writes them.
 */
const value = (bytes: Uint8Array): Data => ({ value: bytes });

/** `key` is one of NFT_META. */
export function loadMeta(key: number, dreg: number): Expression {
  return { kind: "meta", data: { key, dreg } };
}

/** `key` is one of NFT_CT, of those that have no direction. */
export function loadCt(key: number, dreg: number): Expression {
  return { kind: "ct", data: { key, dreg } };
}

/** A field of the packet, in bytes from the start of its header. */
export interface Field {
  readonly base: "link" | "network" | "transport";
  readonly offset: number;
  readonly len: number;
}

const BASES = {
  link: NFT_PAYLOAD.LL_HEADER,
  network: NFT_PAYLOAD.NETWORK_HEADER,
  transport: NFT_PAYLOAD.TRANSPORT_HEADER,
} as const;

export function loadPayload(field: Field, dreg: number): Expression {
  return { kind: "payload", data: { dreg, base: BASES[field.base], offset: field.offset, len: field.len } };
}

/** Overwrites a field; `csumOffset` is where the header's Internet checksum is. */
export function storePayload(field: Field, sreg: number, csumOffset: number): Expression {
  return {
    kind: "payload",
    data: {
      sreg,
      base: BASES[field.base],
      offset: field.offset,
      len: field.len,
      csumType: NFT_PAYLOAD_CSUM.INET,
      csumOffset,
    },
  };
}

/** Type of an address by the routing table: RTN_* as a number in host byte order. */
export function loadAddressType(of: "saddr" | "daddr", dreg: number): Expression {
  const flags = of === "saddr" ? NFTA_FIB_F.SADDR : NFTA_FIB_F.DADDR;
  return { kind: "fib", data: { flags, result: NFT_FIB_RESULT.ADDRTYPE, dreg } };
}

export function compare(sreg: number, op: "==" | "!=", bytes: Uint8Array): Expression {
  return { kind: "cmp", data: { sreg, op: op === "==" ? NFT_CMP.EQ : NFT_CMP.NEQ, data: value(bytes) } };
}

/** `dreg = sreg & mask`. */
export function mask(sreg: number, dreg: number, bytes: Uint8Array): Expression {
  const xor = value(new Uint8Array(bytes.length));
  return { kind: "bitwise", data: { sreg, dreg, len: bytes.length, mask: value(bytes), xor } };
}

export function immediate(dreg: number, bytes: Uint8Array): Expression {
  return { kind: "immediate", data: { dreg, data: value(bytes) } };
}

export function verdictExpr(verdict: Verdict): Expression {
  return { kind: "immediate", data: { dreg: NFT_REG.VERDICT, data: { verdict } } };
}

/** Goes on only if the key in `sreg` is in the set, or with `invert` only if it is not. */
export function lookupSet(set: string, sreg: number, invert: boolean): Expression {
  return { kind: "lookup", data: { sreg, set, ...(invert ? { flags: NFT_LOOKUP_F_INV } : {}) } };
}

/** Puts what the key maps to in `dreg`: NFT_REG.VERDICT for a verdict map. */
export function lookupMap(map: string, sreg: number, dreg: number): Expression {
  return { kind: "lookup", data: { sreg, dreg, set: map } };
}

/** Translates to the address, and if given the port, in registers; `type` is one of NFT_NAT, `family` of NFPROTO. */
export function nat(to: {
  readonly type: number;
  readonly family: number;
  readonly address: number;
  readonly port?: number;
}): Expression {
  const { type, family, address, port } = to;
  return { kind: "nat", data: { type, family, addrMin: address, protoMin: port } };
}

export const masquerade: Expression = { kind: "masq", data: {} };
export const notrack: Expression = { kind: "notrack" };
