import type { NetworkView } from "../../engine/contract.ts";
import type { Pool, PoolRequest } from "../../model/network.ts";
import { addressOf } from "../../base/cidr.ts";

/** A network as Docker's API shows it, its keys in Go's order (moby, api/types/network.Inspect). */
export function networkView(network: NetworkView, { members }: { readonly members: boolean }): object {
  const { ipam } = network;
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: network.scope === "cluster" ? "global" : "local",
    Driver: dockerDriver(network.driver),
    EnableIPv4: network.enableIPv4,
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: ipam.driver,
      Options: Object.keys(ipam.options).length > 0 ? ipam.options : null,
      Config: poolViews(network),
    },
    Internal: network.internal,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom ?? "" },
    ConfigOnly: network.configOnly ?? false,
    Containers: members ? memberViews(network) : {},
    Options: network.options,
    Labels: network.labels,
  };
}

/** Docker's driver of the network `none` is called `null`. */
export function dockerDriver(driver: string): string {
  return driver === "none" ? "null" : driver;
}

function poolViews({ ipam, driver }: NetworkView): object[] | null {
  if (ipam.config !== undefined) return ipam.config.map(askedPoolView);
  if (driver === "host" || driver === "none") return null;
  return ipam.pools.map(poolView);
}

function poolView({ subnet, ipRange, gateway, auxAddresses }: Pool): object {
  return {
    Subnet: subnet,
    ...(ipRange === undefined ? {} : { IPRange: ipRange }),
    ...(gateway === undefined ? {} : { Gateway: addressOf(gateway) }),
    ...(Object.keys(auxAddresses).length === 0 ? {} : { AuxiliaryAddresses: auxAddresses }),
  };
}

function askedPoolView({ subnet, ipRange, gateway, auxAddresses = {} }: PoolRequest): object {
  return {
    ...(subnet === undefined ? {} : { Subnet: subnet }),
    ...(ipRange === undefined ? {} : { IPRange: ipRange }),
    ...(gateway === undefined ? {} : { Gateway: gateway }),
    ...(Object.keys(auxAddresses).length === 0 ? {} : { AuxiliaryAddresses: auxAddresses }),
  };
}

/** In the order of ids, as Go writes maps. */
function memberViews({ endpoints }: NetworkView): object {
  const rows = endpoints.map((endpoint): [string, object] => [
    endpoint.sandboxId,
    {
      Name: endpoint.sandboxName,
      EndpointID: endpoint.id,
      MacAddress: endpoint.mac ?? "",
      IPv4Address: endpoint.ipv4 ?? "",
      IPv6Address: endpoint.ipv6 ?? "",
    },
  ]);
  return Object.fromEntries(rows.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
