import { tryParseMac } from "../../base/mac.ts";
import { type Field, refusal, unknownKey } from "./field.ts";
import type { Notices } from "./keys.ts";
import type { ServiceNetwork } from "./project.ts";
import { address } from "./read-network.ts";

const NETWORKS = 'write a list of networks like ["front"], or a map like front: {aliases: [www]}';
const OPTIONS = "write a map of keys, like {aliases: [www]}, or nothing";
const MAC = "write a MAC address like 02:42:ac:11:00:02";
const KEYS = [
  "aliases",
  "driver_opts",
  "gw_priority",
  "interface_name",
  "ipv4_address",
  "ipv6_address",
  "mac_address",
  "priority",
];

/** `networks:` of a service, in the order of joining. */
export function readServiceNetworks(field: Field, notices: Notices): ServiceNetwork[] {
  if (field.isNull) return [];
  const networks =
    field.tree.kind === "list"
      ? field.items(NETWORKS).map((item) => readServiceNetwork(item, item.name(NETWORKS), notices))
      : field.entries(NETWORKS).map(([key, value]) => readServiceNetwork(value, key, notices));
  const twice = networks.find((network, i) => networks.findIndex((other) => other.key === network.key) !== i);
  if (twice !== undefined)
    throw refusal(twice.place, JSON.stringify(twice.key), "this network is listed twice");
  // Stable: networks of equal priority stay in the file's order.
  return networks.toSorted((a, b) => b.priority - a.priority);
}

function readServiceNetwork(field: Field, key: string, notices: Notices): ServiceNetwork {
  const draft: { -readonly [K in keyof ServiceNetwork]: ServiceNetwork[K] } = {
    key,
    aliases: [],
    priority: 0,
    options: {},
    place: field.place(),
  };
  if (field.tree.kind === "scalar") {
    if (field.isNull || field.tree.value === key) return draft;
    throw field.fail(OPTIONS);
  }
  for (const [name, value] of field.entries(OPTIONS)) {
    switch (name) {
      case "aliases":
        draft.aliases = value.texts("write a name or a list of names");
        break;
      case "ipv4_address":
        draft.ipv4 = address(value, "write an IPv4 address like 10.5.0.10", 4);
        break;
      case "ipv6_address":
        draft.ipv6 = address(value, "write an IPv6 address like fd00::10", 6);
        break;
      case "mac_address":
        draft.mac = readMac(value);
        break;
      case "gw_priority":
        draft.gwPriority = value.integer(-2_147_483_648, 2_147_483_647);
        break;
      case "priority":
        draft.priority = value.integer(-2_147_483_648, 2_147_483_647);
        break;
      case "interface_name":
        draft.interfaceName = value.name("write an interface name of at most 15 characters, like eth9");
        break;
      case "driver_opts":
        draft.options = value.filledPairs("write a map of options");
        break;
      case "link_local_ips":
        notices.refuse(value, "give the address as ipv4_address or ipv6_address");
        break;
      default:
        if (!name.startsWith("x-")) throw unknownKey(value, name, KEYS);
    }
  }
  return draft;
}

/** `network_mode:`; a namespace shared with another service is refused. */
export function readNetworkMode(field: Field): "none" | "host" | "bridge" {
  const right = "write none, host or bridge, or name a network under networks:";
  const mode = field.name(right);
  if (mode === "none" || mode === "host" || mode === "bridge") return mode;
  if (/^(service|container):/.test(mode)) {
    throw field.fail("a namespace shared between services is not supported: put both on one network instead");
  }
  throw field.fail(right);
}

export function readMac(field: Field): string {
  const mac = tryParseMac(field.name(MAC));
  if (mac === undefined) throw field.fail(MAC);
  return mac;
}
