import { DecodeError, Reader, type Writer } from "../../base/cursor.ts";
import { AF_INET6 } from "../../base/ip.ts";
import {
  attrs,
  type AttrTable,
  type AttrValues,
  lazy,
  listOf,
  nested,
  variant,
  type Variant,
} from "./attrs.ts";
import { type BridgeData, type BridgePort, bridgePortTable, bridgeTable } from "./bridge.ts";
import { VETH_INFO } from "./link-kind-numbers.ts";
import * as kinds from "./link-kinds.ts";
import { IFLA, IFLA_INET6, IFLA_INFO } from "./link-numbers.ts";
import { type AttrType, bool8, bytes, cstr, type HwAddress, hwAddress, i32, str, u32, u8 } from "./types.ts";

// Neither iproute2 nor the kernel sets NLA_F_NESTED on the nests of a link (they are older than the bit), and for these
// the kernel does not ask for it. Written the same way, our bytes can be compared with theirs.
const OLD_NEST = 0;

/** struct ifinfomsg (linux/rtnetlink.h). */
export interface LinkHeader {
  /** AF_UNSPEC, or AF_BRIDGE (7) when it is about a bridge port. */
  readonly family: number;
  /** ARPHRD; 0 in requests. */
  readonly hwType: number;
  readonly index: number;
  /** IFF */
  readonly flags: number;
  /** Which bits of `flags` a request sets. */
  readonly change: number;
}

/** A link's attributes. Links are named by ifindex. */
export interface LinkAttrs {
  readonly name: string;
  readonly mtu: number;
  readonly address: HwAddress;
  readonly broadcast: HwAddress;
  /** The parent of a macvlan, ipvlan or vlan; the peer of a veth. */
  readonly link: number;
  /** The bridge that the link is a port of. 0 in a request takes it off. */
  readonly master: number;
  readonly group: number;
  readonly alias: string;
  readonly txQueueLength: number;
  readonly txQueues: number;
  readonly rxQueues: number;
  readonly qdisc: string;
  /** IF_OPER */
  readonly operState: number;
  readonly linkMode: number;
  readonly carrier: boolean;
  readonly promiscuity: number;
  readonly minMtu: number;
  readonly maxMtu: number;
  /** Namespace in which a request makes the link, or to which it moves it: by descriptor or by process. */
  readonly netnsFd: number;
  readonly netnsPid: number;
  /** Id, in the namespace asked, of the namespace in which `link` is; absent when it is the same. */
  readonly linkNetnsId: number;
  /** Id of the namespace a request is about, or of the one a reply speaks of. */
  readonly targetNetnsId: number;
  /** The index a link gets as it moves to another namespace, or got. */
  readonly newIndex: number;
  /** RTEXT_FILTER bits in a request. */
  readonly extMask: number;
  readonly altName: string;
  readonly altNames: readonly string[];
  readonly permanentAddress: HwAddress;
  readonly linkInfo: LinkInfo;
  readonly afSpec: AttrValues<AfSpec>;
  /** Settings of the bridge port; in messages of family AF_BRIDGE only. */
  readonly port: AttrValues<BridgePort>;
}

/** What kind of link it is, and what kind of link it is a port of. */
export interface LinkInfo {
  readonly info?: LinkKindInfo | undefined;
  readonly slave?: LinkSlaveInfo | undefined;
}

/** IFLA_AF_SPEC: settings by address family. */
export interface AfSpec {
  readonly inet6: AttrValues<Inet6Spec>;
}

export interface Inet6Spec {
  readonly flags: number;
  /** IN6_ADDR_GEN_MODE */
  readonly addrGenMode: number;
  /** 16 bytes: the fixed lower half of the addresses it makes. */
  readonly token: Uint8Array;
}

/**
 * The peer as it is made with a veth: a link of its own. Its `netnsFd` puts it where it belongs. It cannot be made up:
 * it exists before its peer does, and opening it then fails with ENOTCONN (veth_newlink and veth_open in veth.c).
 */
export interface VethData {
  readonly peer: Partial<LinkHeader> & AttrValues<LinkAttrs>;
}

type Data<V> = AttrType<AttrValues<V>>;

// A type, not an interface: only a type's keys are known to be all there are, as `Variant` needs.
type LinkKinds = {
  readonly bridge: Data<BridgeData>;
  readonly veth: Data<VethData>;
  readonly macvlan: Data<kinds.MacvlanData>;
  readonly macvtap: Data<kinds.MacvlanData>;
  readonly ipvlan: Data<kinds.IpvlanData>;
  readonly ipvtap: Data<kinds.IpvlanData>;
  readonly vxlan: Data<kinds.VxlanData>;
  readonly vlan: Data<kinds.VlanData>;
  readonly tun: Data<kinds.TunData>;
  readonly dummy: Data<Record<never, never>>;
  readonly ifb: Data<Record<never, never>>;
};

/** `{ kind: "bridge", data: { … } }`, or `{ kind: "unknown", name: "wireguard", bytes }`. */
export type LinkKindInfo = Variant<LinkKinds>;
export type LinkSlaveInfo = Variant<{ readonly bridge: Data<BridgePort> }>;

/** Size of struct ifinfomsg. */
const LINK_HEADER_SIZE = 16;

export function putLinkHeader(w: Writer, link: Partial<LinkHeader>): void {
  w.u8(link.family ?? 0)
    .u8(0)
    .u16(link.hwType ?? 0)
    .i32(link.index ?? 0)
    .u32(link.flags ?? 0)
    .u32(link.change ?? 0);
}

export function readLinkHeader(r: Reader): LinkHeader {
  const family = r.u8();
  r.skip(1);
  return { family, hwType: r.u16(), index: r.i32(), flags: r.u32(), change: r.u32() };
}

/** VETH_INFO_PEER: an ifinfomsg and attributes, as in a message, with an index of its own (veth_newlink in veth.c). */
const peer: AttrType<Partial<LinkHeader> & AttrValues<LinkAttrs>> = {
  name: "peer",
  flags: OLD_NEST,
  repeated: false,
  write(w, value) {
    putLinkHeader(w, value);
    linkTable.encode(w, value);
  },
  read(from, start, end, label, depth) {
    if (end - start < LINK_HEADER_SIZE) {
      throw new DecodeError(
        `${label}: peer takes at least ${LINK_HEADER_SIZE} bytes, not ${end - start}`,
        start,
      );
    }
    const header = readLinkHeader(new Reader(from.subarray(start, start + LINK_HEADER_SIZE), start));
    return { ...header, ...linkTable.decode(from, start + LINK_HEADER_SIZE, end, depth) };
  },
};

const vethTable = attrs<VethData>({ peer: [VETH_INFO.PEER, lazy(() => peer, OLD_NEST)] });

const macvlan = nested(kinds.macvlanTable, OLD_NEST);
const ipvlan = nested(kinds.ipvlanTable, OLD_NEST);
const noData = nested(kinds.noDataTable, OLD_NEST);

const kindInfo: AttrType<LinkKindInfo> = variant<LinkKinds>(
  { kind: IFLA_INFO.KIND, data: IFLA_INFO.DATA, name: str },
  {
    bridge: nested(bridgeTable, OLD_NEST),
    veth: nested(vethTable, OLD_NEST),
    macvlan,
    macvtap: macvlan,
    ipvlan,
    ipvtap: ipvlan,
    vxlan: nested(kinds.vxlanTable, OLD_NEST),
    vlan: nested(kinds.vlanTable, OLD_NEST),
    tun: nested(kinds.tunTable, OLD_NEST),
    dummy: noData,
    ifb: noData,
  },
  OLD_NEST,
);

const slaveInfo: AttrType<LinkSlaveInfo> = variant(
  { kind: IFLA_INFO.SLAVE_KIND, data: IFLA_INFO.SLAVE_DATA, name: str },
  { bridge: nested(bridgePortTable, OLD_NEST) },
  OLD_NEST,
);

/** IFLA_LINKINFO holds two pairs side by side: the link's own kind, and the kind of its master. */
const linkInfo: AttrType<LinkInfo> = {
  name: "linkInfo",
  flags: OLD_NEST,
  repeated: false,
  write(w, value, label) {
    if (value.info !== undefined) kindInfo.write(w, value.info, label);
    if (value.slave !== undefined) slaveInfo.write(w, value.slave, label);
  },
  read(from, start, end, label, depth) {
    const info = kindInfo.read(from, start, end, label, depth);
    const slave = slaveInfo.read(from, start, end, label, depth);
    const out: { info?: LinkKindInfo; slave?: LinkSlaveInfo } = {};
    if (info.kind !== "unknown" || info.name !== "") out.info = info;
    if (slave.kind !== "unknown" || slave.name !== "") out.slave = slave;
    return out;
  },
};

const inet6Table = attrs<Inet6Spec>({
  flags: [IFLA_INET6.FLAGS, u32],
  addrGenMode: [IFLA_INET6.ADDR_GEN_MODE, u8],
  token: [IFLA_INET6.TOKEN, bytes],
});

const afSpecTable = attrs<AfSpec>({ inet6: [AF_INET6, nested(inet6Table, OLD_NEST)] });

type CommonAttrs = Omit<LinkAttrs, "port" | "afSpec">;

const common = attrs<CommonAttrs>({
  name: [IFLA.IFNAME, cstr],
  mtu: [IFLA.MTU, u32],
  address: [IFLA.ADDRESS, hwAddress],
  broadcast: [IFLA.BROADCAST, hwAddress],
  link: [IFLA.LINK, u32],
  master: [IFLA.MASTER, u32],
  group: [IFLA.GROUP, u32],
  // A NUL would become a part of it (dev_set_alias in net/core/dev.c).
  alias: [IFLA.IFALIAS, str],
  txQueueLength: [IFLA.TXQLEN, u32],
  txQueues: [IFLA.NUM_TX_QUEUES, u32],
  rxQueues: [IFLA.NUM_RX_QUEUES, u32],
  qdisc: [IFLA.QDISC, cstr],
  operState: [IFLA.OPERSTATE, u8],
  linkMode: [IFLA.LINKMODE, u8],
  carrier: [IFLA.CARRIER, bool8],
  promiscuity: [IFLA.PROMISCUITY, u32],
  minMtu: [IFLA.MIN_MTU, u32],
  maxMtu: [IFLA.MAX_MTU, u32],
  netnsFd: [IFLA.NET_NS_FD, u32],
  netnsPid: [IFLA.NET_NS_PID, u32],
  linkNetnsId: [IFLA.LINK_NETNSID, i32],
  targetNetnsId: [IFLA.TARGET_NETNSID, i32],
  newIndex: [IFLA.NEW_IFINDEX, i32],
  extMask: [IFLA.EXT_MASK, u32],
  altName: [IFLA.ALT_IFNAME, cstr],
  altNames: [IFLA.PROP_LIST, listOf(IFLA.ALT_IFNAME, cstr)],
  permanentAddress: [IFLA.PERM_ADDRESS, hwAddress],
  linkInfo: [IFLA.LINKINFO, linkInfo],
});

/** Messages of every family but AF_BRIDGE. */
export const linkTable: AttrTable<Omit<LinkAttrs, "port">> = attrs<Omit<LinkAttrs, "port">>({
  ...common.spec,
  afSpec: [IFLA.AF_SPEC, nested(afSpecTable, OLD_NEST)],
});

/** Family AF_BRIDGE: IFLA_PROTINFO is the port's settings, and IFLA_AF_SPEC a list of VLANs that is left as it is. */
export const bridgeLinkTable: AttrTable<Omit<LinkAttrs, "afSpec">> = attrs<Omit<LinkAttrs, "afSpec">>({
  ...common.spec,
  // Here the bit is asked for: without it the kernel takes the old form, a lone port state (br_setlink).
  port: [IFLA.PROTINFO, nested(bridgePortTable)],
});
