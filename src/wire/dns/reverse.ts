import { ipBytes, ipFromBytes, tryParseIp, type Ip } from "../../base/ip.ts";
import type { DnsName } from "./name.ts";

const V4 = ".in-addr.arpa";
const V6 = ".ip6.arpa";

/**
 * The address a PTR question is about: four numbers backwards under `in-addr.arpa` (RFC 1035 section 3.5) or 32 hex digits
 * backwards under `ip6.arpa` (RFC 3596 section 2.5). `undefined` for every other name, also for zones above an address.
 * The name is in lower case.
 */
export function addressOfReverseName(name: string): Ip | undefined {
  if (name.endsWith(V4)) {
    const parts = name.slice(0, -V4.length).split(".");
    return parts.length === 4 ? tryParseIp(parts.toReversed().join(".")) : undefined;
  }
  if (!name.endsWith(V6)) return undefined;
  const digits = name.slice(0, -V6.length);
  if (!/^([0-9a-f]\.){31}[0-9a-f]$/.test(digits)) return undefined;
  const bytes = new Uint8Array(16);
  digits
    .split(".")
    .toReversed()
    .forEach((digit, i) => {
      bytes[i >> 1] = ((bytes[i >> 1] as number) << 4) | Number.parseInt(digit, 16);
    });
  return ipFromBytes(bytes);
}

/** The name under which an address is looked up. */
export function reverseNameOf(ip: Ip): DnsName {
  const bytes = ipBytes(ip);
  if (bytes.length === 4) return `${Array.from(bytes).toReversed().join(".")}${V4}` as DnsName;
  const nibbles = Array.from(bytes, (octet) => `${(octet & 15).toString(16)}.${(octet >> 4).toString(16)}`);
  return `${nibbles.toReversed().join(".")}${V6}` as DnsName;
}
