import { NetError } from "../../base/errors.ts";
import { contains } from "../../base/cidr.ts";
import { familyOf, isUnspecified, tryParseIp, type Family, type Ip } from "../../base/ip.ts";
import type { EndpointRequest } from "../../model/endpoint.ts";
import type { Network } from "../../model/network.ts";
import { type Decoded, int, listOf, mapOf, pointer, string, struct } from "./decode.ts";

/** What of an endpoint a client may ask for (moby, api/types/network.EndpointSettings); the rest of it is ignored. */
export const endpointSettings = struct("network.EndpointSettings", {
  IPAMConfig: pointer(
    struct("network.EndpointIPAMConfig", {
      IPv4Address: string,
      IPv6Address: string,
      LinkLocalIPs: listOf(string),
    }),
  ),
  Links: listOf(string),
  Aliases: listOf(string),
  MacAddress: string,
  DriverOpts: mapOf(string),
  GwPriority: int,
});

export type EndpointSettings = Decoded<typeof endpointSettings>;

/** What the engine is asked for. Throws `invalid` with all that is wrong, a line each, as moby's validateEndpointSettings. */
export function endpointRequest(network: Network, settings: EndpointSettings | undefined): EndpointRequest {
  if (settings === undefined) return { network: network.id };
  checkSettings(network, settings);
  const { IPAMConfig, Links, Aliases, MacAddress, DriverOpts, GwPriority } = settings;
  return {
    network: network.id,
    ...(Aliases.length === 0 ? {} : { aliases: Aliases }),
    ...(Links.length === 0 ? {} : { links: Links }),
    ...given("ipv4", IPAMConfig?.IPv4Address),
    ...given("ipv6", IPAMConfig?.IPv6Address),
    ...((IPAMConfig?.LinkLocalIPs.length ?? 0) === 0 ? {} : { linkLocalIps: IPAMConfig?.LinkLocalIPs }),
    ...given("mac", MacAddress),
    ...(Object.keys(DriverOpts).length === 0 ? {} : { options: { ...DriverOpts } }),
    ...(GwPriority === 0 ? {} : { gwPriority: GwPriority }),
  };
}

function given<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined || value === "" ? {} : ({ [key]: value } as { readonly [P in K]?: string });
}

function checkSettings(network: Network, settings: EndpointSettings): void {
  const { IPv4Address = "", IPv6Address = "", LinkLocalIPs = [] } = settings.IPAMConfig ?? {};
  const wrong: string[] = [];
  if (network.predefined) {
    if (IPv4Address !== "" || IPv6Address !== "") {
      wrong.push("user specified IP address is supported on user defined networks only");
    }
    if (settings.Aliases.length > 0) {
      wrong.push("network-scoped alias is supported only for containers in user defined networks");
    }
  }
  const addresses: Ip[] = [];
  for (const [family, text] of [[4, IPv4Address] as const, [6, IPv6Address] as const]) {
    if (text === "") continue;
    const ip = addressOf(text, family);
    if (ip === undefined) wrong.push(`invalid IPv${family} address: ${text}`);
    else addresses.push(ip);
  }
  for (const text of LinkLocalIPs) {
    const ip = tryParseIp(text);
    if (ip === undefined || isUnspecified(ip)) wrong.push(`invalid link-local IP address: ${text}`);
  }
  if (!network.predefined) for (const ip of addresses) wrong.push(...outside(network, ip));
  if (wrong.length === 0) return;
  const message = `invalid endpoint settings:\n${wrong.join("\n")}`;
  throw new NetError("invalid", "endpoint.attach", { message, field: "EndpointConfig" });
}

function addressOf(text: string, family: Family): Ip | undefined {
  const ip = tryParseIp(text);
  return ip === undefined || familyOf(ip) !== family || isUnspecified(ip) ? undefined : ip;
}

function outside({ ipam }: Network, ip: Ip): string[] {
  const pools = ipam.pools.filter(({ subnet }) => subnet.includes(":") === ip.includes(":"));
  if (
    pools.some(
      ({ subnet, ipRange }) => contains(subnet, ip) || (ipRange !== undefined && contains(ipRange, ip)),
    )
  ) {
    return [];
  }
  return [
    pools.length === 0
      ? "user specified IP address is supported only when connecting to networks with user configured subnets"
      : `no configured subnet or ip-range contain the IP address ${ip}`,
  ];
}
