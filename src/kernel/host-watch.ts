import { makeCidr } from "../base/cidr.ts";
import type { HostEvent } from "../model/host.ts";
import { ALIAS_PREFIX } from "../plan/sight.ts";
import { decodeAddress, dumpAddresses } from "../wire/netlink/address.ts";
import { decodeRouteMessage } from "../wire/netlink/decode.ts";
import { AF_BRIDGE, type Link } from "../wire/netlink/link.ts";
import { IFF } from "../wire/netlink/link-numbers.ts";
import type { Message } from "../wire/netlink/message.ts";
import { RTNLGRP, RTPROT } from "../wire/netlink/route-numbers.ts";
import { POLL } from "./libc.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";
import { isolatedPort, linksOf } from "./observe.ts";
import type { Poller } from "./poller.ts";
import { concernsUs } from "./firewall-events.ts";

/** linux/netfilter/nfnetlink.h */
const NFNLGRP_NFTABLES = 7;
/** Every link and address may come at once, as when a thousand sandboxes go. Beyond that we look again (`lost`). */
const RECEIVE_BUFFER = 0x40_0000;

/**
 * Tells what others change in the host's namespace. The kernel's notifications do not say well who did what (most that
 * follow from a request carry no sender), so: what is about links of a plan under way is taken as its doing, and of the rest
 * only what differs from what was known before is told.
 */
export class HostWatch {
  #closed = false;
  readonly #options: HostWatchOptions;
  /** What is known of each link, by index. */
  readonly #links = new Map<number, Known>();
  /** Addresses as `index address/length`. */
  readonly #addresses = new Set<string>();
  /** Names of links that plans under way work on, and how many do. */
  readonly #ours = new Map<string, number>();
  /** Names of links of plans that ended since the last reading, as often as they were begun. */
  #ended: string[] = [];
  #reading: NodeJS.Immediate | undefined;

  constructor(options: HostWatchOptions) {
    this.#options = options;
    const { route, nftables, poller } = options;
    for (const group of ROUTE_GROUPS) route.join(group);
    nftables.join(NFNLGRP_NFTABLES);
    route.enlargeReceiveBuffer(RECEIVE_BUFFER);
    nftables.enlargeReceiveBuffer(RECEIVE_BUFFER);
    // Joined first, looked second: what happens in between comes as an event that changes nothing.
    this.#learn();
    poller.add(route.fd, POLL.IN, () => {
      this.#tell(this.#readRoute());
    });
    poller.add(nftables.fd, POLL.IN, () => {
      this.#tell(this.#readFirewall());
    });
  }

  /** A plan begins that changes these links; the function returned ends it. */
  begin(names: ReadonlySet<string>): () => void {
    if (names.size === 0) return () => undefined;
    // What came before the plan was not of its making.
    this.#tell(this.#readRoute());
    for (const name of names) this.#ours.set(name, (this.#ours.get(name) ?? 0) + 1);
    return () => {
      // The kernel queues its notifications before it acknowledges, so all of them are here. They are read a moment later:
      // a dozen for one new link take as long as half its making, and nobody should wait for that.
      this.#ended.push(...names);
      this.#reading ??= setImmediate(() => this.#tell(this.#readRoute()));
    };
  }

  /** Plans that are under way may end later: the descriptors' numbers belong to others then. */
  close(): void {
    this.#closed = true;
    clearImmediate(this.#reading);
    const { route, nftables, poller } = this.#options;
    for (const socket of [route, nftables]) {
      poller.remove(socket.fd);
      socket.close();
    }
  }

  /** Of what came together about one thing the last word counts: a link that is deleted is first taken down. */
  #tell(events: readonly HostEvent[]): void {
    const last = new Map<string, HostEvent>();
    for (const event of events) {
      const key = event.kind === "link" ? `link ${event.name}` : JSON.stringify(event);
      last.delete(key);
      last.set(key, event);
    }
    for (const event of last.values()) this.#options.listener(event);
  }

  #readRoute(): HostEvent[] {
    if (this.#closed) return [];
    const events: HostEvent[] = [];
    const { lost } = this.#options.route.receiveEvents((message) => {
      const event = this.#routeEvent(message);
      if (event !== undefined) events.push(event);
    });
    this.#forgetEnded();
    if (!lost) return events;
    // Some did not fit: anything may have changed.
    this.#learn();
    return [...[...this.#links.values()].map(({ name }) => linkEvent(name, false)), { kind: "route" }];
  }

  /** Everything about plans that ended before this reading is read. */
  #forgetEnded(): void {
    clearImmediate(this.#reading);
    this.#reading = undefined;
    for (const name of this.#ended) {
      const count = (this.#ours.get(name) ?? 1) - 1;
      if (count === 0) this.#ours.delete(name);
      else this.#ours.set(name, count);
    }
    this.#ended = [];
  }

  #readFirewall(): HostEvent[] {
    const own = this.#options.ownPortIds();
    let changed = false;
    const { lost } = this.#options.nftables.receiveEvents((message) => {
      if (!own.has(message.pid) && concernsUs(message)) changed = true;
    });
    return changed || lost ? [{ kind: "firewall" }] : [];
  }

  #routeEvent(message: Message): HostEvent | undefined {
    const decoded = decodeRouteMessage(message);
    switch (decoded.kind) {
      case "link":
        // Bridge ports are reported a second time in their own family; leaving a bridge even as a deletion.
        if (decoded.link.family !== AF_BRIDGE) return this.#linkEvent(decoded.link, decoded.gone);
        return decoded.gone ? undefined : this.#portEvent(decoded.link);
      case "address": {
        const { address, gone } = decoded;
        const key = addressKey(address);
        const known = this.#addresses.has(key);
        if (gone) this.#addresses.delete(key);
        else this.#addresses.add(key);
        const link = this.#links.get(address.index)?.name;
        // Links give themselves link-local addresses some time after they come up.
        if (key.includes(LINK_LOCAL) || known === !gone) return undefined;
        if (link === undefined || this.#ours.has(link)) return undefined;
        return { kind: "address", link };
      }
      case "route": {
        const isOwn = this.#options.ownPortIds().has(message.pid);
        if (isOwn) return undefined;
        const { gone, route } = decoded;
        const link = gone && route.oif !== undefined ? this.#links.get(route.oif) : undefined;
        if (link?.ours === true && !this.#ours.has(link.name)) return { kind: "route", link: link.name };
        // Otherwise the kernel's own come and go with addresses, which are told already.
        const isDerived = route.protocol === RTPROT.KERNEL || route.protocol === RTPROT.RA;
        return isDerived ? undefined : { kind: "route" };
      }
      default:
        return undefined;
    }
  }

  #linkEvent(link: Link, gone: boolean): HostEvent | undefined {
    const before = this.#links.get(link.index);
    const name = link.name ?? "";
    const signature = gone ? "" : signatureOf(link);
    if (gone) this.#links.delete(link.index);
    else this.#links.set(link.index, knownOf(link));
    const samePort = before?.isolated === isolatedPort(link);
    if ((before?.signature === signature && samePort) || this.#ours.has(name)) return undefined;
    // A renamed link is gone under its old name.
    if (before !== undefined && before.name !== name) return linkEvent(before.name, true);
    return linkEvent(name, gone);
  }

  /** Settings of a port that somebody changed through its bridge are told in the bridge's family alone. */
  #portEvent({ index, port }: Link): HostEvent | undefined {
    const known = this.#links.get(index);
    const isolated = port?.isolated;
    if (known === undefined || isolated === undefined || known.isolated === isolated) return undefined;
    this.#links.set(index, { ...known, isolated });
    return this.#ours.has(known.name) ? undefined : linkEvent(known.name, false);
  }

  #learn(): void {
    const { query } = this.#options;
    this.#links.clear();
    this.#addresses.clear();
    for (const link of linksOf(query())) {
      this.#links.set(link.index, knownOf(link));
    }
    const addresses = query().dump(dumpAddresses({ family: 0 }), (message) => decodeAddress(message.body));
    for (const address of addresses) this.#addresses.add(addressKey(address));
  }
}

export interface HostWatchOptions {
  /** Two sockets of the host's namespace, for this watch alone; it closes them. */
  readonly route: NetlinkSocket;
  readonly nftables: NetlinkSocket;
  /** The socket for questions. */
  readonly query: () => NetlinkSocket;
  readonly poller: Poller;
  /** Numbers of the sockets by which we change things. */
  readonly ownPortIds: () => ReadonlySet<number>;
  readonly listener: (event: HostEvent) => void;
}

/** As it stands in an address key: fe80::/64 of RFC 4291 section 2.5.6. */
const LINK_LOCAL = " fe80::";

const ROUTE_GROUPS: readonly number[] = [
  RTNLGRP.LINK,
  RTNLGRP.IPV4_IFADDR,
  RTNLGRP.IPV6_IFADDR,
  RTNLGRP.IPV4_ROUTE,
  RTNLGRP.IPV6_ROUTE,
];

interface Known {
  readonly name: string;
  readonly signature: string;
  readonly ours: boolean;
  /** Of a port of a bridge. */
  readonly isolated: boolean | undefined;
}

function knownOf(link: Link): Known {
  const { name = "", alias = "" } = link;
  const ours = alias.startsWith(ALIAS_PREFIX);
  return { name, signature: signatureOf(link), ours, isolated: isolatedPort(link) };
}

function linkEvent(name: string, gone: boolean): HostEvent {
  return { kind: "link", name, gone };
}

/**
 * What of a link matters to us. Not its MAC (a bridge takes its ports') and not its carrier, which change by themselves.
 */
function signatureOf(link: Link): string {
  return [link.name, link.flags & IFF.UP, link.mtu, link.master ?? 0, link.alias ?? ""].join(" ");
}

function addressKey(address: ReturnType<typeof decodeAddress>): string {
  const own = address.local ?? address.address;
  return `${address.index} ${own === undefined ? "" : makeCidr(own, address.prefixLength)}`;
}
