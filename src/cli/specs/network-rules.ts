import type { CommandSpec } from "../spec.ts";
import { JSON_FLAG } from "./shared.ts";

const NETWORK = { name: "NETWORK", text: "the network", complete: "network" } as const;
const PEER = { name: "PEER", text: "the other network", complete: "network" } as const;

/** `netdock network …`: whom members of a network may reach. */
export const NETWORK_RULE_COMMANDS: readonly CommandSpec[] = [
  {
    path: "network peer",
    summary: "Let members of two networks reach each other",
    description:
      "Networks are isolated from each other. Between peers, members of either may open connections to those of the other, " +
      "with their own addresses, by the route over the host; the other networks stay isolated. It takes the place of what was " +
      "between the two before, and goes with either network. Internal networks can have no peers: nothing leaves or enters " +
      "them. A sandbox on several networks sends by its default route, so that is the network to be a peer.",
    args: [NETWORK, PEER],
    flags: [
      { flags: "--one-way", text: "only members of NETWORK may open connections" },
      { flags: "--port <port>", text: "port that may be used: 80/tcp, 8000-8009/udp (all)", repeat: true },
    ],
    examples: [
      ["netdock network peer front back", "both ways, everything"],
      [
        "netdock network peer --one-way --port 5432 --port 53/udp front back",
        "front may ask two services of back",
      ],
    ],
    load: async () => ({ run: (await import("../commands/network-peer.ts")).runNetworkPeer }),
  },
  {
    path: "network unpeer",
    summary: "Isolate two networks again",
    description: "Takes back `network peer`, both ways. Connections that stand are not cut.",
    args: [NETWORK, PEER],
    flags: [],
    examples: [["netdock network unpeer front back", "new connections are dropped"]],
    load: async () => ({ run: (await import("../commands/network-peer.ts")).runNetworkUnpeer }),
  },
  {
    path: "network policy",
    summary: "Say where members of a network may send",
    description:
      "Sets the egress policy of a network, live: an ordered list of rules, of which the first that matches decides, and what " +
      "becomes of the rest. A RULE is allow=CIDR or deny=CIDR, with ,PORT[-LAST][/tcp|udp|sctp] for each port it is about; any " +
      "stands for every address. It takes the place of the policy before. It judges new connections to whatever is beyond " +
      "the network, by the address they arrive at: a published port counts as the sandbox behind it. Traffic within the " +
      "network, replies, and the host itself are not judged. Without rules it shows the policies of the network.",
    args: [NETWORK, { name: "[RULE...]", text: "rules, in order" }],
    flags: [
      {
        flags: "--default <verdict>",
        text: "what becomes of what no rule matches (allow)",
        complete: ["allow", "deny"],
      },
      {
        flags: "--sandbox <sandbox>",
        text: "the policy of this sandbox there, in place of the network's",
        complete: "sandbox",
      },
      { flags: "--clear", text: "take the policy away" },
      JSON_FLAG,
    ],
    examples: [
      [
        "netdock network policy back --default deny allow=10.0.0.0/8,443/tcp",
        "only HTTPS, and only to 10.0.0.0/8",
      ],
      ["netdock network policy back deny=169.254.0.0/16 deny=any,25/tcp", "everywhere but there"],
      ["netdock network policy back --sandbox app --default deny", "app sends nothing out"],
      ["netdock network policy back", "the policies of back"],
      ["netdock network policy back --clear", "members may send anywhere"],
    ],
    load: async () => ({ run: (await import("../commands/network-policy.ts")).runNetworkPolicy }),
  },
];
