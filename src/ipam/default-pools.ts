import { cidrParts, makeCidr, parseSubnet, rangeOf, type Subnet } from "../base/cidr.ts";
import { invalid, NetError } from "../base/errors.ts";
import { bitsOf, ipFromBigint, ipFromBytes, isMulticast, type Family } from "../base/ip.ts";
import type { TakenPrefix } from "../model/ipam.ts";
import type { Range, RangeSet } from "./ranges.ts";

const OP = "pool.request";

/** Where networks without a subnet of their own get one: `base`, cut into subnets of prefix length `size`. */
export interface DefaultPool {
  readonly base: Subnet;
  readonly size: number;
}

/**
 * Docker's local pools first, so that people find the addresses they know, then room for 65,536 networks more, where
 * Docker ends after 31. IPv6 comes from `ulaPool`.
 */
export function defaultPools(ulaGlobalId: Uint8Array): readonly DefaultPool[] {
  const docker = Array.from({ length: 15 }, (_, i) => ({
    base: parseSubnet(`172.${17 + i}.0.0/16`),
    size: 16,
  }));
  return [
    ...docker,
    { base: parseSubnet("192.168.0.0/16"), size: 20 },
    { base: parseSubnet("10.0.0.0/8"), size: 24 },
    ulaPool(ulaGlobalId),
  ];
}

/**
 * A unique local prefix (RFC 4193 section 3.1: fd00::/8, then a 40-bit global id), 65,536 subnets of /64.
 * `globalId` is five bytes that belong to this host and never change; section 3.2 wants them random.
 */
export function ulaPool(globalId: Uint8Array): DefaultPool {
  if (globalId.length !== 5) throw invalid("ulaGlobalId", `${globalId.length} bytes`, "give five bytes", OP);
  const bytes = new Uint8Array(16);
  bytes[0] = 0xfd;
  bytes.set(globalId, 1);
  return { base: parseSubnet(`${ipFromBytes(bytes)}/48`), size: 64 };
}

/** Checks pools from a configuration; `size` counts prefix bits. Throws `invalid` naming the field. */
export function parseDefaultPools(
  pools: readonly { readonly base: string; readonly size: number }[],
): readonly DefaultPool[] {
  return pools.map((pool, i) => {
    const base = parseSubnet(pool.base, `pools[${i}].base`, OP);
    const { length, family } = cidrParts(base);
    // A subnet of one or two addresses leaves none for an endpoint once the gateway has its own.
    const most = bitsOf(family) - 2;
    if (!Number.isInteger(pool.size) || pool.size < length || pool.size > most) {
      const right = `give a prefix length from ${length} (the base's own) to ${most}`;
      throw invalid(`pools[${i}].size`, pool.size, right, OP);
    }
    if (isUnusable(base))
      throw invalid(`pools[${i}].base`, base, "give unicast addresses that are not loopback", OP);
    return { base, size: pool.size };
  });
}

/** Loopback and multicast addresses never belong to a container. */
export function isUnusable(subnet: Subnet): boolean {
  const { address, family } = cidrParts(subnet);
  return isMulticast(address) || (family === 4 ? address.startsWith("127.") : subnet === "::1/128");
}

/**
 * The lowest free subnet of the first default pool that has one. `size` asks for a prefix length of its own
 * (`0.0.0.0/24`, as Docker 29 understands it). Throws `exhausted`, saying what stands in the way.
 */
export function pickSubnet(request: {
  readonly pools: readonly DefaultPool[];
  readonly family: Family;
  readonly size: number | undefined;
  readonly field: string;
  readonly used: RangeSet<{ readonly subnet: Subnet; readonly owner: string }>;
  readonly taken: RangeSet<TakenPrefix>;
}): Subnet {
  const { family, used, taken } = request;
  const pools = request.pools.filter((pool) => {
    const { length, family: of } = cidrParts(pool.base);
    return of === family && (request.size === undefined || length <= request.size);
  });
  const hosts = new Set<TakenPrefix>();
  let networks = 0;
  for (const pool of pools) {
    const length = request.size ?? pool.size;
    const step = 1n << BigInt(bitsOf(family) - length);
    const { first, last } = rangeOf(pool.base);
    let at = first;
    while (at <= last) {
      const network = used.overlapping(at, at + step - 1n);
      const host = taken.overlapping(at, at + step - 1n);
      if (network === undefined && host === undefined) {
        return makeCidr(ipFromBigint(at, family), length) as Subnet;
      }
      if (network !== undefined) networks++;
      if (host !== undefined) hosts.add(host.by);
      at = after(network, host, step);
    }
  }
  throw noneFree({ ...request, bases: pools.map((pool) => pool.base), networks, hosts: [...hosts] });
}

/** The next multiple of `step` behind what is in the way. */
function after(a: Range<unknown> | undefined, b: Range<unknown> | undefined, step: bigint): bigint {
  const end = a === undefined || (b !== undefined && b.last > a.last) ? (b?.last ?? 0n) : a.last;
  return (end / step + 1n) * step;
}

function noneFree(found: {
  readonly family: Family;
  readonly size: number | undefined;
  readonly field: string;
  readonly bases: readonly Subnet[];
  readonly networks: number;
  readonly hosts: readonly TakenPrefix[];
}): NetError {
  const what = `IPv${found.family} subnet${found.size === undefined ? "" : ` of /${found.size}`}`;
  const remedy = "give a subnet of your own, or add a default address pool";
  if (found.bases.length === 0) {
    const message = `${found.field}: no default address pool can hold an ${what}: ${remedy}`;
    return new NetError("exhausted", OP, { message, field: found.field, remedy });
  }
  const shown = found.hosts.slice(0, 3).map((host) => `${host.prefix} (${host.why})`);
  if (found.hosts.length > shown.length) shown.push(`${found.hosts.length - shown.length} more`);
  const why = [
    ...(found.networks > 0
      ? [
          found.networks === 1
            ? "a network has its own there"
            : `${found.networks} networks have theirs there`,
        ]
      : []),
    ...(shown.length > 0 ? [`the host itself uses ${shown.join(", ")}`] : []),
  ].join(" and ");
  const pools =
    found.bases.length > 3 ? `${found.bases[0]} to ${found.bases.at(-1)}` : found.bases.join(", ");
  return new NetError("exhausted", OP, {
    message: `${found.field}: no ${what} is free in the default address pools (${pools}): ${why}; ${remedy}`,
    field: found.field,
    remedy,
  });
}
