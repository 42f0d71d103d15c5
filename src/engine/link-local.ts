import { type Cidr, contains, makeCidr, parseCidr } from "../base/cidr.ts";
import { invalid, NetError } from "../base/errors.ts";
import { familyOf, parseIp } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";

const OP = "endpoint.attach";

/** Prefixes of link-local addresses (RFC 3927 section 2.1, RFC 4291 section 2.5.6). */
const RANGE = { 4: parseCidr("169.254.0.0/16"), 6: parseCidr("fe80::/10") } as const;
/** Length of the prefix that is on the link. */
const ON_LINK = { 4: 16, 6: 64 } as const;

/**
 * Parses the link-local addresses of a wish. Nobody hands them out, so all that is sure is that no other endpoint of the network
 * was given one. Throws `invalid` or `conflict`.
 */
export function parseLinkLocal(texts: readonly string[], others: readonly Endpoint[]): Cidr[] {
  const taken = new Set<Cidr>(others.flatMap(({ linkLocalIps = [] }) => linkLocalIps));
  return texts.map((text, i) => {
    const field = `linkLocalIps[${i}]`;
    const ip = parseIp(text, field, OP);
    const family = familyOf(ip);
    if (!contains(RANGE[family], ip)) {
      throw invalid(field, text, `give an address of ${RANGE[4]} or ${RANGE[6]}`, OP);
    }
    const cidr = makeCidr(ip, ON_LINK[family]);
    if (taken.has(cidr)) {
      const remedy = "give another";
      throw new NetError("conflict", OP, {
        message: `${field}: ${ip} is already in use on this network: ${remedy}`,
        field,
        value: ip,
        remedy,
      });
    }
    taken.add(cidr);
    return cidr;
  });
}
