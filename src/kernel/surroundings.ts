import { readFileSync } from "node:fs";
import { type Cidr, makeCidr } from "../base/cidr.ts";
import { bitsOf, familyNumber, familyOf, type Ip, isLoopback, tryParseIp } from "../base/ip.ts";
import type { TakenPrefix } from "../model/ipam.ts";
import { decodeRoute, getRoute } from "../wire/netlink/route.ts";
import { RT_TABLE } from "../wire/netlink/route-numbers.ts";
import { fileError, isNodeError } from "./errno.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";
import { destinationOf, linksAt, routesOf } from "./observe.ts";

/** `ifalias` of every link of ours starts like this. */
const OURS = "netdock:";
const LINK_LOCAL_6 = "fe80:";

/**
 * Every prefix the host has a route to, in any table (a VPN's may be in one of its own), and its name servers. Left out are
 * default routes, what leads to our own bridges, and what no pool could be: loopback and IPv6 link-local addresses. Routes to
 * `pools` are left out too, without a look at their links: with a thousand networks that is a thousand questions less.
 */
export function takenPrefixes(
  socket: NetlinkSocket,
  nameServers: readonly Ip[],
  pools: ReadonlySet<Cidr>,
): TakenPrefix[] {
  const routes = routesOf(socket, undefined)
    .filter((route) => route.destinationLength > 0 && route.table !== RT_TABLE.LOCAL)
    .map((route) => ({ oif: route.oif ?? 0, prefix: destinationOf(route) }))
    .filter(({ prefix }) => !prefix.startsWith(LINK_LOCAL_6) && !pools.has(prefix));
  // Asked for one by one: a list of all would hold every endpoint's, and none of those has a route.
  const links = linksAt(socket, new Set(routes.map(({ oif }) => oif)));
  const taken = new Map<Cidr, string>();
  for (const { oif, prefix } of routes) {
    const link = links.get(oif);
    if (link?.alias?.startsWith(OURS) === true) continue;
    const by = link?.name === undefined ? "" : ` by ${link.name}`;
    if (!taken.has(prefix)) taken.set(prefix, `the host has a route to ${prefix}${by}`);
  }
  for (const ip of nameServers) {
    const prefix = makeCidr(ip, bitsOf(familyOf(ip)));
    if (!isLoopback(ip) && !taken.has(prefix)) taken.set(prefix, `${ip} is a name server of the host`);
  }
  return [...taken].map(([prefix, why]) => ({ prefix, why }));
}

/** Addresses of the world at large, which the host reaches by what it has for that: a default route, or a VPN's halves of one. */
const WORLD = ["1.1.1.1", "2606:4700:4700::1111"] as const;

/** MTU in bytes of the link by which the kernel would send to the world; nothing is sent. */
export function uplinkMtu(socket: NetlinkSocket): number | undefined {
  for (const destination of WORLD) {
    const family = familyNumber(familyOf(destination));
    const query = {
      family,
      destination: destination as Ip,
      destinationLength: bitsOf(familyOf(destination)),
    };
    const [reply] = socket.transact([getRoute(query)]);
    const body = reply?.messages[0]?.body;
    // No route: ENETUNREACH.
    if (body === undefined) continue;
    const { oif } = decodeRoute(body);
    const link = oif === undefined ? undefined : linksAt(socket, new Set([oif])).get(oif);
    if (link?.mtu !== undefined) return link.mtu;
  }
  return undefined;
}

/** `nameserver` lines of a resolv.conf(5), in order; a zone (`fe80::1%eth0`) is left off. A missing file has none. */
export function readNameServers(path: string): Ip[] {
  let text;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (isNodeError(error, "ENOENT", "ENOTDIR")) return [];
    throw fileError("resolv.conf", path, error);
  }
  return text.split("\n").flatMap((line) => {
    const [word, address = ""] = line.trim().split(/\s+/);
    const ip = word === "nameserver" ? tryParseIp(address.replace(/%.*/, "")) : undefined;
    return ip === undefined ? [] : [ip];
  });
}
