import type { Op, RouteSpec } from "../model/ops.ts";
import { decodeLink, getLink, type Link } from "../wire/netlink/link.ts";
import { IFF, RTEXT_FILTER } from "../wire/netlink/link-numbers.ts";
import { RT_TABLE } from "../wire/netlink/route-numbers.ts";
import { isFiltered } from "./bridge-filter.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";
import { destinationOf, dumpTable } from "./observe.ts";
import type { RouteOp } from "./route-plan.ts";

// What steps that change something find there before: the inverse puts it back.

/** For each `link.set` the step that restores what it changes. Links that are not there have none. */
export function previousSettings(socket: NetlinkSocket, ops: readonly RouteOp[]): Map<RouteOp, Op> {
  const sets = ops.filter((op) => op.op === "link.set");
  const replies = socket.transact(
    sets.map(({ name }) => getLink({ name, extMask: RTEXT_FILTER.SKIP_STATS })),
  );
  const found = new Map<RouteOp, Op>();
  sets.forEach((op, i) => {
    const body = replies[i]?.messages[0]?.body;
    if (body === undefined) return;
    const link = decodeLink(body);
    const set: {
      up?: boolean;
      mtuBytes?: number;
      master?: string | null;
      alias?: string;
      hairpin?: boolean;
    } = {};
    if (op.set.up !== undefined) set.up = (link.flags & IFF.UP) !== 0;
    if (op.set.mtuBytes !== undefined && link.mtu !== undefined) set.mtuBytes = link.mtu;
    if (op.set.alias !== undefined) set.alias = link.alias ?? "";
    if (op.set.master !== undefined) set.master = nameOf(socket, link.master ?? 0) ?? null;
    if (op.set.hairpin !== undefined) set.hairpin = isHairpin(link);
    const mac = op.set.mac !== undefined && typeof link.address === "string" ? { mac: link.address } : {};
    const filtered = op.set.filtered === undefined ? {} : { filtered: isFiltered(link.linkInfo?.info) };
    found.set(op, { ...op, set: { ...set, ...mac, ...filtered } });
  });
  return found;
}

function isHairpin({ linkInfo }: Link): boolean {
  const slave = linkInfo?.slave;
  return slave?.kind === "bridge" && slave.data?.hairpin === true;
}

/** The route that one with the same destination and metric replaces, in the main table. */
export function previousRoute(
  socket: NetlinkSocket,
  wanted: RouteSpec,
  family: number,
): RouteSpec | undefined {
  const metric = wanted.metric ?? 0;
  const routes = dumpTable(socket, { family, table: RT_TABLE.MAIN });
  const found = routes.find(
    (route) => destinationOf(route) === wanted.destination && sameMetric(route.priority ?? 0, metric),
  );
  const link = found?.oif === undefined ? undefined : nameOf(socket, found.oif);
  if (found === undefined || link === undefined) return undefined;
  return { ...wanted, link, via: found.gateway, source: found.preferredSource };
}

/** IPv6 routes without a metric get 1024 (IP6_RT_PRIO_USER in linux/ipv6_route.h). */
function sameMetric(found: number, wanted: number): boolean {
  return found === wanted || (wanted === 0 && found === 1024);
}

function nameOf(socket: NetlinkSocket, index: number): string | undefined {
  if (index === 0) return undefined;
  const [reply] = socket.transact([getLink({ index, extMask: RTEXT_FILTER.SKIP_STATS })]);
  const body = reply?.messages[0]?.body;
  const link: Link | undefined = body === undefined ? undefined : decodeLink(body);
  return link?.name;
}
