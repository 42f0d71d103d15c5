import type { Cidr, Subnet } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import type { NetworkView, PartitionView, PolicyView, SandboxView } from "../engine/contract.ts";
import type { Endpoint, EndpointLink } from "../model/endpoint.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";
import type { Lease } from "../model/ipam.ts";
import type { Adopted, EgressPolicy, EgressRule, Peer, Pool, PortSpan } from "../model/network.ts";
import { type PortBinding, type PortMapping, PROTOCOLS } from "../model/ports.ts";
import type { ProcessStatus } from "../model/process.ts";
import type { ExtraHost, NetnsSource } from "../model/sandbox.ts";
import { poolRequest, processSpec } from "./request-schemas.ts";
import {
  flag,
  integer,
  list,
  map,
  object,
  oneOf,
  type OptionalFields,
  type RequiredFields,
  type Schema,
  text,
  word,
} from "./schema.ts";

/** The nouns as answers show them, for the OpenAPI document and the compiler; nothing is stripped on its way out. */

const cidr = (description: string): Schema<Cidr> => text<Cidr>(description, { examples: ["10.5.0.7/24"] });
const subnet = (description: string): Schema<Subnet> =>
  text<Subnet>(description, { examples: ["10.5.0.0/24"] });
const ip = (description: string): Schema<Ip> => text<Ip>(description, { examples: ["10.5.0.7"] });
const mac = text<Mac>("MAC address", { examples: ["02:42:0a:05:00:07"] });
export const time = (description: string): Schema<string> =>
  text(`${description} (RFC 3339, UTC)`, { examples: ["2026-01-31T12:00:00.000Z"] });
export const count = (description: string): Schema<number> =>
  integer(description, { minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const port = (description: string): Schema<number> => integer(description, { minimum: 1, maximum: 65_535 });
const id = <T extends string>(of: string): Schema<T> => text<T>(`Id of the ${of}: 64 hexadecimal digits`);
export const texts = (description: string): Schema<Readonly<Record<string, string>>> =>
  map(description, text("Value"));

const portSpan = object<PortSpan>({
  id: "PortSpan",
  description: "Neighbouring ports",
  required: {
    protocol: word("Protocol", PROTOCOLS),
    first: port("First port"),
    last: port("Last port"),
  },
  optional: {},
});

const egressRule = object<EgressRule>({
  id: "EgressRule",
  description: "One rule",
  required: {
    action: word("What becomes of a match", ["allow", "deny"]),
    to: subnet("Destinations"),
    ports: list("Ports; none: every port and protocol", portSpan),
  },
  optional: {},
});

const egressPolicy = object<EgressPolicy>({
  id: "EgressPolicy",
  description: "Where members may open connections to, as it is stored",
  required: {
    default: word("What becomes of what no rule matches", ["allow", "deny"]),
    rules: list("Rules, of which the first that matches decides", egressRule),
  },
  optional: {},
});

const endpointRequired: RequiredFields<Endpoint> = {
  id: id<EndpointId>("endpoint"),
  networkId: id<NetworkId>("network"),
  sandboxId: id<SandboxId>("sandbox"),
  aliases: list("Names that resolve to it on its network, the sandbox's own first", text("Name")),
  gwPriority: integer("The highest holds the default route", { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }),
  options: texts("Driver options"),
};
const endpointOptional: OptionalFields<Endpoint> = {
  links: list(
    "What this sandbox alone calls others on the network",
    object<EndpointLink>({
      description: "One name",
      required: { alias: text("What it calls the other"), name: text("A name of the other") },
      optional: {},
    }),
  ),
  mac,
  ipv4: cidr("IPv4 address with the network's prefix length"),
  ipv6: cidr("IPv6 address with the network's prefix length"),
  linkLocalIps: list("Link-local addresses that were asked for", cidr("Address")),
  gateway4: ip("IPv4 next hop for traffic that leaves the network"),
  gateway6: ip("IPv6 next hop for traffic that leaves the network"),
  interfaceName: text("Name of the link in the sandbox", { examples: ["eth0"] }),
  hostInterface: text("Name of the link's other end on the host"),
  policy: egressPolicy,
};

export const endpoint: Schema<Endpoint> = object<Endpoint>({
  id: "Endpoint",
  description: "Joins one sandbox to one network",
  required: endpointRequired,
  optional: endpointOptional,
});

const pool = object<Pool>({
  id: "Pool",
  description: "An address pool as it was granted",
  required: {
    subnet: subnet("The pool"),
    auxAddresses: map("Addresses never handed out", ip("Address")),
  },
  optional: {
    ipRange: subnet("Part of the pool from which addresses are handed out"),
    gateway: cidr("The network's own address"),
  },
});

const networkEndpoint = object<NetworkView["endpoints"][number]>({
  id: "NetworkEndpoint",
  description: "An endpoint as its network shows it",
  required: { ...endpointRequired, sandboxName: text("Name of the sandbox", { examples: ["web"] }) },
  optional: endpointOptional,
});

const policyView = object<PolicyView>({
  id: "Policy",
  description: "Where members of a network may open connections to: the first rule that matches decides",
  required: {
    default: word("What becomes of what no rule matches", ["allow", "deny"]),
    rules: list("Rules", text("Rule", { examples: ["allow=10.0.0.0/8,443/tcp"] })),
  },
  optional: { sandbox: text("Whose it is; absent: the network's", { examples: ["web"] }) },
});

const peering = object<NetworkView["peerings"][number]>({
  id: "Peering",
  description: "One direction in which two networks are peers",
  required: {
    direction: word("Who may open connections: this network's members (to), or the other's (from)", [
      "to",
      "from",
    ]),
    network: text("Name of the other network", { examples: ["store"] }),
    ports: list("Ports that may be used; none: all", text("Ports", { examples: ["80/tcp"] })),
  },
  optional: {},
});

const peer = object<Peer>({
  id: "Peer",
  description: "Another network to whose members a network's members may open connections",
  required: {
    network: id<NetworkId>("network"),
    ports: list("Ports that may be used; none: all", portSpan),
  },
  optional: {},
});

export const networkView: Schema<NetworkView> = object<NetworkView>({
  id: "Network",
  description: "A network with who is on it",
  required: {
    id: id<NetworkId>("network"),
    name: text("Name", { examples: ["backend"] }),
    driver: text("Driver", { examples: ["bridge"] }),
    scope: word("Where it exists", ["local", "cluster"]),
    created: time("When it was made"),
    internal: flag("No way out and no way in from outside"),
    enableIPv4: flag("Endpoints get IPv4 addresses"),
    enableIPv6: flag("Endpoints get IPv6 addresses"),
    ipam: object<NetworkView["ipam"]>({
      description: "How its addresses are managed",
      required: {
        driver: text("IPAM driver", { examples: ["default"] }),
        options: texts("Options of the IPAM driver"),
        pools: list("Its pools", pool),
      },
      optional: { config: list("Pools as asked for, of networks of configuration", poolRequest) },
    }),
    options: texts("Driver options"),
    labels: texts("Labels"),
    predefined: flag("Made by netdock itself; users cannot remove it"),
    peerings: list("Networks that it reaches, or that reach it", peering),
    policies: list("Where its members may send", policyView),
    endpoints: list("Who is on it", networkEndpoint),
  },
  optional: {
    configOnly: flag<true>("Kept for other networks to be made from"),
    configFrom: text("Network of configuration it was made from"),
    adopted: object<Adopted>({
      description:
        "What its bridge had before the network took it over; the bridge stays when the network goes",
      required: {
        addresses: list("Addresses", cidr("Address")),
        sysctls: texts("Sysctls that the network changes, and their values before"),
      },
      optional: {},
    }),
    policy: egressPolicy,
    peers: list("Networks its members may reach, as they are stored", peer),
  },
});

const sandboxEndpoint = object<SandboxView["endpoints"][number]>({
  id: "SandboxEndpoint",
  description: "An endpoint as its sandbox shows it",
  required: {
    ...endpointRequired,
    networkName: text("Name of the network", { examples: ["backend"] }),
    driver: text("Driver of the network", { examples: ["bridge"] }),
  },
  optional: endpointOptional,
});

const netnsSource: Schema<NetnsSource> = oneOf<NetnsSource>("Where the namespace comes from", [
  object<{ readonly kind: "own" | "host" }>({
    description: "Made by netdock (own), or the host's (host)",
    required: { kind: word("Source", ["own", "host"]) },
    optional: {},
  }),
  object<{ readonly kind: "path"; readonly path: string }>({
    description: "Adopted by path",
    required: { kind: word("Source", ["path"]), path: text("Path as it was given") },
    optional: {},
  }),
  object<{ readonly kind: "pid"; readonly pid: number }>({
    description: "Adopted from a process",
    required: { kind: word("Source", ["pid"]), pid: count("Process as it was given") },
    optional: {},
  }),
]);

const allowList = list("Sources that may use it, besides the host itself; absent: all", subnet("Addresses"));

const portMapping = object<PortMapping>({
  id: "PortMapping",
  description: "A user's wish to publish",
  required: {
    protocol: word("Protocol", PROTOCOLS),
    containerPort: port("First port in the sandbox"),
    count: count("How many ports, upwards from both firsts"),
  },
  optional: {
    hostIp: ip("Address on the host"),
    hostPort: port("First port on the host"),
    from: allowList,
  },
});

const portBinding = object<PortBinding>({
  id: "PortBinding",
  description: "A mapping made real",
  required: {
    protocol: word("Protocol", PROTOCOLS),
    containerPort: port("First port in the sandbox"),
    count: count("How many ports, upwards from both firsts"),
    hostIp: ip("Address on the host; 0.0.0.0 and :: stand for all"),
    hostPort: integer("First port on the host; 0 where the port is open at the endpoint's own address", {
      minimum: 0,
      maximum: 65_535,
    }),
    endpointId: id<EndpointId>("endpoint that receives the traffic"),
  },
  optional: { from: allowList },
});

const processStatus = object<ProcessStatus>({
  id: "ProcessStatus",
  description: "The sandbox's process",
  required: {
    pid: count("Process id"),
    startTicks: count("Start time in clock ticks since boot (proc(5), field 22 of stat)"),
    startedAt: time("When it started"),
  },
  optional: {
    finishedAt: time("When it ended"),
    exitCode: integer("Exit code, 128+n after signal n; absent when nobody could learn it", {
      minimum: 0,
      maximum: 255,
    }),
  },
});

export const sandboxView: Schema<SandboxView> = object<SandboxView>({
  id: "Sandbox",
  description: "A container's network stack with its endpoints, the holder of the default route first",
  required: {
    id: id<SandboxId>("sandbox"),
    name: text("Name", { examples: ["web"] }),
    hostname: text("Host name inside"),
    domainname: text("Domain name inside"),
    created: time("When it was made"),
    labels: texts("Labels"),
    netns: netnsSource,
    netnsPath: text("Path at which the namespace can be entered (nsenter --net=PATH)"),
    ports: list("What the user wished to publish", portMapping),
    bindings: list("What is published", portBinding),
    dns: object<SandboxView["dns"]>({
      description: "Resolver settings",
      required: {
        servers: list("Upstream servers; empty: the host's", ip("Address")),
        search: list("Search domains", text("Domain")),
        options: list("Options", text("Option")),
      },
      optional: {},
    }),
    extraHosts: list(
      "More lines of /etc/hosts",
      object<ExtraHost>({
        description: "One line",
        required: { name: text("Name"), ip: ip("Address") },
        optional: {},
      }),
    ),
    sysctls: texts("Sysctls set inside"),
    state: word("created: no process of ours started yet; exited: it ended", [
      "created",
      "running",
      "exited",
    ]),
    autoRemove: flag("Removed when its process ends"),
    endpoints: list("Its endpoints", sandboxEndpoint),
  },
  optional: {
    resolverPort: port("UDP and TCP port of the embedded resolver behind 127.0.0.11:53"),
    process: processSpec,
    status: processStatus,
  },
});

export const lease: Schema<Lease> = object<Lease>({
  id: "Lease",
  description: "A granted address",
  required: {
    subnet: subnet("The pool"),
    address: ip("The address"),
    clientId: text("Who holds it: an endpoint id, gateway:<network>, aux:<name> or dhcp:<client id>"),
    state: word("bound: durable; requested: being granted; released: free again", [
      "requested",
      "bound",
      "released",
    ]),
  },
  optional: {
    mac,
    hostname: text("Host name the client gave"),
    expires: count("Milliseconds since the epoch; absent: without end"),
    releasedSeq: count("Order of release; the lowest is reused first"),
  },
});

export const partitionView: Schema<PartitionView> = object<PartitionView>({
  id: "Partition",
  description: "What is cut on purpose now, by name",
  required: {
    cut: list(
      "Links that are cut",
      object<PartitionView["cut"][number]>({
        description: "A sandbox's link to a network",
        required: { sandbox: text("The sandbox"), network: text("The network") },
        optional: {},
      }),
    ),
    groups: list("Groups that cannot reach each other", list("One side", text("A sandbox"))),
  },
  optional: {},
});

/** Schemas with a name, for `addSchema`. */
export const responseSchemas: readonly Schema<unknown>[] = [
  endpoint,
  pool,
  networkEndpoint,
  egressRule,
  egressPolicy,
  policyView,
  peering,
  portSpan,
  peer,
  networkView,
  sandboxEndpoint,
  portMapping,
  portBinding,
  processStatus,
  sandboxView,
  lease,
  partitionView,
];
