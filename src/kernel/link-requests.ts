import { unreachable } from "../base/unreachable.ts";
import type { LinkKind, LinkSpec } from "../model/ops.ts";
import { addLink, type LinkRequest, setLink, upFlag } from "../wire/netlink/link.ts";
import { IPVLAN_F, IPVLAN_MODE, MACVLAN_MODE } from "../wire/netlink/link-kind-numbers.ts";
import type { Request } from "../wire/netlink/message.ts";

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

/** The message that makes one link where it belongs, enslaved and up. */
export function createLinkRequest(spec: LinkSpec, places: LinkPlaces): Request {
  return addLink({
    ...(spec.up ? upFlag(true) : {}),
    ...(places.index === undefined ? {} : { index: places.index }),
    name: spec.name,
    mtu: spec.mtuBytes,
    address: spec.mac,
    link: places.parent,
    master: places.master,
    netnsFd: places.netnsFd,
    linkInfo: { info: kindInfo(spec.kind, places) },
  });
}

/**
 * What the kernel takes of existing links only, `ifalias` and settings of the bridge port (compare do_setlink and
 * rtnl_create_link in net/core/rtnetlink.c); undefined when there is nothing such. Never in one send with the creation:
 * when that fails because the name is taken, this would change somebody else's link.
 */
export function finishLinkRequest(spec: LinkSpec): Request | undefined {
  if (spec.alias === undefined && spec.hairpin !== true) return undefined;
  const slave = { kind: "bridge", data: { hairpin: true } } as const;
  return setLink({
    name: spec.name,
    alias: spec.alias,
    linkInfo: spec.hairpin === true ? { slave } : undefined,
  });
}

type KindInfo = NonNullable<NonNullable<LinkRequest["linkInfo"]>["info"]>;

function kindInfo(kind: LinkKind, places: LinkPlaces): KindInfo {
  switch (kind.type) {
    case "bridge":
    case "dummy":
      return { kind: kind.type };
    case "veth": {
      // Not up yet: the kernel refuses to open one end before it knows the other (veth_newlink in drivers/net/veth.c).
      const { index, netnsFd } = places.peer ?? {};
      const { name, mac, mtuBytes } = kind.peer;
      const peer = { name, mtu: mtuBytes, address: mac, netnsFd };
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
