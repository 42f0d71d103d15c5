import {
  broadcastOf,
  cidrParts,
  contains,
  overlaps,
  parseSubnet,
  rangeOf,
  type Subnet,
} from "../base/cidr.ts";
import { invalid } from "../base/errors.ts";
import { bitsOf, familyOf, ipFromBigint, isUnspecified, parseIp, type Family, type Ip } from "../base/ip.ts";
import type { PoolRequest } from "../model/network.ts";
import { isUnusable } from "./default-pools.ts";

const OP = "pool.request";

/** One pool as it was asked for, parsed; what is still open is chosen by the driver. */
export interface WantedPool {
  /** Where in the request it stands, for errors: `ipam.config[0]`. */
  readonly field: string;
  readonly family: Family;
  readonly subnet: Subnet | undefined;
  /** Prefix length wished for where the subnet is open. */
  readonly size: number | undefined;
  readonly ipRange: Subnet | undefined;
  readonly gateway: Ip | undefined;
  readonly aux: ReadonlyMap<string, Ip>;
}

/**
 * Parses the pools of one request. Families that are enabled and that no entry covers get an entry of their own at the end,
 * IPv4 first. Throws `invalid` naming the field.
 */
export function parsePools(
  pools: readonly PoolRequest[],
  families: readonly Family[],
): readonly WantedPool[] {
  const parsed = pools.map((pool, i) => parsePool(pool, `ipam.config[${i}]`, families));
  for (const [i, { subnet }] of parsed.entries()) {
    const other = parsed
      .slice(0, i)
      .find((p) => p.subnet !== undefined && subnet !== undefined && overlaps(p.subnet, subnet));
    if (other === undefined) continue;
    const right = `it overlaps ${other.subnet} in ${other.field}; each subnet of a network stands alone`;
    throw invalid(`ipam.config[${i}].subnet`, subnet, right, OP);
  }
  const open = families
    .filter((family) => !parsed.some((pool) => pool.family === family))
    .toSorted((a, b) => a - b);
  const wanted = parsed.map((pool): WantedPool => ({
    ...pool,
    family: pool.family ?? open.shift() ?? families[0] ?? 4,
  }));
  for (const family of open) wanted.push({ ...NOTHING, family, field: "ipam.config" });
  return wanted;
}

const NOTHING = {
  subnet: undefined,
  size: undefined,
  ipRange: undefined,
  gateway: undefined,
  aux: new Map<string, Ip>(),
};

type ParsedPool = Omit<WantedPool, "family"> & { readonly family: Family | undefined };

function parsePool(pool: PoolRequest, field: string, families: readonly Family[]): ParsedPool {
  const aux = Object.entries(pool.auxAddresses ?? {});
  const subnet = pool.subnet === undefined ? undefined : parseSubnet(pool.subnet, `${field}.subnet`, OP);
  const parts = subnet === undefined ? undefined : cidrParts(subnet);
  if (parts !== undefined && !families.includes(parts.family)) {
    throw invalid(
      `${field}.subnet`,
      subnet,
      `IPv${parts.family} is not enabled for this network; enable it`,
      OP,
    );
  }
  if (subnet === undefined || parts === undefined || isUnspecified(parts.address)) {
    const stray =
      pool.ipRange !== undefined
        ? "ipRange"
        : pool.gateway !== undefined
          ? "gateway"
          : aux.length > 0
            ? "auxAddresses"
            : "";
    if (stray !== "")
      throw invalid(`${field}.${stray}`, pool[stray], `give the subnet it is in as ${field}.subnet`, OP);
    return {
      ...NOTHING,
      field,
      family: parts?.family,
      size: parts === undefined ? undefined : checkSize(parts, field),
    };
  }
  if (isUnusable(subnet)) {
    throw invalid(`${field}.subnet`, subnet, "give unicast addresses that are not loopback", OP);
  }
  const taken = new Map<Ip, string>();
  const claim = (text: string, at: string): Ip => {
    const ip = parseIp(text, at, OP);
    const problem = reservedAs(subnet, ip);
    if (problem !== undefined) throw invalid(at, ip, problem, OP);
    const other = taken.get(ip);
    if (other !== undefined) throw invalid(at, ip, `${other} has this address already; give another`, OP);
    taken.set(ip, at);
    return ip;
  };
  return {
    field,
    family: parts.family,
    subnet,
    size: undefined,
    ipRange: pool.ipRange === undefined ? undefined : parseRange(pool.ipRange, subnet, `${field}.ipRange`),
    gateway: pool.gateway === undefined ? undefined : claim(pool.gateway, `${field}.gateway`),
    aux: new Map(aux.map(([name, text]) => [name, claim(text, `${field}.auxAddresses.${name}`)])),
  };
}

function checkSize(parts: { readonly length: number; readonly family: Family }, field: string): number {
  const most = bitsOf(parts.family) - 2;
  if (parts.length > 0 && parts.length <= most) return parts.length;
  const right = `with address zero the prefix length is a wish for any subnet of that size: give /1 to /${most}`;
  throw invalid(`${field}.subnet`, `${parts.family === 4 ? "0.0.0.0" : "::"}/${parts.length}`, right, OP);
}

function parseRange(text: string, subnet: Subnet, field: string): Subnet {
  const range = parseSubnet(text, field, OP);
  if (familyOf(range) !== familyOf(subnet) || !overlaps(subnet, range)) {
    throw invalid(field, range, `it is outside the subnet ${subnet}; give a part of that`, OP);
  }
  if (!contains(subnet, range))
    throw invalid(field, range, `it is bigger than the subnet ${subnet}; give a part of that`, OP);
  const { first, last } = dynamicRange(subnet, range);
  if (first > last)
    throw invalid(field, range, "it holds no address that can be handed out; give a larger one", OP);
  return range;
}

/** Why an address of (or outside) a subnet cannot belong to anyone, in words for an error; undefined when it can. */
export function reservedAs(subnet: Subnet, ip: Ip): string | undefined {
  if (!contains(subnet, ip)) return `it is outside the subnet ${subnet}; give an address in it`;
  const usable = dynamicRange(subnet, undefined);
  if (ip === ipFromBigint(usable.first - 1n, familyOf(ip))) {
    return familyOf(ip) === 4
      ? `it is the network address of ${subnet}; give another`
      : `it is the subnet-router anycast address of ${subnet} (RFC 4291 section 2.6.1); give another`;
  }
  return ip === broadcastOf(subnet) ? `it is the broadcast address of ${subnet}; give another` : undefined;
}

/**
 * First and last address that can be handed out: the range, without the network and broadcast address of an IPv4 subnet
 * (there are none in /31 and /32: RFC 3021) and without the subnet-router anycast address of an IPv6 subnet (there is none
 * in /127 and /128: RFC 6164).
 */
export function dynamicRange(subnet: Subnet, ipRange: Subnet | undefined): { first: bigint; last: bigint } {
  const { first, last, family } = rangeOf(subnet);
  const alone = cidrParts(subnet).length >= bitsOf(family) - 1;
  const usable = { first: alone ? first : first + 1n, last: alone || family === 6 ? last : last - 1n };
  if (ipRange === undefined) return usable;
  const range = rangeOf(ipRange);
  return {
    first: range.first > usable.first ? range.first : usable.first,
    last: range.last < usable.last ? range.last : usable.last,
  };
}
