import { familyOf, type Ip, ipBytes, isUnspecified } from "../base/ip.ts";
import { AF } from "./libc.ts";

/** struct sockaddr_in (netinet/in.h) or sockaddr_in6, by the address. */
export function sockaddr(ip: Ip, port: number): Uint8Array {
  const isIpv4 = familyOf(ip) === 4;
  const bytes = new Uint8Array(isIpv4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isIpv4 ? AF.INET : AF.INET6, true);
  view.setUint16(2, port, false);
  // IPv6 has its flow label in between. Every address is all zeros.
  if (!isUnspecified(ip)) bytes.set(ipBytes(ip), isIpv4 ? 4 : 8);
  return bytes;
}

/** The port of either. */
export function portOf(address: Uint8Array): number {
  return ((address[2] as number) << 8) | (address[3] as number);
}
