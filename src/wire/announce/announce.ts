import { Writer } from "../../base/cursor.ts";
import { familyOf, type Ip, ipBytes } from "../../base/ip.ts";
import { type Mac, macBytes } from "../../base/mac.ts";

/** linux/if_ether.h */
export const ETH_P = { ARP: 0x0806, IPV6: 0x86dd } as const;

const IPPROTO_ICMPV6 = 58;
/** RFC 4861 section 4.4 */
const NEIGHBOR_ADVERTISEMENT = 136;
const OVERRIDE = 0x2000_0000;
/** RFC 4861 section 4.6.1 */
const TARGET_LINK_LAYER_ADDRESS = 2;
/** All nodes of the link, and its Ethernet address (RFC 2464 section 7). */
const ALL_NODES = ipBytes("ff02::1" as Ip);
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);
const BROADCAST_MAC = new Uint8Array(6).fill(0xff);
/** Octets of an IPv6 header and of an advertisement with its option. */
const IPV6_HEADER = 40;
const ADVERTISEMENT = 32;

/** Whose an address is: what everybody on the link should have in their neighbour table from now on. */
export interface Announcement {
  readonly mac: Mac;
  readonly ip: Ip;
}

/** An Ethernet frame that tells all of a link whose an address is; none of them asked. */
export function announcementFrame(announcement: Announcement): Uint8Array {
  return familyOf(announcement.ip) === 4 ? arpFrame(announcement) : advertisementFrame(announcement);
}

/**
 * ARP announcement (RFC 5227 section 2.3): a request with both protocol addresses the same.
 *
 * ```text
 * | ff:ff:ff:ff:ff:ff | mac | 0806 | 1 | 0800 | 6 | 4 | request | mac | ip | 0 | ip |
 * ```
 */
function arpFrame({ mac, ip }: Announcement): Uint8Array {
  const [hw, proto] = [macBytes(mac), ipBytes(ip)];
  const w = new Writer(42);
  w.put(BROADCAST_MAC).put(hw).be16(ETH_P.ARP);
  w.be16(1).be16(0x0800).u8(6).u8(4).be16(1);
  w.put(hw).put(proto).zeros(6).put(proto);
  return w.bytes();
}

/** Unsolicited neighbour advertisement (RFC 4861 section 7.2.6): to all nodes, overriding what they have. */
function advertisementFrame({ mac, ip }: Announcement): Uint8Array {
  const [hw, address] = [macBytes(mac), ipBytes(ip)];
  const w = new Writer(14 + IPV6_HEADER + ADVERTISEMENT);
  w.put(ALL_NODES_MAC).put(hw).be16(ETH_P.IPV6);
  // Version 6; a hop limit of 255 shows that it comes from this link (section 7.1.2).
  w.be32(0x6000_0000).be16(ADVERTISEMENT).u8(IPPROTO_ICMPV6).u8(255).put(address).put(ALL_NODES);
  const at = w.length;
  w.u8(NEIGHBOR_ADVERTISEMENT).u8(0).be16(0).be32(OVERRIDE).put(address);
  w.u8(TARGET_LINK_LAYER_ADDRESS).u8(1).put(hw);
  const frame = w.bytes();
  const sum = checksum(address, ALL_NODES, frame.subarray(at));
  frame[at + 2] = sum >> 8;
  frame[at + 3] = sum & 0xff;
  return frame;
}

/** Over the pseudo-header and the message (RFC 8200 section 8.1), whose size is even. */
function checksum(source: Uint8Array, destination: Uint8Array, message: Uint8Array): number {
  let sum = message.length + IPPROTO_ICMPV6;
  for (const part of [source, destination, message]) {
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] as number) << 8) | (part[i + 1] as number);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
