import { DecodeError, Writer } from "../../base/cursor.ts";
import { familyNumber, familyOf, type Family, type Ip } from "../../base/ip.ts";
import { attrs, nested } from "../netlink/attrs.ts";
import type { Request } from "../netlink/message.ts";
import { NLM_F } from "../netlink/numbers.ts";
import { be16, be32, ip4, ip6, u32, u8 } from "../netlink/types.ts";
import {
  CTA,
  CTA_FILTER,
  CTA_FILTER_F,
  CTA_IP,
  CTA_PROTO,
  CTA_TUPLE,
  IPCTNL_MSG,
  NFNL_SUBSYS_CTNETLINK,
} from "./numbers.ts";

/** Size of struct nfgenmsg (linux/netfilter/nfnetlink.h): family, version, res_id. */
const NFGENMSG_SIZE = 4;

/** One direction of a tracked flow. */
export interface FlowTuple {
  readonly source: Ip;
  readonly destination: Ip;
  /** IPPROTO */
  readonly protocol: number;
  /** Absent for protocols without ports. */
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
}

/** An entry of the connection tracking table. */
export interface Flow {
  /** As the first packet came. */
  readonly original: FlowTuple;
  /** As answers come: where an address was translated, its ends are not those of `original`. */
  readonly reply: FlowTuple;
  /** The kernel's number for the entry; entries that are gone have given theirs to nobody for long. */
  readonly id?: number | undefined;
  readonly zone?: number | undefined;
}

const tupleIp = attrs({
  v4Source: [CTA_IP.V4_SRC, ip4],
  v4Destination: [CTA_IP.V4_DST, ip4],
  v6Source: [CTA_IP.V6_SRC, ip6],
  v6Destination: [CTA_IP.V6_DST, ip6],
});
const tupleProto = attrs({
  protocol: [CTA_PROTO.NUM, u8],
  sourcePort: [CTA_PROTO.SRC_PORT, be16],
  destinationPort: [CTA_PROTO.DST_PORT, be16],
});
const tuple = attrs({
  ip: [CTA_TUPLE.IP, nested(tupleIp)],
  proto: [CTA_TUPLE.PROTO, nested(tupleProto)],
  zone: [CTA_TUPLE.ZONE, be16],
});
const filter = attrs({ original: [CTA_FILTER.ORIG_FLAGS, u32], reply: [CTA_FILTER.REPLY_FLAGS, u32] });
const table = attrs({
  original: [CTA.TUPLE_ORIG, nested(tuple)],
  reply: [CTA.TUPLE_REPLY, nested(tuple)],
  status: [CTA.STATUS, be32],
  id: [CTA.ID, be32],
  zone: [CTA.ZONE, be16],
  filter: [CTA.FILTER, nested(filter)],
});

type TupleValues = ReturnType<typeof tuple.decode>;

function request(
  number: number,
  flags: number,
  family: Family,
  values: Parameters<typeof table.encode>[1],
): Request {
  const w = new Writer(128);
  w.u8(familyNumber(family)).u8(0).be16(0);
  table.encode(w, values);
  return { type: (NFNL_SUBSYS_CTNETLINK << 8) | number, flags: NLM_F.REQUEST | flags, body: w.bytes() };
}

/** What flows to ask for have in common: a protocol and, of the packets that began them, where they went. */
export interface FlowFilter {
  readonly family: Family;
  /** IPPROTO */
  readonly protocol: number;
  readonly destination?: Ip | undefined;
  readonly destinationPort?: number | undefined;
}

/**
 * `conntrack -L -f ipv4 -p udp [-d ADDRESS] [--dport PORT]`. Kernels before 5.8 do not know filters and give all flows of
 * the family, so the answers have to be looked at all the same.
 */
export function dumpFlows({ family, protocol, destination, destinationPort }: FlowFilter): Request {
  let flags: number = CTA_FILTER_F.PROTO_NUM;
  if (destination !== undefined) flags |= CTA_FILTER_F.IP_DST;
  if (destinationPort !== undefined) flags |= CTA_FILTER_F.PROTO_DST_PORT;
  const ip =
    destination === undefined
      ? {}
      : { ip: family === 4 ? { v4Destination: destination } : { v6Destination: destination } };
  const original = { ...ip, proto: { protocol, destinationPort } };
  return request(IPCTNL_MSG.CT_GET, NLM_F.DUMP, family, { original, filter: { original: flags, reply: 0 } });
}

/**
 * `conntrack -D` of exactly this flow: ENOENT when it is gone, or its number is another's. It always names a whole tuple;
 * the same message without one would empty the table.
 */
export function deleteFlow({ original, id, zone }: Pick<Flow, "original" | "id" | "zone">): Request {
  const { source, destination, protocol, sourcePort, destinationPort } = original;
  const family = familyOf(source);
  return request(IPCTNL_MSG.CT_DELETE, NLM_F.ACK, family, {
    original: {
      ip:
        family === 4
          ? { v4Source: source, v4Destination: destination }
          : { v6Source: source, v6Destination: destination },
      proto: { protocol, sourcePort, destinationPort },
    },
    id,
    zone,
  });
}

/** Reads one answer of `dumpFlows`. Throws `DecodeError`. */
export function decodeFlow({ body }: { readonly body: Uint8Array }): Flow {
  if (body.length < NFGENMSG_SIZE) {
    throw new DecodeError(`nfgenmsg takes ${NFGENMSG_SIZE} bytes, not ${body.length}`, 0);
  }
  const { original, reply, id, zone } = table.decode(body, NFGENMSG_SIZE, body.length);
  return {
    original: tupleOf(original, "original"),
    reply: tupleOf(reply, "reply"),
    ...(id === undefined ? {} : { id }),
    ...(zone === undefined ? {} : { zone }),
  };
}

function tupleOf(values: TupleValues | undefined, label: string): FlowTuple {
  const source = values?.ip?.v4Source ?? values?.ip?.v6Source;
  const destination = values?.ip?.v4Destination ?? values?.ip?.v6Destination;
  const protocol = values?.proto?.protocol;
  if (source === undefined || destination === undefined || protocol === undefined) {
    throw new DecodeError(`${label}: a flow without addresses or protocol`, NFGENMSG_SIZE);
  }
  const { sourcePort, destinationPort } = values?.proto ?? {};
  return {
    source,
    destination,
    protocol,
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
  };
}
