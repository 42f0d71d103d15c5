import { TYPE } from "../constants.ts";
import { readName, writeName, type DnsName } from "../name.ts";
import { formatName } from "../text.ts";
import type { RDataCodec } from "./codec.ts";

/** RFC 1035 section 3.3.9. */
export interface MxData {
  readonly kind: "MX";
  /** Lower is tried first. */
  readonly preference: number;
  readonly exchange: DnsName;
}

export const mxCodec: RDataCodec<MxData> = {
  type: TYPE.MX,
  onlyIn: false,
  read: (r) => ({ kind: "MX", preference: r.be16(), exchange: readName(r) }),
  write(w, data, names) {
    w.be16(data.preference);
    writeName(w, data.exchange, names);
  },
  format: (data) => `${data.preference} ${formatName(data.exchange)}`,
};
