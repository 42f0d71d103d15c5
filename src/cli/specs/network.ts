import type { CommandSpec, FlagSpec } from "../spec.ts";
import { JSON_FLAG, NO_TRUNC_FLAG, QUIET_FLAG } from "./shared.ts";

const CREATE_FLAGS: readonly FlagSpec[] = [
  {
    flags: "-d, --driver <name>",
    text: "driver of the network (bridge)",
    complete: ["bridge", "macvlan", "ipvlan"],
  },
  { flags: "-o, --opt <key=value>", text: "option of the driver", repeat: true },
  { flags: "--label <key=value>", text: "label of the network", repeat: true },
  { flags: "--internal", text: "no way out of the network and no way in from outside" },
  { flags: "--ipv4", text: "give IPv4 addresses (on; --no-ipv4 turns it off)" },
  { flags: "--no-ipv4", text: "give no IPv4 addresses" },
  { flags: "--ipv6", text: "give IPv6 addresses" },
  { flags: "--subnet <cidr>", text: "address pool, one a family", repeat: true },
  { flags: "--ip-range <cidr>", text: "part of a subnet from which addresses are handed out", repeat: true },
  { flags: "--gateway <ip>", text: "address of the network itself in a subnet", repeat: true },
  { flags: "--aux-address <name=ip>", text: "address never handed out", repeat: true },
  { flags: "--ipam-driver <name>", text: "driver of the address management (default)" },
  { flags: "--ipam-opt <key=value>", text: "option of that driver", repeat: true },
  { flags: "--config-only", text: "only keep the configuration, for other networks to be made from" },
  { flags: "--config-from <network>", text: "make it from a network of configuration", complete: "network" },
  { flags: "--attachable", text: "every network of netdock is", hidden: true },
  { flags: "--scope <scope>", text: "follows from the driver", hidden: true },
];

const CONNECT_FLAGS: readonly FlagSpec[] = [
  { flags: "--ip <ip>", text: "IPv4 address (the next free one)" },
  { flags: "--ip6 <ip>", text: "IPv6 address (the next free one)" },
  { flags: "--link-local-ip <ip>", text: "link-local address to have beside the others", repeat: true },
  { flags: "--alias <name>", text: "further name of the sandbox on this network", repeat: true },
  {
    flags: "--link <name[:alias]>",
    text: "call another sandbox on this network by a name that only this one knows",
    repeat: true,
  },
  { flags: "--mac-address <mac>", text: "MAC address (a random one)" },
  {
    flags: "--gw-priority <number>",
    text: "the network with the highest number holds the default route (0)",
  },
  { flags: "--ifname <name>", text: "name of the interface in the sandbox (the lowest free ethN)" },
  { flags: "--driver-opt <key=value>", text: "option of the driver", repeat: true },
];

/** `netdock network …` */
export const NETWORK_COMMANDS: readonly CommandSpec[] = [
  {
    path: "network create",
    summary: "Make a network",
    description:
      "Makes a network and prints its id. Without --subnet, a free subnet is chosen that overlaps no route of the host. " +
      "Each --ip-range, --gateway and --aux-address belongs to the --subnet that contains it.",
    args: [{ name: "NETWORK", text: "name of the new network" }],
    flags: CREATE_FLAGS,
    examples: [
      ["netdock network create front", "a bridge network with a free subnet"],
      ["netdock network create --subnet 10.5.0.0/24 --gateway 10.5.0.1 db", "with addresses of your own"],
      ["netdock network create --ipv6 --internal back", "both families, cut off from outside"],
    ],
    load: async () => ({ run: (await import("../commands/network-create.ts")).runNetworkCreate }),
  },
  {
    path: "network ls",
    summary: "List networks",
    args: [],
    flags: [
      {
        flags: "-f, --filter <key=value>",
        text: "only networks that match: driver, name, id, label, scope, type=custom|builtin, dangling=true|false",
        repeat: true,
        complete: [
          "driver=",
          "name=",
          "id=",
          "label=",
          "scope=",
          "type=custom",
          "type=builtin",
          "dangling=true",
        ],
      },
      QUIET_FLAG,
      NO_TRUNC_FLAG,
      JSON_FLAG,
    ],
    examples: [
      ["netdock network ls", "all networks"],
      ["netdock network ls --filter driver=bridge -q", "ids of the bridge networks"],
    ],
    load: async () => ({ run: (await import("../commands/network-ls.ts")).runNetworkLs }),
  },
  {
    path: "network inspect",
    summary: "Show all about networks, as JSON",
    args: [{ name: "NETWORK...", text: "name, id or unique start of an id", complete: "network" }],
    flags: [],
    examples: [["netdock network inspect front", "subnets, options, and who is on it"]],
    load: async () => ({ run: (await import("../commands/inspect.ts")).runNetworkInspect }),
  },
  {
    path: "network rm",
    summary: "Remove networks",
    args: [{ name: "NETWORK...", text: "name, id or unique start of an id", complete: "network" }],
    flags: [{ flags: "-f, --force", text: "networks that do not exist are no error" }],
    examples: [["netdock network rm front back", "remove two networks that no sandbox is on"]],
    load: async () => ({ run: (await import("../commands/network-rm.ts")).runNetworkRm }),
  },
  {
    path: "network connect",
    summary: "Join a sandbox to a network, live",
    args: [
      { name: "NETWORK", text: "the network", complete: "network" },
      { name: "SANDBOX", text: "the sandbox", complete: "sandbox" },
    ],
    flags: CONNECT_FLAGS,
    examples: [
      ["netdock network connect back web", "web gets one more interface"],
      [
        "netdock network connect --ip 10.5.0.9 --alias db --gw-priority 1 back web",
        "address, name and default route",
      ],
    ],
    load: async () => ({ run: (await import("../commands/network-connect.ts")).runNetworkConnect }),
  },
  {
    path: "network disconnect",
    summary: "Take a sandbox off a network, live",
    args: [
      { name: "NETWORK", text: "the network", complete: "network" },
      { name: "SANDBOX", text: "the sandbox", complete: "sandbox" },
    ],
    flags: [{ flags: "-f, --force", text: "needs nothing here: a disconnect always is", hidden: true }],
    examples: [["netdock network disconnect back web", "web loses its interface on back"]],
    load: async () => ({ run: (await import("../commands/network-connect.ts")).runNetworkDisconnect }),
  },
  {
    path: "network cut",
    summary: "Break a sandbox's link to a network on purpose",
    description:
      "Frames between the sandbox and the network are lost from now on, in both directions and without a word to anybody: " +
      "connections stall as they do when a cable far away breaks. `netdock network heal` lets them go on; so does a restart " +
      "of the daemon.",
    args: [
      { name: "NETWORK", text: "the network", complete: "network" },
      { name: "SANDBOX", text: "the sandbox", complete: "sandbox" },
    ],
    flags: [],
    examples: [["netdock network cut back db", "does the application cope with a database that is silent?"]],
    load: async () => ({ run: (await import("../commands/network-connect.ts")).runNetworkCut }),
  },
  {
    path: "network heal",
    summary: "Heal a link that was cut",
    args: [
      { name: "NETWORK", text: "the network", complete: "network" },
      { name: "SANDBOX", text: "the sandbox", complete: "sandbox" },
    ],
    flags: [],
    examples: [["netdock network heal back db", "connections that nobody gave up go on"]],
    load: async () => ({ run: (await import("../commands/network-connect.ts")).runNetworkHeal }),
  },
  {
    path: "network prune",
    summary: "Remove every network that no sandbox is on",
    args: [],
    flags: [{ flags: "-f, --force", text: "netdock asks no question anyway", hidden: true }, JSON_FLAG],
    examples: [["netdock network prune", "remove them and print their names"]],
    load: async () => ({ run: (await import("../commands/network-rm.ts")).runNetworkPrune }),
  },
];
