import { DecodeError, Reader, Writer } from "../../base/cursor.ts";
import { AF_INET, AF_INET6, type Ip, ipBytes, ipFromBytes } from "../../base/ip.ts";
import { attrs, type AttrValues, nested } from "./attrs.ts";
import type { Request } from "./message.ts";
import { NLM_F } from "./numbers.ts";
import { RT_TABLE, RTA, RTAX, RTM } from "./route-numbers.ts";
import { type AttrType, bytes, cstr, ip, u16, u32, u32Struct, u8 } from "./types.ts";

/** struct rtmsg (linux/rtnetlink.h). */
export interface RouteHeader {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** Prefix length of `destination`; with 0 it is the default route, and `destination` is absent. */
  readonly destinationLength: number;
  readonly sourceLength: number;
  readonly tos: number;
  /** RT_TABLE, all 32 bits: numbers above 255 travel in RTA_TABLE. */
  readonly table: number;
  /** RTPROT */
  readonly protocol: number;
  /** RT_SCOPE */
  readonly scope: number;
  /** RTN */
  readonly type: number;
  /** RTM_F and RTNH_F */
  readonly flags: number;
}

/** RTA_METRICS. */
export interface RouteMetrics {
  /** Bits of RTAX numbers that path discovery must not change. */
  readonly lock: number;
  readonly mtu: number;
  readonly window: number;
  readonly advmss: number;
  readonly hopLimit: number;
  readonly initcwnd: number;
  readonly initrwnd: number;
  readonly quickack: number;
  readonly congestionControl: string;
}

/** One path of a multipath route (struct rtnexthop with its attributes). */
export interface Nexthop extends AttrValues<NexthopAttrs> {
  /** RTNH_F */
  readonly flags: number;
  /** Weight minus one. */
  readonly hops: number;
  readonly index: number;
}

export interface NexthopAttrs {
  readonly gateway: Ip;
  readonly via: Ip;
}

export interface RouteAttrs {
  readonly destination: Ip;
  readonly source: Ip;
  readonly gateway: Ip;
  /** A gateway of the other family: IPv4 through an IPv6 next hop (RFC 5549). */
  readonly via: Ip;
  /** Ifindex of the link it leaves by. */
  readonly oif: number;
  readonly iif: number;
  readonly preferredSource: Ip;
  /** The metric: lower wins. */
  readonly priority: number;
  readonly metrics: AttrValues<RouteMetrics>;
  readonly multipath: readonly Nexthop[];
  readonly mark: number;
  readonly flow: number;
  /** Seconds until an IPv6 route goes away by itself. */
  readonly expiresSeconds: number;
  /** Router preference of RFC 4191: 0 medium, 1 high, 3 low. */
  readonly preference: number;
  readonly nexthopId: number;
  readonly encapType: number;
  readonly encap: Uint8Array;
  readonly cacheInfo: Record<(typeof CACHE_INFO)[number], number>;
}

export type Route = RouteHeader & AttrValues<RouteAttrs>;
export type RouteRequest = Pick<RouteHeader, "family"> & Partial<RouteHeader> & AttrValues<RouteAttrs>;

// struct rta_cacheinfo (linux/rtnetlink.h); `expires` is a signed count of 1/100 s.
const CACHE_INFO = ["clntref", "lastuse", "expires", "error", "used", "id", "ts", "tsage"] as const;

const metricsTable = attrs<RouteMetrics>({
  lock: [RTAX.LOCK, u32],
  mtu: [RTAX.MTU, u32],
  window: [RTAX.WINDOW, u32],
  advmss: [RTAX.ADVMSS, u32],
  hopLimit: [RTAX.HOPLIMIT, u32],
  initcwnd: [RTAX.INITCWND, u32],
  initrwnd: [RTAX.INITRWND, u32],
  quickack: [RTAX.QUICKACK, u32],
  congestionControl: [RTAX.CC_ALGO, cstr],
});

/** struct rtvia (linux/rtnetlink.h): the family as a u16, then the address. */
const via: AttrType<Ip> = {
  name: "via",
  flags: 0,
  repeated: false,
  write(w, value) {
    const raw = ipBytes(value);
    w.u16(raw.length === 4 ? AF_INET : AF_INET6).put(raw);
  },
  read(from, start, end, label) {
    const size = end - start - 2;
    if (size !== 4 && size !== 16)
      throw new DecodeError(`${label}: via takes 6 or 18 bytes, not ${size + 2}`, start);
    return ipFromBytes(from.subarray(start + 2, end));
  },
};

const nexthopTable = attrs<NexthopAttrs>({ gateway: [RTA.GATEWAY, ip], via: [RTA.VIA, via] });

/** Size of struct rtnexthop. */
const NEXTHOP_SIZE = 8;

const multipath: AttrType<readonly Nexthop[]> = {
  name: "multipath",
  flags: 0,
  repeated: false,
  write(w, value) {
    for (const hop of value) {
      const at = w.length;
      w.u16(0).u8(hop.flags).u8(hop.hops).i32(hop.index);
      nexthopTable.encode(w, hop);
      w.patchU16(at, w.length - at);
    }
  },
  read(from, start, end, label, depth) {
    const out: Nexthop[] = [];
    for (let at = start; at < end;) {
      const r = new Reader(from.subarray(at, end), at);
      const size = r.u16();
      const [flags, hops, index] = [r.u8(), r.u8(), r.i32()];
      r.check();
      if (size < NEXTHOP_SIZE || size > end - at) {
        throw new DecodeError(`${label}: next hop of ${size} bytes in ${end - at}`, at);
      }
      out.push({ flags, hops, index, ...nexthopTable.decode(from, at + NEXTHOP_SIZE, at + size, depth) });
      at += (size + 3) & ~3;
    }
    return out;
  },
};

const table = attrs<RouteAttrs & Pick<RouteHeader, "table">>({
  destination: [RTA.DST, ip],
  source: [RTA.SRC, ip],
  gateway: [RTA.GATEWAY, ip],
  via: [RTA.VIA, via],
  oif: [RTA.OIF, u32],
  iif: [RTA.IIF, u32],
  preferredSource: [RTA.PREFSRC, ip],
  priority: [RTA.PRIORITY, u32],
  // As in link-attrs.ts: older than NLA_F_NESTED, and nobody sets it here.
  metrics: [RTA.METRICS, nested(metricsTable, 0)],
  multipath: [RTA.MULTIPATH, multipath],
  mark: [RTA.MARK, u32],
  flow: [RTA.FLOW, u32],
  expiresSeconds: [RTA.EXPIRES, u32],
  preference: [RTA.PREF, u8],
  nexthopId: [RTA.NH_ID, u32],
  encapType: [RTA.ENCAP_TYPE, u16],
  encap: [RTA.ENCAP, bytes],
  cacheInfo: [RTA.CACHEINFO, u32Struct("rta_cacheinfo", CACHE_INFO)],
  table: [RTA.TABLE, u32],
});

function routeRequest(
  type: number,
  flags: number,
  route: Partial<RouteHeader> & AttrValues<RouteAttrs>,
): Request {
  const w = new Writer(128);
  const number = route.table ?? RT_TABLE.UNSPEC;
  const long = number > 0xff;
  w.u8(route.family ?? 0)
    .u8(route.destinationLength ?? 0)
    .u8(route.sourceLength ?? 0)
    .u8(route.tos ?? 0)
    .u8(long ? RT_TABLE.UNSPEC : number)
    .u8(route.protocol ?? 0)
    .u8(route.scope ?? 0)
    .u8(route.type ?? 0)
    .u32(route.flags ?? 0);
  table.encode(w, long ? route : { ...route, table: undefined });
  return { type, flags: NLM_F.REQUEST | flags, body: w.bytes() };
}

/** `ip route add`: EEXIST when there is one with the same destination, tos, metric and table. */
export function addRoute(route: RouteRequest): Request {
  return routeRequest(RTM.NEWROUTE, NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL, route);
}

/** `ip route replace`: makes the route, or changes the first with the same destination and metric. */
export function replaceRoute(route: RouteRequest): Request {
  return routeRequest(RTM.NEWROUTE, NLM_F.ACK | NLM_F.CREATE | NLM_F.REPLACE, route);
}

/** `ip route del`: ESRCH when nothing matches. What is 0 or absent matches anything; scope needs RT_SCOPE.NOWHERE for it. */
export function deleteRoute(route: RouteRequest): Request {
  return routeRequest(RTM.DELROUTE, NLM_F.ACK, route);
}

/** `ip route get`: the route a packet to `destination` takes. */
export function getRoute(query: RouteRequest): Request {
  return routeRequest(RTM.GETROUTE, 0, query);
}

/** Which routes to dump; the kernel does the choosing when the socket has NETLINK_GET_STRICT_CHK. */
export interface RouteFilter {
  /** 0 is all. */
  readonly family: number;
  readonly table?: number;
  readonly oif?: number;
  readonly protocol?: number;
  readonly type?: number;
}

/** `ip route show table T`. */
export function dumpRoutes(filter: RouteFilter): Request {
  const { table: number, ...rest } = filter;
  const request = routeRequest(RTM.GETROUTE, NLM_F.DUMP, rest);
  if (number === undefined) return request;
  // A filter's table is looked for in the attribute only, whatever its size (ip_valid_fib_dump_req in fib_frontend.c).
  const w = new Writer(32).put(request.body);
  table.encode(w, { table: number });
  return { ...request, body: w.bytes() };
}

/** Body of RTM_NEWROUTE or RTM_DELROUTE, of AF_INET or AF_INET6. Throws `DecodeError`. */
export function decodeRoute(body: Uint8Array): Route {
  const r = new Reader(body);
  const [family, destinationLength, sourceLength, tos] = [r.u8(), r.u8(), r.u8(), r.u8()];
  const [shortTable, protocol, scope, type] = [r.u8(), r.u8(), r.u8(), r.u8()];
  const flags = r.u32();
  r.check();
  const lengths = { family, destinationLength, sourceLength, tos };
  const header = { ...lengths, table: shortTable, protocol, scope, type, flags };
  // RTA_TABLE, which the kernel always sends, replaces the header's number.
  return Object.assign(header, table.decode(body, r.offset, body.length));
}
