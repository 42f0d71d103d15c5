import { DecodeError } from "../../base/cursor.ts";
import { NetError } from "../../base/errors.ts";
import { attrs, nested } from "../netlink/attrs.ts";
import { type AttrType, bytes, cstr } from "../netlink/types.ts";
import { beI32 } from "./signed.ts";
import { NFT_VERDICT, NFTA_DATA, NFTA_VERDICT } from "./numbers.ts";

/** What becomes of a packet. `jump` and `goto` name a chain of the same table. */
export type Verdict =
  | { readonly kind: "accept" | "drop" | "continue" | "break" | "return" }
  | { readonly kind: "jump" | "goto"; readonly chain: string }
  /** Queue verdicts with their number in the high half, and what may come. */
  | { readonly kind: "unknown"; readonly code: number; readonly chain?: string | undefined };

const CODES = {
  accept: NFT_VERDICT.ACCEPT,
  drop: NFT_VERDICT.DROP,
  continue: NFT_VERDICT.CONTINUE,
  break: NFT_VERDICT.BREAK,
  return: NFT_VERDICT.RETURN,
  jump: NFT_VERDICT.JUMP,
  goto: NFT_VERDICT.GOTO,
} as const;

const KINDS = new Map(Object.entries(CODES).map(([kind, code]) => [code, kind as keyof typeof CODES]));

interface VerdictAttrs {
  readonly code: number;
  readonly chain: string;
}
const verdictTable = attrs<VerdictAttrs>({
  code: [NFTA_VERDICT.CODE, beI32],
  chain: [NFTA_VERDICT.CHAIN, cstr],
});
const verdictNest = nested(verdictTable);

export const verdict: AttrType<Verdict> = {
  ...verdictNest,
  name: "verdict",
  write(w, value, label) {
    const chain = "chain" in value ? value.chain : undefined;
    verdictNest.write(w, { code: value.kind === "unknown" ? value.code : CODES[value.kind], chain }, label);
  },
  read(from, start, end, label, depth) {
    const { code: number, chain } = verdictNest.read(from, start, end, label, depth);
    if (number === undefined) throw new DecodeError(`${label}: a verdict without a code`, start);
    const kind = KINDS.get(number as never);
    if (kind === "jump" || kind === "goto") {
      // Jumps to an anonymous chain inside the same transaction name it by id: not what a dump shows.
      return chain === undefined ? { kind: "unknown", code: number } : { kind, chain };
    }
    return kind === undefined ? { kind: "unknown", code: number, chain } : { kind };
  },
};

/** What a register is compared with, set to, or an element maps to: bytes in the order they have there, or a verdict. */
export interface DataAttrs {
  readonly value: Uint8Array;
  readonly verdict: Verdict;
}
const dataTable = attrs<DataAttrs>({
  value: [NFTA_DATA.VALUE, bytes],
  verdict: [NFTA_DATA.VERDICT, verdict],
});
const dataNest = nested(dataTable);

/** A value or a verdict. */
export type Data = { readonly value: Uint8Array } | { readonly verdict: Verdict };

export const data: AttrType<Data> = {
  ...dataNest,
  name: "data",
  write(w, value, label) {
    dataNest.write(w, value, label);
  },
  read(from, start, end, label, depth) {
    const read = dataNest.read(from, start, end, label, depth);
    if (read.verdict !== undefined) return { verdict: read.verdict };
    if (read.value !== undefined) return { value: read.value };
    throw new DecodeError(`${label}: neither a value nor a verdict`, start);
  },
};

/** The bytes of a value. Throws NetError `internal` for a verdict: whoever asks knows which of the two it has. */
export function valueOf(from: Data): Uint8Array {
  if ("value" in from) return from.value;
  throw new NetError("internal", "nftables.decode", { message: "a verdict where a value was expected" });
}
