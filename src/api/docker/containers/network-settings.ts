import { addressOf, prefixLength } from "../../../base/cidr.ts";
import type { Subject } from "../../../engine/containers/contract.ts";
import type { SandboxView } from "../../../engine/contract.ts";
import type { EndpointRequest } from "../../../model/endpoint.ts";
import { shortId } from "../../../model/ids.ts";
import type { PortBinding } from "../../../model/ports.ts";

type Endpoint = SandboxView["endpoints"][number];

/** moby, api/types/container.NetworkSettings, its keys in Go's order. */
export function networkSettings(subject: Subject): object {
  const { sandbox } = subject;
  const bridge = sandbox?.endpoints.find(({ networkName }) => networkName === "bridge");
  const mirrored = bridge === undefined ? EMPTY_ADDRESSES : addressesOf(bridge);
  return {
    Bridge: "",
    SandboxID: sandbox?.id ?? "",
    SandboxKey: sandbox?.netnsPath ?? "",
    Ports: sandbox === undefined ? {} : portMap(subject),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.id ?? "",
    ...mirrored,
    MacAddress: bridge?.mac ?? "",
    Networks: networks(subject),
  };
}

/** By name, in the order of names, as Go writes maps. */
export function networks(subject: Subject): Record<string, object> {
  const { sandbox, container } = subject;
  const network = container?.spec.network;
  const asked = network?.kind === "own" ? network.networks : [];
  const rows: [string, object][] =
    sandbox === undefined
      ? asked.map((wish) => [wish.network, wished(subject, wish)])
      : sandbox.endpoints.map((endpoint) => [
          endpoint.networkName,
          joined(
            subject,
            endpoint,
            asked.find((wish) => [endpoint.networkName, endpoint.networkId].includes(wish.network)),
          ),
        ]);
  return Object.fromEntries(rows.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const EMPTY_ADDRESSES = {
  Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
};

function addressesOf({ ipv4, ipv6, gateway4, gateway6 }: Endpoint): typeof EMPTY_ADDRESSES {
  return {
    Gateway: gateway4 ?? "",
    GlobalIPv6Address: ipv6 === undefined ? "" : addressOf(ipv6),
    GlobalIPv6PrefixLen: ipv6 === undefined ? 0 : prefixLength(ipv6),
    IPAddress: ipv4 === undefined ? "" : addressOf(ipv4),
    IPPrefixLen: ipv4 === undefined ? 0 : prefixLength(ipv4),
    IPv6Gateway: gateway6 ?? "",
  };
}

/** moby, api/types/network.EndpointSettings. */
function joined(subject: Subject, endpoint: Endpoint, wish: EndpointRequest | undefined): object {
  const addresses = addressesOf(endpoint);
  return {
    ...asAsked(wish),
    MacAddress: endpoint.mac ?? "",
    ...driverPart(wish ?? endpoint),
    NetworkID: endpoint.networkId,
    EndpointID: endpoint.id,
    Gateway: addresses.Gateway,
    IPAddress: addresses.IPAddress,
    IPPrefixLen: addresses.IPPrefixLen,
    IPv6Gateway: addresses.IPv6Gateway,
    GlobalIPv6Address: addresses.GlobalIPv6Address,
    GlobalIPv6PrefixLen: addresses.GlobalIPv6PrefixLen,
    DNSNames: endpoint.networkName === "bridge" ? null : dnsNames(subject, endpoint.aliases),
  };
}

function wished(subject: Subject, wish: EndpointRequest): object {
  return {
    ...asAsked(wish),
    MacAddress: wish.mac ?? "",
    ...driverPart(wish),
    NetworkID: "",
    EndpointID: "",
    Gateway: "",
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    DNSNames: wish.network === "bridge" ? null : dnsNames(subject, wish.aliases ?? []),
  };
}

function asAsked(wish: EndpointRequest | undefined): object {
  const { ipv4, ipv6, linkLocalIps } = wish ?? {};
  const ipam = {
    ...(ipv4 === undefined ? {} : { IPv4Address: ipv4 }),
    ...(ipv6 === undefined ? {} : { IPv6Address: ipv6 }),
    ...(linkLocalIps === undefined ? {} : { LinkLocalIPs: linkLocalIps }),
  };
  return {
    IPAMConfig: Object.keys(ipam).length === 0 ? null : ipam,
    Links: wish?.links ?? null,
    Aliases: wish?.aliases ?? null,
  };
}

function driverPart({
  options,
  gwPriority,
}: {
  options?: Readonly<Record<string, string>> | undefined;
  gwPriority?: number | undefined;
}): object {
  return {
    DriverOpts: options === undefined || Object.keys(options).length === 0 ? null : options,
    GwPriority: gwPriority ?? 0,
  };
}

/** Name, aliases, short id and host name, each once. */
function dnsNames({ name, id, sandbox, container }: Subject, aliases: readonly string[]): string[] {
  const hostname = sandbox?.hostname ?? container?.spec.hostname;
  return [...new Set([name, ...aliases, shortId(id), ...(hostname === undefined ? [] : [hostname])])];
}

/** One published port: `hostIp` and `hostPort` undefined where it is only exposed. */
export interface PortRow {
  readonly port: number;
  readonly protocol: string;
  readonly hostIp?: string;
  readonly hostPort?: number;
}

/** Every port of a container for itself, those exposed only last. */
export function portRows({ sandbox, container }: Subject): PortRow[] {
  const published = (sandbox?.bindings ?? []).flatMap(rowsOf);
  const known = new Set(published.map(({ port, protocol }) => `${port}/${protocol}`));
  const exposed = (container?.spec.expose ?? []).flatMap((text): PortRow[] => {
    const [port = "", protocol = "tcp"] = text.split("/");
    return known.has(text) ? [] : [{ port: Number(port), protocol }];
  });
  return [...published, ...exposed];
}

function rowsOf({ protocol, containerPort, count, hostIp, hostPort }: PortBinding): PortRow[] {
  return Array.from({ length: count }, (_, i) => ({
    port: containerPort + i,
    protocol,
    hostIp,
    hostPort: hostPort === 0 ? 0 : hostPort + i,
  }));
}

function portMap(subject: Subject): object {
  const map = new Map<string, object[] | null>();
  for (const { port, protocol, hostIp, hostPort } of portRows(subject)) {
    const key = `${port}/${protocol}`;
    const list = map.get(key) ?? [];
    // In routed mode a port is open at the container's own address, and the host has none of it.
    if (hostIp !== undefined) list.push({ HostIp: hostIp, HostPort: hostPort === 0 ? "" : String(hostPort) });
    map.set(key, list.length === 0 ? null : list);
  }
  return Object.fromEntries([...map].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
