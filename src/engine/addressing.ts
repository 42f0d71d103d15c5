import { addressOf, contains, type Cidr } from "../base/cidr.ts";
import { isNetError, NetError } from "../base/errors.ts";
import { parseIp, type Family, type Ip } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { Lease, LeaseClient, Offer } from "../model/ipam.ts";
import type { Network, Pool } from "../model/network.ts";
import type { Core } from "./core.ts";

/** An address granted by DISCOVER, OFFER and REQUEST, to be acknowledged when the endpoint stands. */
export interface Grant {
  readonly lease: Lease;
  readonly address: Cidr;
  readonly gateway: Ip | undefined;
}

interface Want {
  readonly family: Family;
  readonly address: string | undefined;
  /** The input field it stands in. */
  readonly field: string;
}

/** Runs the first three steps of DORA for one family; call it inside a transaction. */
export function grantAddress(
  core: Core,
  network: Network,
  client: LeaseClient,
  want: Want,
): Grant | undefined {
  const pools = network.ipam.pools.filter((pool) => pool.subnet.includes(":") === (want.family === 6));
  if (want.address === undefined && pools.length === 0) return undefined;
  const ipam = core.ipamOf(network);
  const grant = (pool: Pool, offer: Offer): Grant => ({
    lease: ipam.request(offer),
    address: offer.address,
    gateway: network.internal || pool.gateway === undefined ? undefined : addressOf(pool.gateway),
  });
  if (want.address !== undefined) {
    const address = parseIp(want.address, want.field, "endpoint.attach");
    const pool = poolFor(network, pools, address, want);
    return grant(pool, ipam.discover({ subnet: pool.subnet, client, address }));
  }
  for (const [i, pool] of pools.entries()) {
    try {
      return grant(pool, ipam.discover({ subnet: pool.subnet, client }));
    } catch (error) {
      // A full pool sends the asker to the next; the last one's refusal counts.
      if (!isNetError(error, "exhausted") || i === pools.length - 1) throw error;
    }
  }
  return undefined;
}

function poolFor(network: Network, pools: readonly Pool[], address: Ip, want: Want): Pool {
  const pool = pools.find((p) => contains(p.subnet, address));
  if (pool !== undefined) return pool;
  const right =
    pools.length === 0
      ? `the network has no IPv${want.family} subnet; leave it out`
      : `give an address in ${pools.map((p) => p.subnet).join(", ")}`;
  throw new NetError("invalid", "endpoint.attach", {
    message: `${want.field}: ${address} cannot be used on network ${network.name}: ${right}`,
    subject: network.name,
    field: want.field,
    value: address,
    remedy: right,
  });
}

/** Gives back the addresses of an endpoint; inside a transaction. Fine when there are none. */
export function releaseAddresses(core: Core, network: Network, endpoint: Endpoint): void {
  for (const cidr of [endpoint.ipv4, endpoint.ipv6]) {
    if (cidr === undefined) continue;
    const pool = network.ipam.pools.find((p) => contains(p.subnet, addressOf(cidr)));
    if (pool !== undefined) core.ipamOf(network).release(pool.subnet, addressOf(cidr));
  }
}
