import { TYPE } from "../constants.ts";
import { readName, writeName, type DnsName } from "../name.ts";
import { formatName } from "../text.ts";
import type { RDataCodec } from "./codec.ts";

/** RFC 2782. */
export interface SrvData {
  readonly kind: "SRV";
  /** Lower is tried first. */
  readonly priority: number;
  /** Share among equals of one priority. */
  readonly weight: number;
  readonly port: number;
  /** The root means: decidedly not available here. */
  readonly target: DnsName;
}

export const srvCodec: RDataCodec<SrvData> = {
  type: TYPE.SRV,
  onlyIn: true,
  read: (r) => ({ kind: "SRV", priority: r.be16(), weight: r.be16(), port: r.be16(), target: readName(r) }),
  write(w, data) {
    w.be16(data.priority).be16(data.weight).be16(data.port);
    // RFC 2782: the target is not to be compressed, although readers meet senders who do.
    writeName(w, data.target, undefined);
  },
  format: (data) => `${data.priority} ${data.weight} ${data.port} ${formatName(data.target)}`,
};
