import { TYPE } from "../constants.ts";
import { readName, writeName, type DnsName } from "../name.ts";
import { formatName } from "../text.ts";
import type { RDataCodec } from "./codec.ts";

/** Data that is one name and nothing else (RFC 1035 sections 3.3.1, 3.3.11 and 3.3.12; RFC 6672 section 2.1). */
export interface TargetData<Kind extends "CNAME" | "NS" | "PTR" | "DNAME"> {
  readonly kind: Kind;
  readonly target: DnsName;
}

function targetCodec<Kind extends "CNAME" | "NS" | "PTR" | "DNAME">(
  kind: Kind,
  compress: boolean,
): RDataCodec<TargetData<Kind>> {
  return {
    type: TYPE[kind],
    onlyIn: false,
    read: (r) => ({ kind, target: readName(r) }),
    write: (w, data, names) => writeName(w, data.target, compress ? names : undefined),
    format: (data) => formatName(data.target),
  };
}

export const cnameCodec: RDataCodec<TargetData<"CNAME">> = targetCodec("CNAME", true);
export const nsCodec: RDataCodec<TargetData<"NS">> = targetCodec("NS", true);
export const ptrCodec: RDataCodec<TargetData<"PTR">> = targetCodec("PTR", true);
/** RFC 6672 section 2.5: the target is never compressed. */
export const dnameCodec: RDataCodec<TargetData<"DNAME">> = targetCodec("DNAME", false);
