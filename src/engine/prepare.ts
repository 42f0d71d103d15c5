import { invalid, NetError } from "../base/errors.ts";
import { parseMac } from "../base/mac.ts";
import type { Endpoint, EndpointRequest } from "../model/endpoint.ts";
import { shortId, type EndpointId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";
import { grantAddress, type Grant } from "./addressing.ts";
import type { Core } from "./core.ts";
import { newId, newMac } from "./ids.ts";
import { parseLinks } from "./links.ts";
import { parseLinkLocal } from "./link-local.ts";
import { refuseConfigOnly } from "./network-config.ts";
import { checkAlias } from "./parse.ts";

const OP = "endpoint.attach";

/** Docker's key for the name of the link inside the sandbox. */
const IFNAME_OPTION = "com.docker.network.endpoint.ifname";

/** An endpoint with its addresses requested and not yet acknowledged. */
export interface Prepared {
  readonly endpoint: Endpoint;
  readonly network: Network;
  readonly grants: readonly Grant[];
}

export interface PrepareRequest {
  readonly sandbox: Sandbox;
  readonly network: Network;
  readonly wish: EndpointRequest;
  /** Endpoints the sandbox has already. */
  readonly present: readonly Endpoint[];
  /** Link names that are not to be had, beside those of `present` and `lo`. */
  readonly takenLinks: readonly string[];
}

/** Checks a wish to join and requests its addresses; inside a transaction. Changes nothing but what that rolls back. */
export function prepareEndpoint(core: Core, request: PrepareRequest): Prepared {
  const { sandbox, network, wish, present } = request;
  refuseConfigOnly(network);
  const driver = core.driverOf(network);
  driver.checkEndpoint(network, wish);
  if (present.some((e) => e.networkId === network.id)) {
    throw new NetError("conflict", OP, {
      message: `endpoint with name ${sandbox.name} already exists in network ${network.name}`,
      subject: sandbox.name,
      field: "network",
      value: network.name,
      remedy: "a sandbox joins a network once",
    });
  }
  const id = newId<EndpointId>();
  const base = {
    id,
    networkId: network.id,
    sandboxId: sandbox.id,
    aliases: aliasesOf(sandbox, network, wish),
    ...(wish.links === undefined || wish.links.length === 0
      ? {}
      : { links: parseLinks(wish.links, network) }),
    gwPriority: parsePriority(wish.gwPriority),
    options: { ...wish.options },
  };
  if (!driver.capabilities.links) return { endpoint: base, network, grants: [] };
  const used = [...present.flatMap((e) => e.interfaceName ?? []), ...request.takenLinks];
  const interfaceName = chooseLinkName(wish, driver.interfacePrefix(network), used);
  const mac = wish.mac === undefined ? newMac() : parseMac(wish.mac, "mac", OP);
  const linkLocalIps = parseLinkLocal(wish.linkLocalIps ?? [], core.state.endpointsOn(network.id));
  const client = { id, mac, hostname: sandbox.name };
  const without = driver.withoutFamilies?.(wish) ?? [];
  const v4 = grantAddress(core, network, client, { family: 4, address: wish.ipv4, field: "ipv4" });
  const v6 = without.includes(6)
    ? undefined
    : grantAddress(core, network, client, { family: 6, address: wish.ipv6, field: "ipv6" });
  const endpoint: Endpoint = {
    ...base,
    mac,
    ...(v4 === undefined ? {} : { ipv4: v4.address }),
    ...(v4?.gateway === undefined ? {} : { gateway4: v4.gateway }),
    ...(v6 === undefined ? {} : { ipv6: v6.address }),
    ...(v6?.gateway === undefined ? {} : { gateway6: v6.gateway }),
    ...(linkLocalIps.length === 0 ? {} : { linkLocalIps }),
    interfaceName,
    ...(driver.capabilities.hostEnd ? { hostInterface: `ndv${shortId(id)}` } : {}),
  };
  return { endpoint, network, grants: [v4, v6].filter((g) => g !== undefined) };
}

/** The name a wish has for its link, if it has one. */
export function wishedLinkName(wish: EndpointRequest): string | undefined {
  return wish.interfaceName ?? wish.options?.[IFNAME_OPTION];
}

function aliasesOf(sandbox: Sandbox, network: Network, wish: EndpointRequest): string[] {
  const aliases = (wish.aliases ?? []).map((alias, i) => checkAlias(alias, `aliases[${i}]`));
  if (aliases.length > 0 && network.predefined) {
    const right = `the predefined network ${network.name} has no names; leave it out, or join a network of your own`;
    throw invalid("aliases[0]", aliases[0], right, OP);
  }
  return [...new Set([sandbox.name, ...aliases])];
}

function parsePriority(priority: number | undefined): number {
  if (priority === undefined) return 0;
  if (Number.isInteger(priority) && priority >= -(2 ** 31) && priority < 2 ** 31) return priority;
  throw invalid("gwPriority", priority, "write a whole number of 32 bits", OP);
}

/** The name asked for, or the lowest free number behind the network's prefix. */
function chooseLinkName(wish: EndpointRequest, prefix: string, used: readonly string[]): string {
  const wanted = wishedLinkName(wish);
  if (wanted === undefined) {
    for (let i = 0; ; i++) if (!used.includes(`${prefix}${i}`)) return `${prefix}${i}`;
  }
  // What dev_valid_name (net/core/dev.c) takes, less what would need quoting somewhere.
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(wanted) || wanted === "." || wanted === "..") {
    throw invalid("interfaceName", wanted, "write 1 to 15 letters, digits, '.', '_' or '-'", OP);
  }
  if (!used.includes(wanted) && wanted !== "lo") return wanted;
  throw new NetError("conflict", OP, {
    message: `interfaceName: the sandbox has a link named ${wanted} already: choose another name, or leave it out`,
    field: "interfaceName",
    value: wanted,
    remedy: "choose another name, or leave it out",
  });
}
