import type { Reader } from "../../../base/cursor.ts";
import { ipBytes, ipFromBytes, type Ip } from "../../../base/ip.ts";
import { TYPE } from "../constants.ts";
import type { RDataCodec } from "./codec.ts";

/** RFC 1035 section 3.4.1. */
export interface AData {
  readonly kind: "A";
  readonly address: Ip;
}

/** RFC 3596 section 2.2. */
export interface AaaaData {
  readonly kind: "AAAA";
  readonly address: Ip;
}

/** The reader's error is sticky and asked for later; until then a failed read gives the unspecified address. */
function readAddress(r: Reader, size: 4 | 16): Ip {
  const bytes = r.take(size);
  return ipFromBytes(bytes.length === size ? bytes : new Uint8Array(size));
}

export const aCodec: RDataCodec<AData> = {
  type: TYPE.A,
  onlyIn: true,
  read: (r) => ({ kind: "A", address: readAddress(r, 4) }),
  write: (w, data) => void w.put(ipBytes(data.address)),
  format: (data) => data.address,
};

export const aaaaCodec: RDataCodec<AaaaData> = {
  type: TYPE.AAAA,
  onlyIn: true,
  read: (r) => ({ kind: "AAAA", address: readAddress(r, 16) }),
  write: (w, data) => void w.put(ipBytes(data.address)),
  format: (data) => data.address,
};
