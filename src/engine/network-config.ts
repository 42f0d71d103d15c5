import { tryParseBool } from "../base/bool.ts";
import { invalid, NetError } from "../base/errors.ts";
import type { Family } from "../base/ip.ts";
import { parsePools } from "../ipam/request.ts";
import type { Driver } from "../model/driver.ts";
import type { NetworkId } from "../model/ids.ts";
import type { Network, NetworkRequest } from "../model/network.ts";
import type { Core } from "./core.ts";
import { newId } from "./ids.ts";

const OP = "network.create";

/** Docker's generic options that say the same as fields of a request; a field that is there wins. */
const FAMILY_OPTIONS = {
  "com.docker.network.enable_ipv4": "enableIPv4",
  "com.docker.network.enable_ipv6": "enableIPv6",
} as const;

/** The request with what its options and its network of configuration say. Throws `invalid` or `not_found`. */
export function settleRequest(core: Core, request: NetworkRequest): NetworkRequest {
  return settleFamilies(request.configFrom === undefined ? request : fromConfig(core, request));
}

function settleFamilies(request: NetworkRequest): NetworkRequest {
  const { options = {} } = request;
  const families: { enableIPv4?: boolean; enableIPv6?: boolean } = {};
  const rest: Record<string, string> = {};
  for (const [key, text] of Object.entries(options)) {
    const field = FAMILY_OPTIONS[key as keyof typeof FAMILY_OPTIONS] as
      | "enableIPv4"
      | "enableIPv6"
      | undefined;
    if (field === undefined) rest[key] = text;
    else families[field] = parseBool(key, text);
  }
  return { ...families, ...dropAbsent(request), options: rest };
}

/** An absent field and one that is undefined are the same. */
function dropAbsent(request: NetworkRequest): NetworkRequest {
  return Object.fromEntries(
    Object.entries(request).filter(([, value]) => value !== undefined),
  ) as NetworkRequest & object;
}

function parseBool(key: string, text: string): boolean {
  const value = tryParseBool(text);
  if (value !== undefined) return value;
  throw invalid(`options.${key}`, text, 'write "true" or "false"', OP);
}

function fromConfig(core: Core, request: NetworkRequest): NetworkRequest {
  const name = request.configFrom as string;
  if (request.configOnly === true) {
    const right =
      "a configuration network cannot depend on another configuration network; leave out the one or the other";
    throw invalid("configFrom", name, right, OP);
  }
  const config = core.state.findNetwork(name, OP);
  if (config.configOnly !== true) {
    throw invalid("configFrom", name, "it is not a configuration network; give the name of one", OP);
  }
  refuseOwn(request);
  const { driver, options, config: pools = [] } = config.ipam;
  return {
    ...request,
    configFrom: config.name,
    enableIPv4: config.enableIPv4,
    enableIPv6: config.enableIPv6,
    ipam: { driver, options, config: pools },
    options: config.options,
    labels: config.labels,
  };
}

/** Docker's rule and words (libnetwork, validateConfiguration). */
function refuseOwn(request: NetworkRequest): void {
  const { ipam = {}, options = {}, labels = {} } = request;
  const depends = "not supported if the network depends on a configuration network";
  if (Object.keys(options).length > 0) {
    throw invalid("options", options, `network driver options are ${depends}`, OP);
  }
  const own = {
    enableIPv4: request.enableIPv4,
    enableIPv6: request.enableIPv6,
    labels: Object.keys(labels).length > 0 ? labels : undefined,
    ipam: ipam.driver !== undefined || (ipam.config ?? []).length > 0 ? ipam : undefined,
  };
  for (const [field, value] of Object.entries(own)) {
    if (value !== undefined) throw invalid(field, value, `user-specified configurations are ${depends}`, OP);
  }
}

/** A network of configuration, as it is kept: nothing in the kernel and no pool belongs to it. */
export function configNetwork(core: Core, request: NetworkRequest): Network {
  if (request.internal === true) {
    const right =
      "a configuration network has only what belongs to one network; give it where the network is made";
    throw invalid("internal", true, right, OP);
  }
  const { enableIPv4 = true, enableIPv6 = false, ipam = {} } = request;
  const families: Family[] = [...(enableIPv4 ? [4 as const] : []), ...(enableIPv6 ? [6 as const] : [])];
  const driver = core.ipam(ipam.driver ?? "default");
  // What is wrong in itself is refused now; what is taken shows when a network is made from it.
  parsePools(ipam.config ?? [], families);
  return {
    id: newId<NetworkId>(),
    name: request.name,
    driver: "none",
    scope: "local",
    created: new Date(core.clock.now()).toISOString(),
    internal: false,
    enableIPv4,
    enableIPv6,
    ipam: { driver: driver.name, options: { ...ipam.options }, pools: [], config: [...(ipam.config ?? [])] },
    options: { ...request.options },
    labels: { ...request.labels },
    configOnly: true,
    predefined: false,
  };
}

/** Nobody joins a network that is configuration only. */
export function refuseConfigOnly(network: Network): void {
  if (network.configOnly !== true) return;
  throw new NetError("forbidden", "endpoint.attach", {
    message: `cannot create endpoint on configuration-only network ${network.name}`,
    subject: network.name,
    field: "network",
    value: network.name,
    remedy: "make a network from it with --config-from, and join that",
  });
}

/** A network of configuration stays while others were made from it. */
export function refuseConfigInUse(core: Core, network: Network): void {
  if (network.configOnly !== true) return;
  const user = [...core.state.networks.values()].find(({ configFrom }) => configFrom === network.name);
  if (user === undefined) return;
  throw new NetError("in_use", "network.remove", {
    message: `configuration network "${network.name}" is in use by network ${user.name}`,
    subject: network.name,
    field: "network",
    value: network.name,
    remedy: "remove the networks that were made from it first",
  });
}

/** Families of a network; drivers without addresses have none. */
export function familiesOf(request: NetworkRequest, driver: Driver): Family[] {
  if (!driver.capabilities.links) return [];
  const families: Family[] = [];
  if (request.enableIPv4 ?? true) families.push(4);
  if (request.enableIPv6 ?? false) families.push(6);
  if (families.length > 0) return families;
  throw invalid("enableIPv4", false, "IPv4 or IPv6 must be enabled", "network.create");
}

/** Whether a family's pool is left to the IPAM driver: no subnet is given, or one that only says a size (`0.0.0.0/24`). */
export function needsDefaultPool(request: NetworkRequest, families: readonly Family[]): boolean {
  const chosen = (request.ipam?.config ?? []).flatMap(({ subnet }) =>
    subnet === undefined || /^(0\.0\.0\.0|::)\//.test(subnet) ? [] : [subnet.includes(":") ? 6 : 4],
  );
  const asked = request.ipam?.config?.length ?? 0;
  return chosen.length < asked || families.some((family) => !chosen.includes(family));
}
