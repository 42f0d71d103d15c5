import { familyOf, ipBytes } from "../../base/ip.ts";
import type { ProbePacket } from "../../model/probe.ts";
import {
  CT_STATE,
  type Expression,
  IPS,
  NF_INET,
  NFPROTO,
  NFT_CT,
  NFT_FIB_RESULT,
  NFT_META,
  NFT_PAYLOAD,
  NFTA_FIB_F,
} from "../../wire/nftables/index.ts";

/** Bytes of which some are not known: source port, checksums, lengths. */
export type Bytes = readonly (number | undefined)[];

/** What a rule at one place can learn of a packet. */
export interface Facts {
  readonly family: 4 | 6;
  /** CT_STATE */
  readonly state: number;
  /** Its destination was another one. */
  readonly translated: boolean;
  /** What the expression loads; undefined where that is not known. */
  load(expression: Expression): Bytes | undefined;
}

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;
/** rtnetlink's RTN_UNICAST and RTN_LOCAL, by which `fib … type` answers. */
const UNICAST = 1;
const LOCAL = 2;
const ETHERTYPE = { 4: [0x08, 0x00], 6: [0x86, 0xdd] } as const;
/** nf_nat's hooks in prerouting run at -100: later ones see the translated destination. */
const DSTNAT = -100;
const TCP_SYN = 0x02;
const TCP_SYN_ACK = 0x12;
const UNKNOWN = undefined;

/** A packet at one hook and priority. `indexOf` gives a link's number. */
export function factsAt(
  packet: ProbePacket,
  at: { readonly hook: number; readonly priority: number },
  indexOf: (link: string) => number | undefined,
): Facts {
  const family = familyOf(packet.destination);
  const early = at.hook === NF_INET.PRE_ROUTING && at.priority <= DSTNAT ? packet.published : undefined;
  const published = packet.published !== undefined && early === undefined;
  const destination = early?.ip ?? packet.destination;
  const protocol = PROTOCOLS[packet.protocol];
  const network = networkHeader(packet, destination, protocol);
  const transport = transportHeader(packet, early?.port ?? packet.port);
  const isIn = at.hook === NF_INET.PRE_ROUTING || at.hook === NF_INET.LOCAL_IN || at.hook === NF_INET.FORWARD;
  const isOut = !(at.hook === NF_INET.PRE_ROUTING || at.hook === NF_INET.LOCAL_IN);
  const iif = isIn ? packet.iif : undefined;
  const oif = isOut ? packet.oif : undefined;
  const toUs = packet.way === "input" || early !== undefined;
  const meta = (key: number): Bytes | undefined => {
    switch (key) {
      case NFT_META.IIFNAME:
        return nameBytes(iif);
      case NFT_META.OIFNAME:
        return nameBytes(oif);
      case NFT_META.IIF:
        return iif === undefined ? host32(0) : numbered(indexOf(iif));
      case NFT_META.OIF:
        return oif === undefined ? host32(0) : numbered(indexOf(oif));
      case NFT_META.NFPROTO:
        return [family === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6];
      case NFT_META.L4PROTO:
        return [protocol];
      case NFT_META.PROTOCOL:
        return ETHERTYPE[family];
      default:
        return UNKNOWN;
    }
  };
  return {
    family,
    state: stateOf(packet),
    translated: published,
    load(expression) {
      switch (expression.kind) {
        case "meta":
          return meta(expression.data?.key ?? -1);
        case "payload": {
          const { base, offset = 0, len = 0 } = expression.data ?? {};
          const header =
            base === NFT_PAYLOAD.NETWORK_HEADER
              ? network
              : base === NFT_PAYLOAD.TRANSPORT_HEADER
                ? transport
                : [];
          return Array.from({ length: len }, (_, i) => header[offset + i]);
        }
        case "ct":
          switch (expression.data?.key) {
            case NFT_CT.STATE:
              return host32(stateOf(packet));
            case NFT_CT.STATUS:
              return host32(published ? IPS.DST_NAT : 0);
            case NFT_CT.DIRECTION:
              return [packet.answer === true ? 1 : 0];
            default:
              return UNKNOWN;
          }
        case "fib": {
          const { result, flags = 0 } = expression.data ?? {};
          // Whether a source is answered by the link it comes in by (reverse path filters): of these packets it is.
          const back = NFTA_FIB_F.SADDR | NFTA_FIB_F.IIF | NFTA_FIB_F.PRESENT;
          if ((flags & back) === back && packet.iif !== undefined) return host32(1);
          if (result !== NFT_FIB_RESULT.ADDRTYPE) return UNKNOWN;
          const isLocal = (flags & NFTA_FIB_F.DADDR) === 0 ? packet.way === "output" : toUs;
          return host32(isLocal ? LOCAL : UNICAST);
        }
        default:
          return UNKNOWN;
      }
    },
  };
}

/** RFC 791 section 3.1, RFC 8200 section 3. */
function networkHeader(
  packet: ProbePacket,
  destination: ProbePacket["destination"],
  protocol: number,
): Bytes {
  const [source, target] = [[...ipBytes(packet.source)], [...ipBytes(destination)]];
  if (source.length === 4) {
    const start: Bytes = [0x45, 0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, protocol];
    return [...start, UNKNOWN, UNKNOWN, ...source, ...target];
  }
  return [0x60, 0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, protocol, UNKNOWN, ...source, ...target];
}

/** Ports come first in TCP, UDP and SCTP; TCP's flags are its fourteenth byte (RFC 9293 section 3.1). */
function transportHeader(packet: ProbePacket, port: number): Bytes {
  const known: Bytes = [port >> 8, port & 0xff];
  const other: Bytes = [UNKNOWN, UNKNOWN];
  const isAnswer = packet.answer === true;
  const ports = isAnswer ? [...known, ...other] : [...other, ...known];
  if (packet.protocol !== "tcp") return ports;
  return [...ports, ...Array.from({ length: 9 }, () => UNKNOWN), isAnswer ? TCP_SYN_ACK : TCP_SYN];
}

/** As CT_STATE. */
function stateOf(packet: ProbePacket): number {
  return packet.answer === true ? CT_STATE.ESTABLISHED : CT_STATE.NEW;
}

function host32(value: number): Bytes {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
}

function numbered(index: number | undefined): Bytes | undefined {
  return index === undefined ? UNKNOWN : host32(index);
}

/** IFNAMSIZ bytes; all zero where there is no such link at this hook. */
function nameBytes(name: string | undefined): Bytes {
  const bytes = new TextEncoder().encode(name ?? "");
  return Array.from({ length: 16 }, (_, i) => bytes[i] ?? 0);
}
