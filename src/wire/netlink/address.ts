import { Reader, Writer } from "../../base/cursor.ts";
import type { Ip } from "../../base/ip.ts";
import { attrs, type AttrValues } from "./attrs.ts";
import type { Request } from "./message.ts";
import { NLM_F } from "./numbers.ts";
import { IFA, RTM } from "./route-numbers.ts";
import { cstr, ip, u32, u32Struct, u8 } from "./types.ts";

/** struct ifaddrmsg (linux/if_addr.h). */
export interface AddressHeader {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  readonly prefixLength: number;
  /** RT_SCOPE */
  readonly scope: number;
  /** Ifindex of the link that holds it. */
  readonly index: number;
  /** IFA_F, all 32 bits: the upper ones travel in IFA_FLAGS. */
  readonly flags: number;
}

export interface AddressAttrs {
  /** The address itself; on a point-to-point link the other end's. */
  readonly address: Ip;
  /** This end's address. IPv4 always has it. */
  readonly local: Ip;
  readonly broadcast: Ip;
  readonly label: string;
  /** Lifetimes in seconds (0xffffffff is for ever), times of making and last change in 1/100 s since boot. */
  readonly cacheInfo: Record<"preferred" | "valid" | "created" | "updated", number>;
  /** Metric of the prefix route that comes with it. */
  readonly routePriority: number;
  /** Who set it (IFAPROT_*). */
  readonly protocol: number;
}

export type Address = AddressHeader & AttrValues<AddressAttrs>;
export type AddressRequest = Pick<AddressHeader, "family" | "prefixLength" | "index"> &
  Partial<AddressHeader> &
  AttrValues<AddressAttrs>;

const table = attrs<AddressAttrs & Pick<AddressHeader, "flags">>({
  address: [IFA.ADDRESS, ip],
  local: [IFA.LOCAL, ip],
  broadcast: [IFA.BROADCAST, ip],
  label: [IFA.LABEL, cstr],
  cacheInfo: [IFA.CACHEINFO, u32Struct("ifa_cacheinfo", ["preferred", "valid", "created", "updated"])],
  routePriority: [IFA.RT_PRIORITY, u32],
  protocol: [IFA.PROTO, u8],
  flags: [IFA.FLAGS, u32],
});

function addressRequest(
  type: number,
  flags: number,
  value: Partial<AddressHeader> & AttrValues<AddressAttrs>,
): Request {
  const w = new Writer(96);
  const bits = value.flags ?? 0;
  const long = bits > 0xff;
  w.u8(value.family ?? 0)
    .u8(value.prefixLength ?? 0)
    .u8(long ? 0 : bits)
    .u8(value.scope ?? 0)
    .u32(value.index ?? 0);
  // Where eight bits do, iproute2 sends no attribute, and neither do we.
  table.encode(w, long ? value : { ...value, flags: undefined });
  return { type, flags: NLM_F.REQUEST | flags, body: w.bytes() };
}

/** `ip addr add`: EEXIST when the link has it already. */
export function addAddress(address: AddressRequest): Request {
  return addressRequest(RTM.NEWADDR, NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL, address);
}

/** `ip addr replace`: makes the address or changes its flags and lifetimes. */
export function replaceAddress(address: AddressRequest): Request {
  return addressRequest(RTM.NEWADDR, NLM_F.ACK | NLM_F.CREATE | NLM_F.REPLACE, address);
}

/** `ip addr del`: EADDRNOTAVAIL when the link has no such address. */
export function deleteAddress(address: AddressRequest): Request {
  return addressRequest(RTM.DELADDR, NLM_F.ACK, address);
}

/** `ip addr show [dev DEV]`: family 0 is both; an index asks the kernel for one link's only. */
export function dumpAddresses(filter: { readonly family: number; readonly index?: number }): Request {
  return addressRequest(RTM.GETADDR, NLM_F.DUMP, filter);
}

/** Body of RTM_NEWADDR or RTM_DELADDR. Throws `DecodeError`. */
export function decodeAddress(body: Uint8Array): Address {
  const r = new Reader(body);
  const [family, prefixLength, shortFlags, scope] = [r.u8(), r.u8(), r.u8(), r.u8()];
  const index = r.u32();
  r.check();
  const header = { family, prefixLength, scope, index, flags: shortFlags };
  // The attribute's flags, where there are any, replace the header's.
  return Object.assign(header, table.decode(body, r.offset, body.length));
}
