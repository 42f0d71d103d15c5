import type { NetworkView, PartitionView, PolicyView } from "../engine/contract.ts";
import type { NetworkId } from "../model/ids.ts";
import type { Lease } from "../model/ipam.ts";
import type { Adopted, Peer, Pool } from "../model/network.ts";
import {
  cidr,
  count,
  egressPolicy,
  egressRule,
  endpointOptional,
  endpointRequired,
  id,
  ip,
  mac,
  portSpan,
  subnet,
  texts,
  time,
} from "./endpoint-view.ts";
import { poolRequest } from "./network-requests.ts";
import { flag, list, map, object, type Schema, text, word } from "./schema.ts";

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

const poolUsage = object<NetworkView["usage"][number]>({
  id: "PoolUsage",
  description: "How full a pool is; counts beyond 2^53 - 1 are given as that",
  required: {
    subnet: subnet("The pool"),
    inUse: count("Addresses granted, offered, or never anyone's (network and broadcast address)"),
    available: count("Addresses still free for who asks for none in particular"),
  },
  optional: {},
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
    usage: list("How full its pools are", poolUsage),
    peerings: list("Networks that it reaches, or that reach it", peering),
    policies: list("Where its members may send", policyView),
    endpoints: list("Who is on it", networkEndpoint),
  },
  optional: {
    attachable: flag<true>("Docker's mark; kept and shown, without an effect"),
    configOnly: flag<true>("Kept for other networks to be made from"),
    configFrom: text("Network of configuration it was made from"),
    adopted: object<Adopted>({
      description:
        "What its bridge had before the network took it over; the bridge stays when the network goes",
      required: {
        addresses: list("Addresses", cidr("Address")),
        sysctls: texts("Sysctls that the network changes, and their values before"),
      },
      optional: { down: flag<true>("It was down") },
    }),
    policy: egressPolicy,
    peers: list("Networks its members may reach, as they are stored", peer),
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
export const networkViews: readonly Schema<unknown>[] = [
  pool,
  poolUsage,
  networkEndpoint,
  egressRule,
  egressPolicy,
  policyView,
  peering,
  portSpan,
  peer,
  networkView,
];
