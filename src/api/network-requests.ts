import type { PeerRequest, PolicyRequest } from "../engine/contract.ts";
import type { EndpointRequest } from "../model/endpoint.ts";
import type { NetworkRequest, PoolRequest } from "../model/network.ts";
import { flag, integer, list, map, object, type Schema, text, word } from "./schema.ts";
import type {
  ConnectRequest,
  DisconnectRequest,
  LinkRequest,
  PartitionRequest,
  UnpeerRequest,
} from "./types.ts";

export const labels = map("Labels of the user's, kept and shown as they are", text("Value"), {
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
    attachable: flag(
      "Docker's mark for plain containers on swarm networks; kept and shown, without an effect",
    ),
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
export const networkRequests: readonly Schema<unknown>[] = [
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
];
