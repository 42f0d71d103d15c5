import { type AttrValues } from "../../wire/netlink/attrs.ts";
import {
  type BitwiseAttrs,
  type CmpAttrs,
  NFT_BITWISE,
  NFT_CMP,
  NFT_RANGE,
  NFT_REG,
  type RangeAttrs,
} from "../../wire/nftables/index.ts";
import type { Bytes } from "./packet.ts";

/** Yes, no, or undefined: nobody here can know. */
export type Answer = boolean | undefined;

/** Of which comparisons a sign satisfies. */
const HOLDS: Readonly<Record<number, (sign: number) => boolean>> = {
  [NFT_CMP.EQ]: (sign) => sign === 0,
  [NFT_CMP.NEQ]: (sign) => sign !== 0,
  [NFT_CMP.LT]: (sign) => sign < 0,
  [NFT_CMP.LTE]: (sign) => sign <= 0,
  [NFT_CMP.GT]: (sign) => sign > 0,
  [NFT_CMP.GTE]: (sign) => sign >= 0,
};

/** The memory of a rule, of which some bytes are not known. Registers of 4 and of 16 bytes are the same memory. */
export class Registers {
  readonly #bytes: (number | undefined)[] = [];

  load(register: number, bytes: Bytes | undefined): void {
    const at = offsetOf(register);
    if (bytes === undefined) {
      for (let i = 0; i < 16; i++) this.#bytes[at + i] = undefined;
      return;
    }
    // Values fill up their register of four bytes with zeros.
    const room = (bytes.length + 3) & ~3;
    for (let i = 0; i < room; i++) this.#bytes[at + i] = i < bytes.length ? bytes[i] : 0;
  }

  read(register: number, length: number): Bytes {
    const at = offsetOf(register);
    return Array.from({ length }, (_, i) => this.#bytes[at + i]);
  }

  compare({ sreg = 0, op = NFT_CMP.EQ, data }: AttrValues<CmpAttrs>): Answer {
    if (data === undefined || !("value" in data)) return undefined;
    const sign = compareBytes(this.read(sreg, data.value.length), data.value);
    // One byte that is known to differ settles whether they are equal.
    if (sign === undefined && differs(this.read(sreg, data.value.length), data.value)) {
      return op === NFT_CMP.EQ ? false : op === NFT_CMP.NEQ ? true : undefined;
    }
    return sign === undefined ? undefined : HOLDS[op]?.(sign);
  }

  range({ sreg = 0, op, from, to }: AttrValues<RangeAttrs>): Answer {
    if (from === undefined || to === undefined || !("value" in from) || !("value" in to)) return undefined;
    const value = this.read(sreg, from.value.length);
    const [low, high] = [compareBytes(value, from.value), compareBytes(value, to.value)];
    if (low === undefined || high === undefined) return undefined;
    const isInside = low >= 0 && high <= 0;
    return op === NFT_RANGE.NEQ ? !isInside : isInside;
  }

  bitwise({ sreg = 0, dreg = 0, op, len = 0, mask, xor }: AttrValues<BitwiseAttrs>): void {
    const from = this.read(sreg, len);
    const isMask = (op ?? NFT_BITWISE.MASK_XOR) === NFT_BITWISE.MASK_XOR;
    if (!isMask || mask === undefined || !("value" in mask)) {
      this.load(dreg, undefined);
      return;
    }
    const flips = xor !== undefined && "value" in xor ? xor.value : new Uint8Array(len);
    const out = from.map((byte, i) => {
      const keep = mask.value[i] ?? 0;
      // What is masked away need not be known.
      if (keep === 0) return flips[i] ?? 0;
      return byte === undefined ? undefined : (byte & keep) ^ (flips[i] ?? 0);
    });
    this.load(dreg, out);
  }

  byteorder(sreg: number, dreg: number, shape: { readonly len: number; readonly size: number }): void {
    const from = this.read(sreg, shape.len);
    const out: (number | undefined)[] = [];
    for (let at = 0; at < shape.len; at += shape.size)
      out.push(...from.slice(at, at + shape.size).toReversed());
    this.load(dreg, out);
  }
}

/** Byte offset of a register: 1 to 4 have 16 bytes, 8 and on 4. */
export function offsetOf(register: number): number {
  return register >= NFT_REG.R32_00 ? (register - NFT_REG.R32_00) * 4 : (register - NFT_REG.R1) * 16;
}

/** As memcmp(3); undefined as soon as an unknown byte would decide. */
export function compareBytes(left: Bytes, right: Uint8Array): number | undefined {
  for (let i = 0; i < right.length; i++) {
    const byte = left[i];
    if (byte === undefined) return undefined;
    const difference = byte - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function differs(left: Bytes, right: Uint8Array): boolean {
  return left.some((byte, i) => byte !== undefined && byte !== right[i]);
}
