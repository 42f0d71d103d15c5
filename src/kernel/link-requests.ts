import { unreachable } from "../base/unreachable.ts";
import type { LinkKind, LinkSpec } from "../model/ops.ts";
import { filterInfo } from "./bridge-filter.ts";
import { addLink, type LinkRequest, setLink, upFlag } from "../wire/netlink/link.ts";
import { IPVLAN_F, IPVLAN_MODE, MACVLAN_MODE } from "../wire/netlink/link-kind-numbers.ts";
import { IN6_ADDR_GEN_MODE } from "../wire/netlink/link-numbers.ts";
import type { Request } from "../wire/netlink/message.ts";

/**
 * A veth uses one queue each way unless told otherwise, yet is made with one a processor; the kernel then takes the others away
 * again and waits for RCU, for half of the time that the whole pair takes (veth_init_queues, netif_set_real_num_tx_queues).
 */
const ONE_QUEUE = { txQueues: 1, rxQueues: 1 } as const;

/** Numbers and descriptors that a link's messages need and its spec names by name. */
export interface LinkPlaces {
  /** Index to give the link; absent: the kernel's choice. */
  readonly index?: number | undefined;
  /** Namespace to make it in; absent: the one the message is sent in. */
  readonly netnsFd?: number | undefined;
  readonly master?: number | undefined;
  /** Parent of a macvlan or ipvlan, in the namespace the message is sent in. */
  readonly parent?: number | undefined;
  readonly peer?: { readonly index: number | undefined; readonly netnsFd: number } | undefined;
}

/**
 * The message that makes one link where it belongs, enslaved and up. One that is to have no link-local address is made down:
 * its finishing messages bring it up when that is settled.
 */
export function createLinkRequest(spec: LinkSpec, places: LinkPlaces): Request {
  return addLink({
    ...(spec.up && spec.linkLocal !== false ? upFlag(true) : {}),
    ...(places.index === undefined ? {} : { index: places.index }),
    name: spec.name,
    mtu: spec.mtuBytes,
    address: spec.mac,
    link: places.parent,
    master: places.master,
    netnsFd: places.netnsFd,
    ...(spec.kind.type === "veth" ? ONE_QUEUE : {}),
    linkInfo: { info: kindInfo(spec.kind, places) },
  });
}

/**
 * What the kernel takes of existing links only: `ifalias`, settings of the bridge port and of IPv6 (compare do_setlink and
 * rtnl_create_link in net/core/rtnetlink.c). Never in one send with the creation: when that fails because the name is
 * taken, this would change somebody else's link. `hasIpv6`: of the kernel;
 * `isolate`: the bridge keeps this port apart from others like it.
 */
export function finishLinkRequests(
  spec: LinkSpec,
  { hasIpv6, isolate }: { readonly hasIpv6: boolean; readonly isolate: boolean },
): Request[] {
  const { name, alias } = spec;
  const afSpec = inetSpec(spec, hasIpv6);
  const slave = portInfo({ hairpin: spec.hairpin === true, isolate });
  const requests: Request[] = [];
  if (alias !== undefined || slave !== undefined || afSpec !== undefined) {
    requests.push(setLink({ name, alias, afSpec, linkInfo: slave === undefined ? undefined : { slave } }));
  }
  if (spec.up && spec.linkLocal === false) requests.push(setLink({ name, ...upFlag(true) }));
  return requests;
}

/** Settings of a bridge port that are not the kernel's own; undefined when there are none. */
export function portInfo(port: {
  readonly hairpin: boolean;
  readonly isolate: boolean;
}): NonNullable<LinkRequest["linkInfo"]>["slave"] | undefined {
  if (!port.hairpin && !port.isolate) return undefined;
  return {
    kind: "bridge",
    data: { ...(port.hairpin ? { hairpin: true } : {}), ...(port.isolate ? { isolated: true } : {}) },
  };
}

/** Brings up a veth's other end, which is always made down. */
export function raisePeerRequests(peer: VethPeer, hasIpv6: boolean): Request[] {
  const { name } = peer;
  const afSpec = inetSpec(peer, hasIpv6);
  const raise = setLink({ name, ...upFlag(true) });
  // A message of its own: within one the kernel brings the link up first (do_setlink).
  return afSpec === undefined ? [raise] : [setLink({ name, afSpec }), raise];
}

export type VethPeer = Extract<LinkKind, { readonly type: "veth" }>["peer"];

function inetSpec(
  link: Pick<LinkSpec, "linkLocal" | "mtuBytes">,
  hasIpv6: boolean,
): LinkRequest["afSpec"] | undefined {
  // Links whose packets are too small for IPv6 (RFC 8200 section 5) have nothing of it that could be set (addrconf_notify).
  if (link.linkLocal !== false || !hasIpv6 || (link.mtuBytes ?? IPV6_MIN_MTU) < IPV6_MIN_MTU)
    return undefined;
  return { inet6: { addrGenMode: IN6_ADDR_GEN_MODE.NONE } };
}

const IPV6_MIN_MTU = 1280;

type KindInfo = NonNullable<NonNullable<LinkRequest["linkInfo"]>["info"]>;

function kindInfo(kind: LinkKind, places: LinkPlaces): KindInfo {
  switch (kind.type) {
    case "bridge":
      return kind.filtered === true ? filterInfo(true) : { kind: "bridge" };
    case "dummy":
      return { kind: kind.type };
    case "veth": {
      // Not up yet: the kernel refuses to open one end before it knows the other (veth_newlink in drivers/net/veth.c).
      const { index, netnsFd } = places.peer ?? {};
      const { name, mac, mtuBytes } = kind.peer;
      const peer = { name, mtu: mtuBytes, address: mac, netnsFd, ...ONE_QUEUE };
      return { kind: "veth", data: { peer: index === undefined ? peer : { index, ...peer } } };
    }
    case "macvlan":
      return { kind: "macvlan", data: { mode: MACVLAN_MODES[kind.mode] } };
    case "ipvlan":
      return { kind: "ipvlan", data: { mode: IPVLAN_MODES[kind.mode], flags: IPVLAN_FLAGS[kind.flag] } };
    default:
      return unreachable(kind);
  }
}

const MACVLAN_MODES = {
  bridge: MACVLAN_MODE.BRIDGE,
  private: MACVLAN_MODE.PRIVATE,
  vepa: MACVLAN_MODE.VEPA,
  passthru: MACVLAN_MODE.PASSTHRU,
} as const;
const IPVLAN_MODES = { l2: IPVLAN_MODE.L2, l3: IPVLAN_MODE.L3, l3s: IPVLAN_MODE.L3S } as const;
const IPVLAN_FLAGS = { bridge: 0, private: IPVLAN_F.PRIVATE, vepa: IPVLAN_F.VEPA } as const;
