import type { PeerRequest, PolicyRequest } from "../engine/contract.ts";
import type { EndpointRequest } from "../model/endpoint.ts";
import type { NetworkRequest, PoolRequest } from "../model/network.ts";
import type { ProcessSpec } from "../model/process.ts";
import type { DnsRequest, SandboxRequest } from "../model/sandbox.ts";
import { flag, integer, list, map, object, type Schema, text, word } from "./schema.ts";
import type {
  AdoptProcessRequest,
  ConnectRequest,
  DisconnectRequest,
  ExitRequest,
  LinkRequest,
  PartitionRequest,
  PortsRequest,
  ReconcileRequest,
  StopRequest,
  UnpeerRequest,
} from "./types.ts";

/**
 * Bodies, path parameters and queries. They check shape and type only; what an address, a name or an option must be is the
 * engine's to say, once, for every way in.
 */

/** PID_MAX_LIMIT of include/linux/threads.h on 64-bit machines. */
const PID_MAX = 4_194_304;

const labels = map("Labels of the user's, kept and shown as they are", text("Value"), {
  examples: [{ team: "shop" }],
});
const driverOptions = map(
  "Driver options, under Docker's keys where Docker has the option",
  text("Value; numbers and booleans are written as text too"),
  { examples: [{ "com.docker.network.driver.mtu": "1450" }] },
);

export const poolRequest: Schema<PoolRequest> = object<PoolRequest>({
  id: "PoolRequest",
  description: "One address pool. Every field left out is chosen by the IPAM driver",
  required: {},
  optional: {
    subnet: text("CIDR without host bits", { examples: ["10.5.0.0/24", "fd00:5::/64"] }),
    ipRange: text("CIDR inside subnet from which addresses are handed out", { examples: ["10.5.0.128/25"] }),
    gateway: text("The network's own address in the pool", { examples: ["10.5.0.1"] }),
    auxAddresses: map("Addresses never handed out, each under a name of the user's", text("Address"), {
      examples: [{ printer: "10.5.0.9" }],
    }),
  },
});

const ipamRequest = object<NonNullable<NetworkRequest["ipam"]>>({
  id: "IpamRequest",
  description: "How addresses are managed",
  required: {},
  optional: {
    driver: text("IPAM driver; default when left out", { examples: ["default"] }),
    options: map("Options of the IPAM driver", text("Value")),
    config: list("Pools; one a family, chosen by the IPAM driver, when left out", poolRequest),
  },
});

export const networkRequest: Schema<NetworkRequest> = object<NetworkRequest>({
  id: "NetworkRequest",
  description: "A network to make",
  required: { name: text("Name, unique among networks", { minLength: 1, examples: ["backend"] }) },
  optional: {
    driver: text("Driver; bridge when left out", { examples: ["bridge"] }),
    internal: flag("No way out of the network and no way in from outside; false when left out"),
    enableIPv4: flag("Give endpoints IPv4 addresses; true when left out"),
    enableIPv6: flag("Give endpoints IPv6 addresses; false when left out"),
    ipam: ipamRequest,
    configOnly: flag("Only keep the configuration, for other networks to be made from; false when left out"),
    configFrom: text("Network of configuration that says families, IPAM, options and labels", {
      minLength: 1,
      examples: ["backend-config"],
    }),
    options: driverOptions,
    labels,
  },
  examples: [{ name: "backend", ipam: { config: [{ subnet: "10.5.0.0/24", gateway: "10.5.0.1" }] } }],
});

const endpointOptions = {
  aliases: list("More names by which the others on the network find it", text("Name"), {
    examples: [["db"]],
  }),
  links: list("Names by which this sandbox alone calls others on the network: NAME:ALIAS", text("Link"), {
    examples: [["db:database"]],
  }),
  ipv4: text("IPv4 address to have; any free one when left out", { examples: ["10.5.0.7"] }),
  ipv6: text("IPv6 address to have; any free one when left out", { examples: ["fd00:5::7"] }),
  linkLocalIps: list("Addresses of 169.254.0.0/16 and fe80::/10 to have beside the others", text("Address"), {
    examples: [["169.254.8.8"]],
  }),
  mac: text("Unicast MAC address to have", { examples: ["02:42:0a:05:00:07"] }),
  gwPriority: integer("The endpoint with the highest number holds the default route; 0 when left out", {
    minimum: -(2 ** 31),
    maximum: 2 ** 31 - 1,
    examples: [0],
  }),
  interfaceName: text("Name of the link in the sandbox, up to 15 bytes; the lowest free ethN when left out", {
    examples: ["eth0"],
  }),
  options: driverOptions,
};

export const endpointRequest: Schema<EndpointRequest> = object<EndpointRequest>({
  id: "EndpointRequest",
  description: "How a sandbox joins a network",
  required: {
    network: text("Network by name, id or unique id prefix", { minLength: 1, examples: ["backend"] }),
  },
  optional: endpointOptions,
});

const sandboxField = text("Sandbox by name, id or unique id prefix", { minLength: 1, examples: ["web"] });

export const connectRequest: Schema<ConnectRequest> = object<ConnectRequest>({
  id: "ConnectRequest",
  description: "Who joins the network of the path, and how",
  required: { sandbox: sandboxField },
  optional: endpointOptions,
});

export const disconnectRequest: Schema<DisconnectRequest> = object<DisconnectRequest>({
  id: "DisconnectRequest",
  description: "Who leaves the network of the path",
  required: { sandbox: sandboxField },
  optional: {},
});

const otherNetwork = text("The other network by name, id or unique id prefix", {
  minLength: 1,
  examples: ["store"],
});

export const peerRequest: Schema<PeerRequest> = object<PeerRequest>({
  id: "PeerRequest",
  description: "Which network becomes a peer of the network of the path, instead of what was between the two",
  required: { network: otherNetwork },
  optional: {
    oneWay: flag("Only members of the path's network may open connections; false when left out"),
    ports: list(
      "Ports that may be used; all, and every protocol, when left out",
      text("PORT[-LAST][/protocol]"),
      {
        examples: [["80/tcp", "8000-8009/udp"]],
      },
    ),
  },
});

export const unpeerRequest: Schema<UnpeerRequest> = object<UnpeerRequest>({
  id: "UnpeerRequest",
  description: "Which network is a peer of the network of the path no more",
  required: { network: otherNetwork },
  optional: {},
});

export const policyRequest: Schema<PolicyRequest> = object<PolicyRequest>({
  id: "PolicyRequest",
  description:
    "Where members of the path's network may open connections to, in place of what was said before",
  required: {
    default: word("What becomes of what no rule matches", ["allow", "deny"]),
    rules: list(
      "Rules, of which the first that matches decides: allow=CIDR or deny=CIDR, and ,PORT[-LAST][/protocol] for each port",
      text("Rule"),
      { examples: [["deny=10.1.0.0/16", "allow=10.0.0.0/8,443/tcp,53/udp", "deny=any,25/tcp"]] },
    ),
  },
  optional: { sandbox: sandboxField },
});

/** Whose policy. */
export const policyQuery: Schema<{ readonly sandbox?: string }> = object<{ readonly sandbox?: string }>({
  description: "Whose",
  required: {},
  optional: {
    sandbox: text("Sandbox on the network; the network itself when left out", { examples: ["web"] }),
  },
});

export const linkRequest: Schema<LinkRequest> = object<LinkRequest>({
  id: "LinkRequest",
  description: "Whose link to the network of the path",
  required: { sandbox: sandboxField },
  optional: {},
});

export const partitionRequest: Schema<PartitionRequest> = object<PartitionRequest>({
  id: "PartitionRequest",
  description: "Who cannot reach whom from now on, instead of before",
  required: {
    groups: list(
      "Groups that cannot reach each other; none heals. Who is in no group reaches everybody",
      list("One side", sandboxField),
      { examples: [[["web"], ["db", "cache"]]] },
    ),
  },
  optional: {},
});

export const processSpec: Schema<ProcessSpec> = object<ProcessSpec>({
  id: "ProcessSpec",
  description: "A command of the host's file system",
  required: {
    command: list("Argument vector; the first is looked up in PATH of env", text("Argument"), {
      minItems: 1,
      examples: [["python3", "-m", "http.server", "80"]],
    }),
    env: list("The whole environment, nothing is inherited", text("NAME=value"), {
      examples: [["PATH=/usr/bin:/bin"]],
    }),
  },
  optional: {
    workingDir: text("Directory to start in; / when left out", { minLength: 1, examples: ["/srv"] }),
  },
});

/** Exactly one of `path` and `pid`, said as an object with one property: an error then names the field, not a union. */
const netnsRequest: Schema<NonNullable<SandboxRequest["netns"]>> = {
  $id: "NetnsRequest",
  type: "object",
  description: "An existing network namespace to adopt, by path or by a process in it",
  properties: {
    path: text("File that is a network namespace", { minLength: 1, examples: ["/run/netns/blue"] }),
    pid: integer("Process whose network namespace it is", { minimum: 1, maximum: PID_MAX, examples: [4711] }),
  },
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
};

const dnsRequest = object<DnsRequest>({
  id: "DnsRequest",
  description: "Resolver settings instead of the host's",
  required: {},
  optional: {
    servers: list("Upstream servers", text("Address"), { examples: [["9.9.9.9"]] }),
    search: list("Search domains", text("Domain"), { examples: [["shop.test"]] }),
    options: list("Options as in resolv.conf(5)", text("Option"), { examples: [["ndots:1"]] }),
  },
});

export const sandboxRequest: Schema<SandboxRequest> = object<SandboxRequest>({
  id: "SandboxRequest",
  description: "A sandbox to make, with its endpoints, published ports and process: all of it, or nothing",
  required: {},
  optional: {
    name: text("Name, unique among sandboxes; made up when left out", { minLength: 1, examples: ["web"] }),
    hostname: text("Host name inside; the short id when left out", { examples: ["web"] }),
    domainname: text("Domain name inside", { examples: ["shop.test"] }),
    labels,
    networks: list("Networks to join, in this order; bridge when left out", endpointRequest),
    publish: list(
      "Ports to publish, in Docker's spelling [[host address:]host port:]port[/protocol]; ranges on both sides. Behind it, " +
        ",from=CIDR for each source that may use the port; without one all may",
      text("One port or range"),
      { examples: [["8080:80", "127.0.0.1:5300-5309:53-62/udp", "80", "8081:81,from=192.0.2.0/24"]] },
    ),
    expose: list("Ports that the sandbox serves, published only by publishAll", text("One port or range"), {
      examples: [["80", "53/udp", "8000-8009"]],
    }),
    publishAll: flag(
      "Publish every exposed port that publish does not name at a free port; false when left out",
    ),
    dns: dnsRequest,
    extraHosts: list(
      "More lines for /etc/hosts; host-gateway stands for the host's address",
      text("name:address"),
      {
        examples: [["api.test:10.5.0.9", "docker.host:host-gateway"]],
      },
    ),
    sysctls: map("Namespaced sysctls (net.…) to set in the sandbox", text("Value"), {
      examples: [{ "net.ipv4.ip_forward": "1" }],
    }),
    netns: netnsRequest,
    process: processSpec,
    autoRemove: flag("Remove the sandbox when its process ends; false when left out"),
  },
  examples: [{ name: "web", networks: [{ network: "backend" }], publish: ["8080:80"] }],
});

export const portsRequest: Schema<PortsRequest> = object<PortsRequest>({
  id: "PortsRequest",
  description: "Ports of a sandbox",
  required: {
    publish: list("Ports, spelled as in publish of a sandbox", text("One port or range"), {
      minItems: 1,
      examples: [["8080:80"]],
    }),
  },
  optional: {},
});

export const adoptProcessRequest: Schema<AdoptProcessRequest> = object<AdoptProcessRequest>({
  id: "AdoptProcessRequest",
  description: "A process that a client started in the sandbox itself, for the daemon to watch",
  required: {
    pid: integer("Process id in the daemon's pid namespace", {
      minimum: 1,
      maximum: PID_MAX,
      examples: [4711],
    }),
    spec: processSpec,
  },
  optional: {},
});

export const exitRequest: Schema<ExitRequest> = object<ExitRequest>({
  id: "ExitRequest",
  description: "How the client's process ended",
  required: {
    exitCode: integer("Exit code; 128+n after signal n", { minimum: 0, maximum: 255, examples: [0] }),
  },
  optional: {},
});

export const stopRequest: Schema<StopRequest> = object<StopRequest>({
  id: "StopRequest",
  description: "How to end the process",
  required: {},
  optional: {
    timeoutSeconds: integer("Seconds between the signal and SIGKILL; 10 when left out", {
      minimum: 0,
      maximum: 86_400,
      examples: [10],
    }),
    signal: integer("Signal number; 15 (SIGTERM) when left out", { minimum: 1, maximum: 64, examples: [15] }),
  },
});

export const reconcileRequest: Schema<ReconcileRequest> = object<ReconcileRequest>({
  id: "ReconcileRequest",
  description: "What to do about differences between what should be and what the kernel holds",
  required: {},
  optional: { dryRun: flag("Only say what differs; false when left out") },
});

const yesOrNo = (description: string): Schema<string> => word(description, ["true", "false", "1", "0"]);

/** Queries are text on the wire and are validated as such; the routes turn them into what they mean. */
export const removeQuery: Schema<{ readonly force?: string }> = object<{ readonly force?: string }>({
  description: "How to remove",
  required: {},
  optional: { force: yesOrNo("End its process too; without it a running sandbox is refused (in_use)") },
});

export const eventsQuery: Schema<{ readonly since?: string }> = object<{ readonly since?: string }>({
  description: "Which events",
  required: {},
  optional: {
    since: text("Sequence number after which to begin; only new events when left out", {
      shape: { pattern: "^\\d{1,15}$", right: "write the seq of an event, such as 17" },
      examples: ["17"],
    }),
  },
});

interface LogsQuery {
  readonly follow?: string;
  readonly tail?: string;
}

export const logsQuery: Schema<LogsQuery> = object<LogsQuery>({
  description: "What of the log",
  required: {},
  optional: {
    follow: yesOrNo("Go on with what is appended until the process ends"),
    tail: text("Only so many last lines", {
      shape: { pattern: "^(all|\\d{1,9})$", right: "write a number of lines, or all" },
      examples: ["100", "all"],
    }),
  },
});

/** Schemas with a name, for `addSchema`. */
export const requestSchemas: readonly Schema<unknown>[] = [
  poolRequest,
  ipamRequest,
  networkRequest,
  endpointRequest,
  connectRequest,
  disconnectRequest,
  peerRequest,
  unpeerRequest,
  policyRequest,
  linkRequest,
  partitionRequest,
  processSpec,
  netnsRequest,
  dnsRequest,
  sandboxRequest,
  portsRequest,
  adoptProcessRequest,
  exitRequest,
  stopRequest,
  reconcileRequest,
];
