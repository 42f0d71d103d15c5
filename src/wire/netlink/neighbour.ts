import { Reader, Writer } from "../../base/cursor.ts";
import type { Ip } from "../../base/ip.ts";
import { attrs, type AttrValues } from "./attrs.ts";
import { AF_BRIDGE } from "./link.ts";
import type { Request } from "./message.ts";
import { NLM_F } from "./numbers.ts";
import { NDA, RTM } from "./route-numbers.ts";
import { be16, type HwAddress, hwAddress, ip, u16, u32, u32Struct, u8 } from "./types.ts";

/** struct ndmsg (linux/neighbour.h). */
export interface NeighbourHeader {
  /** AF_INET or AF_INET6: an ARP or ND entry. AF_BRIDGE: a forwarding (FDB) entry of a bridge or a VXLAN link. */
  readonly family: number;
  /** Ifindex. */
  readonly index: number;
  /** NUD */
  readonly state: number;
  /** NTF; for FDB entries SELF is the link's own table, MASTER that of the bridge it is a port of. */
  readonly flags: number;
  /** RTN */
  readonly type: number;
}

export interface NeighbourAttrs {
  /** The neighbour's address; of a VXLAN FDB entry the remote VTEP. */
  readonly destination: Ip;
  readonly address: HwAddress;
  /** Times in 1/100 s since; a count of users. */
  readonly cacheInfo: Record<"confirmed" | "used" | "updated" | "references", number>;
  readonly probes: number;
  readonly vlan: number;
  /** Remote UDP port of a VXLAN FDB entry, when it is not the link's own. */
  readonly port: number;
  readonly vni: number;
  readonly sourceVni: number;
  /** Ifindex by which to reach a remote VTEP. */
  readonly viaIndex: number;
  readonly master: number;
  readonly linkNetnsId: number;
  /** RTPROT: who made it. */
  readonly protocol: number;
  readonly nexthopId: number;
  /** NTF_EXT_* */
  readonly extendedFlags: number;
}

export type Neighbour = NeighbourHeader & AttrValues<NeighbourAttrs>;
export type NeighbourRequest = Pick<NeighbourHeader, "family" | "index"> &
  Partial<NeighbourHeader> &
  AttrValues<NeighbourAttrs>;

const table = attrs<NeighbourAttrs>({
  destination: [NDA.DST, ip],
  address: [NDA.LLADDR, hwAddress],
  cacheInfo: [NDA.CACHEINFO, u32Struct("nda_cacheinfo", ["confirmed", "used", "updated", "references"])],
  probes: [NDA.PROBES, u32],
  vlan: [NDA.VLAN, u16],
  port: [NDA.PORT, be16],
  vni: [NDA.VNI, u32],
  sourceVni: [NDA.SRC_VNI, u32],
  viaIndex: [NDA.IFINDEX, u32],
  master: [NDA.MASTER, u32],
  linkNetnsId: [NDA.LINK_NETNSID, u32],
  protocol: [NDA.PROTOCOL, u8],
  nexthopId: [NDA.NH_ID, u32],
  extendedFlags: [NDA.FLAGS_EXT, u32],
});

function neighbourRequest(
  type: number,
  flags: number,
  value: Partial<NeighbourHeader> & AttrValues<NeighbourAttrs>,
): Request {
  const w = new Writer(96);
  w.u8(value.family ?? 0)
    .zeros(3)
    .i32(value.index ?? 0)
    .u16(value.state ?? 0)
    .u8(value.flags ?? 0)
    .u8(value.type ?? 0);
  table.encode(w, value);
  return { type, flags: NLM_F.REQUEST | flags, body: w.bytes() };
}

/** `ip neigh add`, `bridge fdb add`: EEXIST when there is one. */
export function addNeighbour(entry: NeighbourRequest): Request {
  return neighbourRequest(RTM.NEWNEIGH, NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL, entry);
}

/** `ip neigh replace`, `bridge fdb replace`. */
export function replaceNeighbour(entry: NeighbourRequest): Request {
  return neighbourRequest(RTM.NEWNEIGH, NLM_F.ACK | NLM_F.CREATE | NLM_F.REPLACE, entry);
}

/** `bridge fdb append`: one more destination for the same address, such as 00:00:00:00:00:00 for flooding to all VTEPs. */
export function appendNeighbour(entry: NeighbourRequest): Request {
  return neighbourRequest(RTM.NEWNEIGH, NLM_F.ACK | NLM_F.CREATE | NLM_F.APPEND, entry);
}

/** `ip neigh del`, `bridge fdb del`: ENOENT when there is none. */
export function deleteNeighbour(entry: NeighbourRequest): Request {
  return neighbourRequest(RTM.DELNEIGH, NLM_F.ACK, entry);
}

/** `ip neigh show [dev DEV]`: `viaIndex` asks for one link's only. */
export function dumpNeighbours(filter: { readonly family: number; readonly viaIndex?: number }): Request {
  return neighbourRequest(RTM.GETNEIGH, NLM_F.DUMP, filter);
}

/** `bridge fdb show [br M] [dev DEV]`. */
export function dumpFdb(filter: { readonly index?: number; readonly master?: number }): Request {
  return neighbourRequest(RTM.GETNEIGH, NLM_F.DUMP, { family: AF_BRIDGE, ...filter });
}

/** Body of RTM_NEWNEIGH or RTM_DELNEIGH. Throws `DecodeError`. */
export function decodeNeighbour(body: Uint8Array): Neighbour {
  const r = new Reader(body);
  const family = r.u8();
  r.skip(3);
  const [index, state, flags, type] = [r.i32(), r.u16(), r.u8(), r.u8()];
  r.check();
  return { family, index, state, flags, type, ...table.decode(body, r.offset, body.length) };
}
