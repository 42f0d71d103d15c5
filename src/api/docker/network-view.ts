import type { NetworkView } from "../../engine/contract.ts";
import type { Pool, PoolRequest } from "../../model/network.ts";
import { addressOf } from "../../base/cidr.ts";

/** A network as Docker's API shows it, its keys in Go's order (moby, api/types/network.Inspect). */
export function networkView(network: NetworkView, { members }: { readonly members: boolean }): object {
  const { ipam } = network;
  const hasPools = !isBare(network);
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: dockerScope(network.scope),
    Driver: dockerDriver(network.driver),
    // Docker says so of host and none, too, which have no addresses.
    EnableIPv4: network.enableIPv4 || !hasPools,
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: hasPools ? ipam.driver : "default",
      Options: network.predefined ? null : sorted(ipam.options),
      Config: poolViews(network),
    },
    Internal: network.internal,
    Attachable: network.attachable ?? false,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom ?? "" },
    ConfigOnly: network.configOnly ?? false,
    Containers: members ? memberViews(network) : {},
    Options: sorted(optionsOf(network)),
    Labels: sorted(network.labels),
  };
}

export function dockerScope(scope: NetworkView["scope"]): string {
  return scope === "cluster" ? "global" : "local";
}

/** Go writes maps in the order of their keys. */
function sorted<T>(map: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** What dockerd says of its default bridge, beside what is set here. */
const BRIDGE_DEFAULTS = {
  "com.docker.network.bridge.default_bridge": "true",
  "com.docker.network.bridge.enable_icc": "true",
  "com.docker.network.bridge.enable_ip_masquerade": "true",
  "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
  "com.docker.network.driver.mtu": "1500",
};

function optionsOf({ name, predefined, options }: NetworkView): Readonly<Record<string, string>> {
  return predefined && name === "bridge" ? { ...BRIDGE_DEFAULTS, ...options } : options;
}

/** Docker's driver of the network `none` is called `null`. */
export function dockerDriver(driver: string): string {
  return driver === "none" ? "null" : driver;
}

/** Without addresses: `host` and `none`, but no network of configuration. */
function isBare({ driver, configOnly }: NetworkView): boolean {
  return (driver === "host" || driver === "none") && configOnly !== true;
}

function poolViews(network: NetworkView): object[] | null {
  const { ipam } = network;
  if (ipam.config !== undefined) return ipam.config.map(askedPoolView);
  if (isBare(network)) return null;
  // IPv4 first, whatever the order in which they were asked for.
  return ipam.pools.toSorted((a, b) => familyRank(a) - familyRank(b)).map(poolView);
}

function familyRank({ subnet }: Pool): number {
  return subnet.includes(":") ? 1 : 0;
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
