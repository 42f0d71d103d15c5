import { type Ip } from "../../base/ip.ts";
import { DecodeError } from "../../base/cursor.ts";
import { attrs, type AttrTable } from "./attrs.ts";
import { IFLA_IPVLAN, IFLA_MACVLAN, IFLA_TUN, IFLA_VLAN, IFLA_VXLAN } from "./link-kind-numbers.ts";
import { type AttrType, be16, be32, bool8, flag, ip4, ip6, u16, u32, u32Struct, u8 } from "./types.ts";

// IFLA_INFO_DATA of the kinds of links that need no word about other links; the veth, whose data is a link itself, is
// in link-attrs.ts, the bridge in bridge.ts.

/** `macvlan` and `macvtap`. */
export interface MacvlanData {
  /** MACVLAN_MODE */
  readonly mode: number;
  /** MACVLAN_FLAG */
  readonly flags: number;
  readonly broadcastQueueLength: number;
}

export const macvlanTable: AttrTable<MacvlanData> = attrs<MacvlanData>({
  mode: [IFLA_MACVLAN.MODE, u32],
  flags: [IFLA_MACVLAN.FLAGS, u16],
  broadcastQueueLength: [IFLA_MACVLAN.BC_QUEUE_LEN, u32],
});

/** `ipvlan` and `ipvtap`. */
export interface IpvlanData {
  /** IPVLAN_MODE */
  readonly mode: number;
  /** IPVLAN_F; 0 is bridge mode. */
  readonly flags: number;
}

export const ipvlanTable: AttrTable<IpvlanData> = attrs<IpvlanData>({
  mode: [IFLA_IPVLAN.MODE, u16],
  flags: [IFLA_IPVLAN.FLAGS, u16],
});

export interface VlanData {
  readonly id: number;
  /** VLAN_FLAG_* bits: which to set, and to what. */
  readonly flags: { readonly flags: number; readonly mask: number };
  /** 0x8100 or 0x88a8. */
  readonly protocol: number;
}

export const vlanTable: AttrTable<VlanData> = attrs<VlanData>({
  id: [IFLA_VLAN.ID, u16],
  flags: [IFLA_VLAN.FLAGS, u32Struct("ifla_vlan_flags", ["flags", "mask"])],
  protocol: [IFLA_VLAN.PROTOCOL, be16],
});

/** Links of /dev/net/tun: shown, never made here. */
export interface TunData {
  readonly owner: number;
  readonly group: number;
  /** 1 tun (IP packets), 2 tap (Ethernet frames): IFF_TUN, IFF_TAP of linux/if_tun.h. */
  readonly type: number;
  readonly packetInfo: boolean;
  readonly vnetHeader: boolean;
  /** Outlives the process that made it. */
  readonly persist: boolean;
  readonly multiQueue: boolean;
  readonly queues: number;
  readonly disabledQueues: number;
}

export const tunTable: AttrTable<TunData> = attrs<TunData>({
  owner: [IFLA_TUN.OWNER, u32],
  group: [IFLA_TUN.GROUP, u32],
  type: [IFLA_TUN.TYPE, u8],
  packetInfo: [IFLA_TUN.PI, bool8],
  vnetHeader: [IFLA_TUN.VNET_HDR, bool8],
  persist: [IFLA_TUN.PERSIST, bool8],
  multiQueue: [IFLA_TUN.MULTI_QUEUE, bool8],
  queues: [IFLA_TUN.NUM_QUEUES, u32],
  disabledQueues: [IFLA_TUN.NUM_DISABLED_QUEUES, u32],
});

export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** struct ifla_vxlan_port_range (linux/if_link.h). */
const portRange: AttrType<PortRange> = {
  name: "port range",
  flags: 0,
  repeated: false,
  write(w, value, label) {
    be16.write(w, value.low, label);
    be16.write(w, value.high, label);
  },
  read(bytes, start, end, label, depth) {
    if (end - start !== 4)
      throw new DecodeError(`${label}: port range takes 4 bytes, not ${end - start}`, start);
    return {
      low: be16.read(bytes, start, start + 2, label, depth),
      high: be16.read(bytes, start + 2, end, label, depth),
    };
  },
};

export interface VxlanData {
  /** VNI, 24 bits. */
  readonly id: number;
  /** Multicast group, or the one remote VTEP. */
  readonly group: Ip;
  readonly group6: Ip;
  /** Ifindex of the underlay link. */
  readonly link: number;
  /** This VTEP's own address. */
  readonly local: Ip;
  readonly local6: Ip;
  readonly ttl: number;
  readonly tos: number;
  /** Source address → VTEP learned from what arrives. */
  readonly learning: boolean;
  readonly ageingSeconds: number;
  /** Most FDB entries; 0 is no limit. */
  readonly limit: number;
  /** Source ports. */
  readonly portRange: PortRange;
  /** Answers ARP from its neighbour table. */
  readonly proxy: boolean;
  readonly rsc: boolean;
  /** Netlink events for addresses missing in the FDB, or in the neighbour table. */
  readonly l2miss: boolean;
  readonly l3miss: boolean;
  /** Destination port; the kernel's own default is 8472, IANA's number 4789. */
  readonly port: number;
  readonly udpCsum: boolean;
  readonly udpZeroCsum6Tx: boolean;
  readonly udpZeroCsum6Rx: boolean;
  readonly remcsumTx: boolean;
  readonly remcsumRx: boolean;
  readonly gbp: true;
  readonly collectMetadata: boolean;
  readonly label: number;
  readonly gpe: true;
  readonly ttlInherit: boolean;
  readonly df: number;
  readonly vnifilter: boolean;
  readonly localBypass: boolean;
}

export const vxlanTable: AttrTable<VxlanData> = attrs<VxlanData>({
  id: [IFLA_VXLAN.ID, u32],
  group: [IFLA_VXLAN.GROUP, ip4],
  group6: [IFLA_VXLAN.GROUP6, ip6],
  link: [IFLA_VXLAN.LINK, u32],
  local: [IFLA_VXLAN.LOCAL, ip4],
  local6: [IFLA_VXLAN.LOCAL6, ip6],
  ttl: [IFLA_VXLAN.TTL, u8],
  tos: [IFLA_VXLAN.TOS, u8],
  learning: [IFLA_VXLAN.LEARNING, bool8],
  ageingSeconds: [IFLA_VXLAN.AGEING, u32],
  limit: [IFLA_VXLAN.LIMIT, u32],
  portRange: [IFLA_VXLAN.PORT_RANGE, portRange],
  proxy: [IFLA_VXLAN.PROXY, bool8],
  rsc: [IFLA_VXLAN.RSC, bool8],
  l2miss: [IFLA_VXLAN.L2MISS, bool8],
  l3miss: [IFLA_VXLAN.L3MISS, bool8],
  port: [IFLA_VXLAN.PORT, be16],
  udpCsum: [IFLA_VXLAN.UDP_CSUM, bool8],
  udpZeroCsum6Tx: [IFLA_VXLAN.UDP_ZERO_CSUM6_TX, bool8],
  udpZeroCsum6Rx: [IFLA_VXLAN.UDP_ZERO_CSUM6_RX, bool8],
  remcsumTx: [IFLA_VXLAN.REMCSUM_TX, bool8],
  remcsumRx: [IFLA_VXLAN.REMCSUM_RX, bool8],
  gbp: [IFLA_VXLAN.GBP, flag],
  collectMetadata: [IFLA_VXLAN.COLLECT_METADATA, bool8],
  label: [IFLA_VXLAN.LABEL, be32],
  gpe: [IFLA_VXLAN.GPE, flag],
  ttlInherit: [IFLA_VXLAN.TTL_INHERIT, bool8],
  df: [IFLA_VXLAN.DF, u8],
  vnifilter: [IFLA_VXLAN.VNIFILTER, bool8],
  localBypass: [IFLA_VXLAN.LOCALBYPASS, bool8],
});

/** Kinds without data, such as `dummy`. */
export const noDataTable: AttrTable<Record<never, never>> = attrs<Record<never, never>>({});
