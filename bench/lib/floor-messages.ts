import { networkElements, publishElements } from "../../src/plan/firewall/index.ts";
import type { FirewallElement } from "../../src/model/firewall.ts";
import { makeCidr, type Cidr } from "../../src/base/cidr.ts";
import type { Ip } from "../../src/base/ip.ts";
import type { Mac } from "../../src/base/mac.ts";
import { addressRequest, routeRequest } from "../../src/kernel/address-requests.ts";
import { compileChange, compileRedirect, compileTable } from "../../src/kernel/firewall/index.ts";
import { createLinkRequest, finishLinkRequests, raisePeerRequests } from "../../src/kernel/link-requests.ts";
import type { LinkSpec } from "../../src/model/ops.ts";
import { addAddress } from "../../src/wire/netlink/address.ts";
import { deleteLink, setLink, upFlag } from "../../src/wire/netlink/link.ts";
import { encodeBatch, type Request } from "../../src/wire/netlink/message.ts";
import { NLM_F } from "../../src/wire/netlink/numbers.ts";
import { addRoute } from "../../src/wire/netlink/route.ts";
import { NFNL_SUBSYS, NFT_MSG, transaction } from "../../src/wire/nftables/index.ts";

/** Bytes of one send; the kernel answers the last request, and any that fails. */
function batch(requests: readonly Request[]): Uint8Array {
  const last = requests.length - 1;
  return encodeBatch(
    requests.map((one, i) => ({
      ...one,
      flags: (one.flags & ~NLM_F.ACK) | NLM_F.REQUEST | (i === last ? NLM_F.ACK : 0),
    })),
    { firstSeq: 1 },
  );
}

/** The messages of the floor: what the engine's plans come to, and nothing that only an engine needs. */
export const LOOPBACK_UP = batch([setLink({ index: 1, ...upFlag(true) })]);

/** The host's whole firewall table, empty. */
export const HOST_TABLE = compileTable([], { observed: undefined, firstSeq: 1 }).bytes;

/** Last byte of the types of messages that make something; the first is the subsystem's. */
const CREATIONS: readonly number[] = [NFT_MSG.NEWTABLE, NFT_MSG.NEWCHAIN, NFT_MSG.NEWRULE];

/** Port of the resolver's sockets; every namespace has all ports for itself. */
export const RESOLVER_PORT = 40_053;

/** The table that leads 127.0.0.11:53 there, in a namespace that has none yet. */
export const RESOLVER_TABLE = transaction(
  // The engine's own list also empties an old table; a fresh namespace has none.
  compileRedirect(RESOLVER_PORT, 1)
    .steps.map((step) => step.request)
    .filter(({ type }) => CREATIONS.includes(type & 0xff)),
  { firstSeq: 1 },
).bytes;

export interface FloorEndpoint {
  /** Distinguishes the endpoint from others of its network: 2 and up. */
  readonly number: number;
  readonly hostLink: string;
  readonly hostPort: number;
  readonly netnsFd: number;
  readonly bridgeIndex: number;
}

/** Index of the first link made in a fresh namespace, after loopback. */
const FIRST_INDEX = 2;

export interface AttachMessages {
  /** To the host: the pair, one end a port of the bridge and up, the other in the sandbox. */
  readonly pair: Uint8Array;
  /** To the host: what the kernel takes of existing links only: alias, hairpin, no link-local address; then up. */
  readonly finish: Uint8Array;
  /** To the sandbox: its end up, address, default route. */
  readonly inside: Uint8Array;
  readonly publish: Uint8Array;
  readonly unpublish: Uint8Array;
  readonly deletePair: Uint8Array;
}

export function attachMessages(endpoint: FloorEndpoint): AttachMessages {
  const { number, hostLink, hostPort, netnsFd, bridgeIndex } = endpoint;
  const ip = `10.77.${number >> 8}.${number & 255}` as Ip;
  const mac = [2, 66, 10, 77, number >> 8, number & 255]
    .map((b) => b.toString(16).padStart(2, "0"))
    .join(":");
  const peer = { netns: "sandbox", name: "eth0", mac: mac as Mac, linkLocal: false } as const;
  const spec: LinkSpec = {
    name: hostLink,
    kind: { type: "veth", peer },
    up: true,
    alias: `netdock:endpoint:${hostLink}`,
    hairpin: true,
    linkLocal: false,
  };
  const address = { link: "eth0", address: makeCidr(ip, 16) };
  const route = { link: "eth0", destination: "0.0.0.0/0" as Cidr, via: "10.77.0.1" as Ip };
  const binding = {
    protocol: "tcp",
    hostIp: "0.0.0.0" as Ip,
    hostPort,
    containerPort: 80,
    count: 1,
  } as const;
  const elements = publishElements(binding, ip);
  return {
    pair: batch([createLinkRequest(spec, { master: bridgeIndex, peer: { index: FIRST_INDEX, netnsFd } })]),
    finish: batch(finishLinkRequests(spec, { hasIpv6: true, isolate: false })),
    inside: batch([
      ...raisePeerRequests(peer, true),
      addAddress(addressRequest(address, FIRST_INDEX)),
      addRoute(routeRequest(route, FIRST_INDEX)),
    ]),
    publish: changeOf(elements, []),
    unpublish: changeOf([], elements),
    deletePair: batch([deleteLink({ name: hostLink })]),
  };
}

export interface NetworkMessages {
  /** To the host: bridge, up, with its MAC; its alias; its address. */
  readonly bridge: Uint8Array;
  readonly elements: Uint8Array;
  readonly removeElements: Uint8Array;
  readonly deleteBridge: Uint8Array;
}

/** `index` is a link index nobody has. */
export function networkMessages(bridge: {
  readonly name: string;
  readonly index: number;
  readonly address: Cidr;
}): NetworkMessages {
  const { name, index } = bridge;
  const spec: LinkSpec = {
    name,
    kind: { type: "bridge" },
    up: true,
    mac: `02:00:00:00:${(index >> 8).toString(16).padStart(2, "0")}:${(index & 255).toString(16).padStart(2, "0")}` as Mac,
    alias: `netdock:network:${name}`,
    linkLocal: false,
  };
  const elements = networkElements({
    bridge: name,
    internal: false,
    icc: true,
    trusted: [],
    mode4: "nat",
    mode6: "nat",
    leave4: "masquerade",
    leave6: undefined,
  });
  return {
    bridge: batch([
      createLinkRequest(spec, { index }),
      ...finishLinkRequests(spec, { hasIpv6: true, isolate: false }),
      addAddress(addressRequest({ link: name, address: bridge.address }, index)),
    ]),
    elements: changeOf(elements, []),
    removeElements: changeOf([], elements),
    deleteBridge: batch([deleteLink({ index })]),
  };
}

/** The engine adds what it removes first, so that a missing element is no error; the floor knows that it is there. */
function changeOf(add: readonly FirewallElement[], remove: readonly FirewallElement[]): Uint8Array {
  const compiled = compileChange({ add, remove }, 1);
  if (compiled === undefined) throw new Error("no elements");
  const wanted = remove.length > 0 ? NFT_MSG.DELSETELEM : NFT_MSG.NEWSETELEM;
  const requests = compiled.steps
    .map((step) => step.request)
    .filter(({ type }) => type === ((NFNL_SUBSYS.NFTABLES << 8) | wanted));
  return transaction(requests, { firstSeq: 1 }).bytes;
}
