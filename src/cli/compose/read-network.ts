import { tryParseIp } from "../../base/ip.ts";
import { tryParseCidr } from "../../base/cidr.ts";
import { type Field, unknownKey } from "./field.ts";
import type { Notices } from "./keys.ts";
import type { ProjectNetwork } from "./project.ts";

const NETWORK_KEYS = [
  "attachable",
  "driver",
  "driver_opts",
  "enable_ipv4",
  "enable_ipv6",
  "external",
  "internal",
  "ipam",
  "labels",
  "name",
];
const POOL_KEYS = ["subnet", "ip_range", "gateway", "aux_addresses"];
const MAP = "write a map of keys, like driver: bridge";
const OPTIONS = 'write a map of options, like com.docker.network.driver.mtu: "1400"';
const LABELS = 'write a map like team: web, or a list like ["team=web"]';
const ADDRESS = "write an IP address like 10.5.0.9";

type Draft = { -readonly [K in keyof ProjectNetwork]: ProjectNetwork[K] };

/** One element of the top-level `networks:`. */
export function readNetwork(field: Field, key: string, project: string, notices: Notices): ProjectNetwork {
  const draft: Draft = {
    key,
    name: `${project}_${key}`,
    external: false,
    internal: false,
    options: {},
    labels: {},
    place: field.place(),
  };
  if (field.isNull) return draft;
  let named = false;
  for (const [name, value] of field.entries(MAP)) {
    switch (name) {
      case "name":
        draft.name = value.name("write the network's name");
        named = true;
        break;
      case "driver":
        draft.driver = value.name("write a driver's name like bridge");
        break;
      case "driver_opts":
        draft.options = value.isNull ? {} : value.filledPairs(OPTIONS);
        break;
      case "external":
        draft.external = true;
        if (value.tree.kind !== "map") draft.external = value.flag();
        // Files of version 2 and 3 name the network here.
        else for (const [, inner] of value.entries(MAP)) draft.name = inner.name("write the network's name");
        named ||= value.tree.kind === "map";
        break;
      case "internal":
        draft.internal = value.flag();
        break;
      case "enable_ipv4":
        draft.enableIPv4 = value.flag();
        break;
      case "enable_ipv6":
        draft.enableIPv6 = value.flag();
        break;
      case "attachable":
        // Every network of netdock can be joined by hand.
        value.flag();
        break;
      case "labels":
        draft.labels = value.filledPairs(LABELS);
        break;
      case "ipam":
        draft.ipam = readIpam(value, notices);
        break;
      default:
        if (!name.startsWith("x-")) throw unknownKey(value, name, NETWORK_KEYS);
    }
  }
  if (draft.external && !named) draft.name = key;
  return draft;
}

function readIpam(field: Field, notices: Notices): NonNullable<ProjectNetwork["ipam"]> {
  let driver: string | undefined;
  let options: Record<string, string> = {};
  let config: NonNullable<ProjectNetwork["ipam"]>["config"] = [];
  if (!field.isNull) {
    for (const [name, value] of field.entries("write a map with driver, config or options")) {
      if (name === "driver") driver = value.name("write an IPAM driver's name like default");
      else if (name === "options") options = value.filledPairs(OPTIONS);
      else if (name === "config") {
        const pools = value.isNull ? [] : value.items("write a list of pools, like [{subnet: 10.5.0.0/24}]");
        config = pools.map((pool) => readPool(pool, notices));
      } else if (!name.startsWith("x-")) throw unknownKey(value, name, ["driver", "config", "options"]);
    }
  }
  return { ...(driver === undefined ? {} : { driver }), options, config };
}

function readPool(field: Field, notices: Notices): NonNullable<ProjectNetwork["ipam"]>["config"][number] {
  const pool: { subnet?: string; ipRange?: string; gateway?: string; auxAddresses?: Record<string, string> } =
    {};
  for (const [name, value] of field.entries("write a pool like {subnet: 10.5.0.0/24}")) {
    switch (name) {
      case "subnet":
        pool.subnet = cidr(value);
        break;
      case "ip_range":
        pool.ipRange = cidr(value);
        break;
      case "gateway":
        pool.gateway = address(value, ADDRESS);
        break;
      case "aux_addresses":
        pool.auxAddresses = {};
        for (const [host, ip] of value.entries("write a map like printer: 10.5.0.9")) {
          pool.auxAddresses[host] = address(ip, ADDRESS);
        }
        break;
      case "options":
        notices.refuse(value, "a pool has no options of its own");
        break;
      default:
        if (!name.startsWith("x-")) throw unknownKey(value, name, POOL_KEYS);
    }
  }
  return pool;
}

/** Form only: whether subnets have host bits, overlap or hold their gateway is the engine's to say. */
function cidr(field: Field): string {
  const right = "write a subnet in CIDR form like 10.5.0.0/24";
  const parsed = tryParseCidr(field.name(right));
  if (parsed === undefined) throw field.fail(right);
  return parsed;
}

export function address(field: Field, right: string, family?: 4 | 6): string {
  const ip = tryParseIp(field.name(right));
  if (ip === undefined || (family === 6 && !ip.includes(":")) || (family === 4 && ip.includes(":"))) {
    throw field.fail(right);
  }
  return ip;
}
