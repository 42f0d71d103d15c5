import { attrs, type AttrTable } from "./attrs.ts";
import { IFLA_BR, IFLA_BRPORT } from "./link-kind-numbers.ts";
import { be16, bool8, flag, type HwAddress, hwAddress, u16, u32, u32Struct, u64, u8 } from "./types.ts";

/** A bridge's own settings (IFLA_INFO_DATA of kind `bridge`). Times are in 1/100 s (USER_HZ). */
export interface BridgeData {
  readonly forwardDelay: number;
  readonly helloTime: number;
  readonly maxAge: number;
  /** How long a learned address stays in the FDB; 0 makes the bridge a hub. */
  readonly ageingTime: number;
  /** 0 off, 1 by the kernel, 2 by a daemon. */
  readonly stpState: number;
  readonly priority: number;
  readonly vlanFiltering: boolean;
  /** 0x8100 or 0x88a8. */
  readonly vlanProtocol: number;
  readonly groupFwdMask: number;
  readonly groupAddress: HwAddress;
  /** Write only: forgets all learned addresses. */
  readonly fdbFlush: true;
  readonly mcastRouter: number;
  readonly mcastSnooping: boolean;
  readonly mcastQueryUseIfaddr: boolean;
  readonly mcastQuerier: boolean;
  readonly mcastHashMax: number;
  readonly mcastMembershipInterval: bigint;
  readonly mcastQueryInterval: bigint;
  /** Whether bridged packets of this bridge pass iptables; also on when the sysctl of br_netfilter says so for all. */
  readonly nfCallIptables: boolean;
  readonly nfCallIp6tables: boolean;
  readonly nfCallArptables: boolean;
  readonly vlanDefaultPvid: number;
  readonly vlanStatsEnabled: boolean;
  readonly mcastStatsEnabled: boolean;
  readonly mcastIgmpVersion: number;
  readonly mcastMldVersion: number;
  readonly vlanStatsPerPort: boolean;
  /** BR_BOOLOPT_* bits: which to set, and to what. */
  readonly multiBoolopt: { readonly value: number; readonly mask: number };
  readonly fdbLearned: number;
  readonly fdbMaxLearned: number;
}

export const bridgeTable: AttrTable<BridgeData> = attrs<BridgeData>({
  forwardDelay: [IFLA_BR.FORWARD_DELAY, u32],
  helloTime: [IFLA_BR.HELLO_TIME, u32],
  maxAge: [IFLA_BR.MAX_AGE, u32],
  ageingTime: [IFLA_BR.AGEING_TIME, u32],
  stpState: [IFLA_BR.STP_STATE, u32],
  priority: [IFLA_BR.PRIORITY, u16],
  vlanFiltering: [IFLA_BR.VLAN_FILTERING, bool8],
  vlanProtocol: [IFLA_BR.VLAN_PROTOCOL, be16],
  groupFwdMask: [IFLA_BR.GROUP_FWD_MASK, u16],
  groupAddress: [IFLA_BR.GROUP_ADDR, hwAddress],
  fdbFlush: [IFLA_BR.FDB_FLUSH, flag],
  mcastRouter: [IFLA_BR.MCAST_ROUTER, u8],
  mcastSnooping: [IFLA_BR.MCAST_SNOOPING, bool8],
  mcastQueryUseIfaddr: [IFLA_BR.MCAST_QUERY_USE_IFADDR, bool8],
  mcastQuerier: [IFLA_BR.MCAST_QUERIER, bool8],
  mcastHashMax: [IFLA_BR.MCAST_HASH_MAX, u32],
  mcastMembershipInterval: [IFLA_BR.MCAST_MEMBERSHIP_INTVL, u64],
  mcastQueryInterval: [IFLA_BR.MCAST_QUERY_INTVL, u64],
  nfCallIptables: [IFLA_BR.NF_CALL_IPTABLES, bool8],
  nfCallIp6tables: [IFLA_BR.NF_CALL_IP6TABLES, bool8],
  nfCallArptables: [IFLA_BR.NF_CALL_ARPTABLES, bool8],
  vlanDefaultPvid: [IFLA_BR.VLAN_DEFAULT_PVID, u16],
  vlanStatsEnabled: [IFLA_BR.VLAN_STATS_ENABLED, bool8],
  mcastStatsEnabled: [IFLA_BR.MCAST_STATS_ENABLED, bool8],
  mcastIgmpVersion: [IFLA_BR.MCAST_IGMP_VERSION, u8],
  mcastMldVersion: [IFLA_BR.MCAST_MLD_VERSION, u8],
  vlanStatsPerPort: [IFLA_BR.VLAN_STATS_PER_PORT, bool8],
  // struct br_boolopt_multi (linux/if_bridge.h).
  multiBoolopt: [IFLA_BR.MULTI_BOOLOPT, u32Struct("br_boolopt_multi", ["value", "mask"])],
  fdbLearned: [IFLA_BR.FDB_N_LEARNED, u32],
  fdbMaxLearned: [IFLA_BR.FDB_MAX_LEARNED, u32],
});

/**
 * Settings of one port of a bridge. The same attributes travel in two places: IFLA_PROTINFO of a message of family
 * AF_BRIDGE, and IFLA_INFO_SLAVE_DATA of an ordinary one.
 */
export interface BridgePort {
  /** BR_STATE_* */
  readonly state: number;
  readonly priority: number;
  readonly cost: number;
  /** Sends a frame back out of the port it came in by. */
  readonly hairpin: boolean;
  readonly bpduGuard: boolean;
  readonly rootBlock: boolean;
  readonly fastLeave: boolean;
  readonly learning: boolean;
  readonly unicastFlood: boolean;
  readonly proxyArp: boolean;
  readonly proxyArpWifi: boolean;
  readonly multicastRouter: number;
  readonly mcastFlood: boolean;
  readonly mcastToUnicast: boolean;
  readonly vlanTunnel: boolean;
  readonly bcastFlood: boolean;
  readonly groupFwdMask: number;
  /** Answers ARP and neighbour solicitations from its own table instead of flooding them. */
  readonly neighSuppress: boolean;
  /** Isolated ports talk to ports that are not isolated only. */
  readonly isolated: boolean;
  readonly backupPort: number;
  readonly locked: boolean;
  readonly mab: boolean;
  readonly neighVlanSuppress: boolean;
  /** Write only: forgets the addresses learned on this port. */
  readonly flush: true;
  readonly designatedPort: number;
  readonly designatedCost: number;
  readonly id: number;
  readonly number: number;
}

export const bridgePortTable: AttrTable<BridgePort> = attrs<BridgePort>({
  state: [IFLA_BRPORT.STATE, u8],
  priority: [IFLA_BRPORT.PRIORITY, u16],
  cost: [IFLA_BRPORT.COST, u32],
  hairpin: [IFLA_BRPORT.MODE, bool8],
  bpduGuard: [IFLA_BRPORT.GUARD, bool8],
  rootBlock: [IFLA_BRPORT.PROTECT, bool8],
  fastLeave: [IFLA_BRPORT.FAST_LEAVE, bool8],
  learning: [IFLA_BRPORT.LEARNING, bool8],
  unicastFlood: [IFLA_BRPORT.UNICAST_FLOOD, bool8],
  proxyArp: [IFLA_BRPORT.PROXYARP, bool8],
  proxyArpWifi: [IFLA_BRPORT.PROXYARP_WIFI, bool8],
  multicastRouter: [IFLA_BRPORT.MULTICAST_ROUTER, u8],
  mcastFlood: [IFLA_BRPORT.MCAST_FLOOD, bool8],
  mcastToUnicast: [IFLA_BRPORT.MCAST_TO_UCAST, bool8],
  vlanTunnel: [IFLA_BRPORT.VLAN_TUNNEL, bool8],
  bcastFlood: [IFLA_BRPORT.BCAST_FLOOD, bool8],
  groupFwdMask: [IFLA_BRPORT.GROUP_FWD_MASK, u16],
  neighSuppress: [IFLA_BRPORT.NEIGH_SUPPRESS, bool8],
  isolated: [IFLA_BRPORT.ISOLATED, bool8],
  backupPort: [IFLA_BRPORT.BACKUP_PORT, u32],
  locked: [IFLA_BRPORT.LOCKED, bool8],
  mab: [IFLA_BRPORT.MAB, bool8],
  neighVlanSuppress: [IFLA_BRPORT.NEIGH_VLAN_SUPPRESS, bool8],
  flush: [IFLA_BRPORT.FLUSH, flag],
  designatedPort: [IFLA_BRPORT.DESIGNATED_PORT, u16],
  designatedCost: [IFLA_BRPORT.DESIGNATED_COST, u16],
  id: [IFLA_BRPORT.ID, u16],
  number: [IFLA_BRPORT.NO, u16],
});
