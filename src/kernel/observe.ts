import { type Cidr, cidrParts, makeCidr, subnetOf } from "../base/cidr.ts";
import { AF_INET, AF_INET6, bitsOf, ipFromBytes } from "../base/ip.ts";
import type { ObservedLink, ObservedNetns, ObservedRoute } from "../model/host.ts";
import { decodeAddress, dumpAddresses } from "../wire/netlink/address.ts";
import { decodeLink, dumpLinks, getLink, type Link } from "../wire/netlink/link.ts";
import { IFF, RTEXT_FILTER } from "../wire/netlink/link-numbers.ts";
import { decodeRoute, dumpRoutes, type Route, type RouteFilter } from "../wire/netlink/route.ts";
import { RT_TABLE, RTN } from "../wire/netlink/route-numbers.ts";
import { type BridgeFilter, isFiltered } from "./bridge-filter.ts";
import { hasErrno } from "./errno.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

/** Links with their addresses, and the unicast routes of the main table. `filterOf` is asked where there are ports of bridges. */
export function observeNetns(socket: NetlinkSocket, filterOf: () => BridgeFilter): ObservedNetns {
  const links = linksOf(socket);
  const apart = portsApart(links, filterOf);
  const names = new Map(links.map((link) => [link.index, link.name ?? ""]));
  const addresses = addressesByLink(socket);
  const routes = routesOf(socket, RT_TABLE.MAIN);
  const connected = new Set(routes.map((route) => `${route.oif} ${destinationOf(route)}`));
  return {
    links: links.map((link) => {
      const own = addresses.get(link.index) ?? [];
      const unrouted =
        (link.flags & IFF.UP) === 0
          ? []
          : own.filter((a) => !isAlone(a) && !connected.has(`${link.index} ${subnetOf(a)}`));
      const observed = observedLink(link, names, own);
      return {
        ...observed,
        ...(unrouted.length === 0 ? {} : { unrouted }),
        ...(apart.has(link.index) ? { apart: apart.get(link.index) } : {}),
      };
    }),
    routes: routes.map((route) => observedRoute(route, names)),
  };
}

/** Which ports of bridges are kept apart, by the bridge itself or by the host's firewall. */
function portsApart(links: readonly Link[], filterOf: () => BridgeFilter): Map<number, boolean> {
  const ports = links.flatMap((link) => {
    const isolated = isolatedPort(link);
    return isolated === undefined ? [] : [{ link, isolated }];
  });
  if (ports.length === 0) return new Map();
  const filter = filterOf();
  const filtered = new Set(
    links
      .filter(
        ({ linkInfo }) => filter?.allBridges === true || (filter !== undefined && isFiltered(linkInfo?.info)),
      )
      .map(({ index }) => index),
  );
  return new Map(ports.map(({ link, isolated }) => [link.index, isolated || filtered.has(link.master ?? 0)]));
}

/** Whether a port of a bridge is isolated; undefined for every other link. */
export function isolatedPort({ linkInfo }: Link): boolean | undefined {
  return linkInfo?.slave?.kind === "bridge" ? linkInfo.slave.data?.isolated : undefined;
}

/** One link by name, with its addresses. */
export function observeLink(socket: NetlinkSocket, name: string): ObservedLink | undefined {
  const [reply] = socket.transact([getLink({ name, extMask: RTEXT_FILTER.SKIP_STATS })]);
  const body = reply?.messages[0]?.body;
  if (body === undefined) return undefined;
  const link = decodeLink(body);
  const names = new Map<number, string>();
  if (link.master !== undefined) {
    for (const [index, master] of linksAt(socket, new Set([link.master])))
      names.set(index, master.name ?? "");
  }
  return observedLink(link, names, addressesByLink(socket).get(link.index) ?? []);
}

export function linksOf(socket: NetlinkSocket): Link[] {
  return socket.dump(dumpLinks({ extMask: RTEXT_FILTER.SKIP_STATS }), (message) => decodeLink(message.body));
}

/** Links by index; those that are gone are left out. */
export function linksAt(socket: NetlinkSocket, indexes: ReadonlySet<number>): Map<number, Link> {
  const requests = [...indexes].map((index) => getLink({ index, extMask: RTEXT_FILTER.SKIP_STATS }));
  const links = socket
    .transact(requests)
    .flatMap(({ messages }) => messages.map((message) => decodeLink(message.body)));
  return new Map(links.map((link) => [link.index, link]));
}

/** Unicast routes of both families; of all tables when none is given. */
export function routesOf(socket: NetlinkSocket, table: number | undefined): Route[] {
  return [AF_INET, AF_INET6].flatMap((family) =>
    // Where the kernel does not choose (an IPv6 dump before Linux 5.0), we do.
    dumpTable(socket, { family, type: RTN.UNICAST, ...(table === undefined ? {} : { table }) }).filter(
      (route) => route.type === RTN.UNICAST,
    ),
  );
}

/** Routes that pass the filter. A table nobody has written to yet is not there, and has none. */
export function dumpTable(socket: NetlinkSocket, filter: RouteFilter): Route[] {
  try {
    return socket.dump(dumpRoutes(filter), (message) => decodeRoute(message.body));
  } catch (error) {
    if (filter.table !== undefined && hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

export function destinationOf(route: Route): Cidr {
  const zero = ipFromBytes(new Uint8Array(route.family === AF_INET ? 4 : 16));
  return makeCidr(route.destination ?? zero, route.destinationLength);
}

/** An address of full length has no prefix to route. */
function isAlone(address: Cidr): boolean {
  const { length, family } = cidrParts(address);
  return length === bitsOf(family);
}

function addressesByLink(socket: NetlinkSocket): Map<number, Cidr[]> {
  const found = new Map<number, Cidr[]>();
  for (const a of socket.dump(dumpAddresses({ family: 0 }), (message) => decodeAddress(message.body))) {
    // On a point-to-point link `address` is the other end's.
    const own = a.local ?? a.address;
    if (own === undefined) continue;
    found.set(a.index, [...(found.get(a.index) ?? []), makeCidr(own, a.prefixLength)]);
  }
  return found;
}

function observedLink(
  link: Link,
  names: ReadonlyMap<number, string>,
  addresses: readonly Cidr[],
): ObservedLink {
  const info = link.linkInfo?.info;
  return {
    index: link.index,
    name: link.name ?? "",
    kind: info === undefined ? "" : info.kind === "unknown" ? info.name : info.kind,
    up: (link.flags & IFF.UP) !== 0,
    ...(typeof link.address === "string" ? { mac: link.address } : {}),
    mtuBytes: link.mtu ?? 0,
    alias: link.alias ?? "",
    ...(link.master === undefined ? {} : { master: names.get(link.master) }),
    addresses,
    ...(info?.kind === "bridge" ? { filtered: isFiltered(info) } : {}),
  };
}

function observedRoute(route: Route, names: ReadonlyMap<number, string>): ObservedRoute {
  return {
    destination: destinationOf(route),
    ...(route.gateway === undefined ? {} : { via: route.gateway }),
    ...(route.oif === undefined ? {} : { link: names.get(route.oif) }),
    metric: route.priority ?? 0,
  };
}
