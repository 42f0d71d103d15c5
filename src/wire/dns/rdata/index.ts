import type { Reader, Writer } from "../../../base/cursor.ts";
import { CLASS, typeName } from "../constants.ts";
import type { NameTable } from "../name.ts";
import { formatHex } from "../text.ts";
import { aaaaCodec, aCodec, type AaaaData, type AData } from "./address.ts";
import type { RDataCodec } from "./codec.ts";
import { mxCodec, type MxData } from "./mx.ts";
import { soaCodec, type SoaData } from "./soa.ts";
import { srvCodec, type SrvData } from "./srv.ts";
import { httpsCodec, svcbCodec, type SvcbData } from "./svcb.ts";
import { cnameCodec, dnameCodec, nsCodec, ptrCodec, type TargetData } from "./target.ts";
import { txtCodec, type TxtData } from "./txt.ts";

/** Data of a type we have no layout for (or not in this class): carried as it came (RFC 3597). */
export interface UnknownData {
  readonly kind: "unknown";
  readonly type: number;
  readonly bytes: Uint8Array;
}

type KnownData =
  | AData
  | AaaaData
  | TargetData<"CNAME">
  | TargetData<"NS">
  | TargetData<"PTR">
  | TargetData<"DNAME">
  | SoaData
  | MxData
  | TxtData
  | SrvData
  | SvcbData<"SVCB">
  | SvcbData<"HTTPS">;

export type RData = KnownData | UnknownData;

/** One row a kind: a kind without a row does not compile. */
const codecs: { readonly [Kind in KnownData["kind"]]: RDataCodec<Extract<KnownData, { kind: Kind }>> } = {
  A: aCodec,
  AAAA: aaaaCodec,
  CNAME: cnameCodec,
  NS: nsCodec,
  PTR: ptrCodec,
  DNAME: dnameCodec,
  SOA: soaCodec,
  MX: mxCodec,
  TXT: txtCodec,
  SRV: srvCodec,
  SVCB: svcbCodec,
  HTTPS: httpsCodec,
};

const byType: ReadonlyMap<number, RDataCodec<KnownData>> = new Map(
  Object.values(codecs).map((codec) => [codec.type, codec as RDataCodec<KnownData>]),
);

// The table pairs each kind with its own codec; the compiler loses that link when the kind is only known at run time.
function codecOf(data: KnownData): RDataCodec<KnownData> {
  return codecs[data.kind];
}

export function rdataType(data: RData): number {
  return data.kind === "unknown" ? data.type : codecs[data.kind].type;
}

/** Reads `size` octets of data of this type and class. Fails the reader when the data ends elsewhere. */
export function readRData(r: Reader, header: { type: number; class: number; size: number }): RData {
  const { type, size } = header;
  const start = r.offset;
  const codec = byType.get(type);
  // Empty data in the classes NONE and ANY says "any such record" in updates and prerequisites (RFC 2136 section 2.4).
  const empty = size === 0 && (header.class === CLASS.NONE || header.class === CLASS.ANY);
  if (codec === undefined || empty || (codec.onlyIn && header.class !== CLASS.IN)) {
    return { kind: "unknown", type, bytes: r.take(size) };
  }
  if (size > r.remaining) {
    r.fail(`${typeName(type)} data needs ${size} bytes, ${r.remaining} are left`);
  }
  const data = codec.read(r, size);
  if (r.offset !== start + size) {
    r.fail(`${typeName(type)} data takes ${r.offset - start} bytes, its length says ${size}`);
  }
  return data;
}

export function writeRData(w: Writer, data: RData, names: NameTable): void {
  if (data.kind === "unknown") w.put(data.bytes);
  else codecOf(data).write(w, data, names);
}

/** Unknown data in the generic form of RFC 3597 section 5: `\# length hex`. */
export function formatRData(data: RData): string {
  if (data.kind !== "unknown") return codecOf(data).format(data);
  return data.bytes.length === 0 ? "\\# 0" : `\\# ${data.bytes.length} ${formatHex(data.bytes)}`;
}
