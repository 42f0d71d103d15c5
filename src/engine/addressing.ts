import { contains, type Cidr } from "../base/cidr.ts";
import { NetError } from "../base/errors.ts";
import { addressOf } from "../base/cidr.ts";
import { parseIp, type Family, type Ip } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { Lease, LeaseClient } from "../model/ipam.ts";
import type { Network, Pool } from "../model/network.ts";
import type { Core } from "./core.ts";

/** An address granted by DISCOVER, OFFER and REQUEST, to be acknowledged when the endpoint stands. */
export interface Grant {
  readonly lease: Lease;
  readonly address: Cidr;
  readonly gateway: Ip | undefined;
}

/** Runs the first three steps of DORA for one family; call it inside a transaction. */
export function grantAddress(
  core: Core,
  network: Network,
  client: LeaseClient,
  want: { readonly family: Family; readonly address: string | undefined; readonly field: string },
): Grant | undefined {
  const pools = network.ipam.pools.filter((pool) => pool.subnet.includes(":") === (want.family === 6));
  const address =
    want.address === undefined ? undefined : parseIp(want.address, want.field, "endpoint.attach");
  if (pools.length === 0) {
    if (address === undefined) return undefined;
    throw refuseAddress(
      network,
      address,
      want.field,
      `network ${network.name} has no IPv${want.family} subnet`,
    );
  }
  const pool = address === undefined ? pools[0] : pools.find((p) => contains(p.subnet, address));
  if (pool === undefined) {
    const subnets = pools.map((p) => p.subnet).join(", ");
    throw refuseAddress(network, address as Ip, want.field, `it must lie in ${subnets}`);
  }
  const ipam = core.ipamOf(network);
  const offer = ipam.discover({ subnet: pool.subnet, client, address });
  const lease = ipam.request(offer);
  return { lease, address: offer.address, gateway: network.internal ? undefined : gatewayOf(pool) };
}

function gatewayOf(pool: Pool): Ip | undefined {
  return pool.gateway === undefined ? undefined : addressOf(pool.gateway);
}

function refuseAddress(network: Network, address: Ip, field: string, right: string): NetError {
  return new NetError("invalid", "endpoint.attach", {
    message: `${field}: ${address} cannot be used on network ${network.name}: ${right}`,
    subject: network.name,
    field,
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
