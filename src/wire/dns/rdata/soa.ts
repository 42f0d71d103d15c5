import { TYPE } from "../constants.ts";
import { readName, writeName, type DnsName } from "../name.ts";
import { formatName } from "../text.ts";
import type { RDataCodec } from "./codec.ts";

/** RFC 1035 section 3.3.13. All times in seconds. */
export interface SoaData {
  readonly kind: "SOA";
  /** Primary server of the zone (MNAME). */
  readonly primary: DnsName;
  /** Mailbox of who is in charge, its `@` written as a dot (RNAME). */
  readonly mailbox: DnsName;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  /** MINIMUM: how long "there is no such thing" may be remembered (RFC 2308 section 4). */
  readonly minimum: number;
}

export const soaCodec: RDataCodec<SoaData> = {
  type: TYPE.SOA,
  onlyIn: false,
  read: (r) => ({
    kind: "SOA",
    primary: readName(r),
    mailbox: readName(r),
    serial: r.be32(),
    refresh: r.be32(),
    retry: r.be32(),
    expire: r.be32(),
    minimum: r.be32(),
  }),
  write(w, data, names) {
    writeName(w, data.primary, names);
    writeName(w, data.mailbox, names);
    w.be32(data.serial).be32(data.refresh).be32(data.retry).be32(data.expire).be32(data.minimum);
  },
  format: (data) =>
    `${formatName(data.primary)} ${formatName(data.mailbox)} ${data.serial} ${data.refresh} ${data.retry} ` +
    `${data.expire} ${data.minimum}`,
};
