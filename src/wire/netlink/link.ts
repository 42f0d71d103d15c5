import { Reader, Writer } from "../../base/cursor.ts";
import type { AttrValues } from "./attrs.ts";
import type { BridgePort } from "./bridge.ts";
import {
  bridgeLinkTable,
  type LinkAttrs,
  type LinkHeader,
  linkTable,
  putLinkHeader,
  readLinkHeader,
} from "./link-attrs.ts";
import { IFF } from "./link-numbers.ts";
import type { Request } from "./message.ts";
import { NLM_F } from "./numbers.ts";
import { RTM } from "./route-numbers.ts";

/** Family of messages about bridge ports and forwarding entries (AF_BRIDGE in linux/socket.h). */
export const AF_BRIDGE = 7;

/** A link as the kernel tells it. */
export type Link = LinkHeader & AttrValues<LinkAttrs>;

/** A link as a request has it: what is absent is 0 in the header, and not sent as an attribute. */
export type LinkRequest = Partial<LinkHeader> & AttrValues<LinkAttrs>;

/** Which link: by index, or by name (an alternative name does too). */
export type LinkRef = { readonly index: number } | { readonly name: string };

function linkRequest(type: number, flags: number, link: LinkRequest): Request {
  const w = new Writer(256);
  putLinkHeader(w, link);
  if (link.family === AF_BRIDGE) bridgeLinkTable.encode(w, link);
  else linkTable.encode(w, link);
  return { type, flags: NLM_F.REQUEST | flags, body: w.bytes() };
}

/**
 * `ip link add`: makes a link, and with kind `veth` its peer. Fails with EEXIST when the name or the index is taken. The
 * link is made in the namespace of `netnsFd`, is a port of `master`, and is up with `flags` and `change` IFF.UP, all in
 * this one message.
 */
export function addLink(link: LinkRequest): Request {
  return linkRequest(RTM.NEWLINK, NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL, link);
}

/** `ip link set`: changes what is given of an existing link, found by index, or by name when the index is absent. */
export function setLink(link: LinkRequest): Request {
  return linkRequest(RTM.NEWLINK, NLM_F.ACK, link);
}

/** The header fields that bring a link up or down, leaving its other flags alone. */
export function upFlag(up: boolean): { readonly flags: number; readonly change: number } {
  return { flags: up ? IFF.UP : 0, change: IFF.UP };
}

/** `ip link del`. Of a veth, either end takes the other with it. */
export function deleteLink(link: LinkRef): Request {
  return linkRequest(RTM.DELLINK, NLM_F.ACK, link);
}

/** `ip link del group`: all links of a group at the price of one, as they share the kernel's waiting for its readers. */
export function deleteLinkGroup(group: number): Request {
  return linkRequest(RTM.DELLINK, NLM_F.ACK, { group });
}

/** `ip link show DEV`: answered by one RTM_NEWLINK, or ENODEV. */
export function getLink(link: LinkRef & { readonly extMask?: number }): Request {
  return linkRequest(RTM.GETLINK, 0, link);
}

/** Which links to dump; the kernel does the choosing. */
export interface LinkFilter {
  /** Ports of this bridge only. */
  readonly master?: number;
  /** Links of this kind only. */
  readonly kind?: string;
  /** RTEXT_FILTER; SKIP_STATS halves the size of the answer. */
  readonly extMask?: number;
}

/** `ip link show [master M] [type K]`. */
export function dumpLinks(filter: LinkFilter): Request {
  const { master, kind, extMask } = filter;
  const linkInfo = kind === undefined ? undefined : { info: { kind: "unknown", name: kind } as const };
  return linkRequest(RTM.GETLINK, NLM_F.DUMP, { extMask, master, linkInfo });
}

/** `bridge link set`: settings of a port, named by the ifindex of the link that is the port. */
export function setBridgePort(index: number, port: AttrValues<BridgePort>): Request {
  return linkRequest(RTM.SETLINK, NLM_F.ACK, { family: AF_BRIDGE, index, port });
}

/** `bridge link show`: all ports of all bridges. */
export function dumpBridgePorts(): Request {
  return linkRequest(RTM.GETLINK, NLM_F.DUMP, { family: AF_BRIDGE });
}

/** Body of RTM_NEWLINK, RTM_DELLINK or RTM_SETLINK. Throws `DecodeError`. */
export function decodeLink(body: Uint8Array): Link {
  const r = new Reader(body);
  const header = readLinkHeader(r);
  r.check();
  const table = header.family === AF_BRIDGE ? bridgeLinkTable : linkTable;
  return { ...header, ...table.decode(body, r.offset, body.length) };
}
