import { NETLINK_OPT } from "../wire/netlink/numbers.ts";
import { decodeNsid, getNsid } from "../wire/netlink/nsid.ts";
import { RTM, RTNLGRP } from "../wire/netlink/route-numbers.ts";
import { IFF } from "../wire/netlink/link-numbers.ts";
import { NFNL_SUBSYS, NFNLGRP, NFT_MSG } from "../wire/nftables/index.ts";
import type { NetnsKey } from "../model/ops.ts";
import { attachFilter, type FilterInstruction, LOST, MSG, POLL, setSocketOption, SOL } from "./libc.ts";
import { NsidReceiver } from "./libc-message.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";
import type { Poller } from "./poller.ts";

/** Only headers are looked at. */
const HEAD = 256;

/**
 * Tells in which sandboxes links, addresses, routes or rules were taken away: two sockets for all of them. They are in the
 * host's namespace and hear every namespace that has an id there (NETLINK_LISTEN_ALL_NSID), as one has from the moment a veth
 * leads into it. A socket a sandbox would cost more than its memory: the kernel walks all listeners of all namespaces
 * at each notification. A filter in the kernel keeps out what only adds, so what we do ourselves mostly wakes nobody.
 *
 * It cannot tell who did it. Whoever is told looks, and finds nothing where it was our own doing.
 */
export class SandboxWatch {
  readonly #options: SandboxWatchOptions;
  readonly #receiver = new NsidReceiver(new Uint8Array(HEAD));
  /** Ids of namespaces, which stay as long as those do; one that is free is given to the next. */
  readonly #ids = new Map<NetnsKey, number>();
  readonly #keys = new Map<number, NetnsKey>();
  /** Ids that belonged to no sandbox when last asked. */
  readonly #others = new Set<number>();

  constructor(options: SandboxWatchOptions) {
    this.#options = options;
    const { route, nftables, poller } = options;
    attachFilter(route.fd, ROUTE_FILTER);
    attachFilter(nftables.fd, NFTABLES_FILTER);
    for (const [socket, groups] of [
      [route, ROUTE_GROUPS],
      [nftables, [NFNLGRP.NFTABLES]],
    ] as const) {
      setSocketOption(socket.fd, SOL.NETLINK, NETLINK_OPT.LISTEN_ALL_NSID, 1);
      for (const group of groups) socket.join(group);
      poller.add(socket.fd, POLL.IN, () => {
        this.#read(socket);
      });
    }
  }

  /** This sandbox came or went. */
  forget(netns: NetnsKey): void {
    this.#others.clear();
    const id = this.#ids.get(netns);
    if (id === undefined) return;
    this.#ids.delete(netns);
    this.#keys.delete(id);
  }

  close(): void {
    const { route, nftables, poller } = this.#options;
    for (const socket of [route, nftables]) {
      poller.remove(socket.fd);
      socket.close();
    }
  }

  #read(socket: NetlinkSocket): void {
    const nsids = new Set<number>();
    let lost = false;
    for (;;) {
      const size = this.#receiver.receive(socket.fd, MSG.DONTWAIT);
      if (size === -1) break;
      if (size === LOST) lost = true;
      else if (this.#receiver.nsid !== undefined) nsids.add(this.#receiver.nsid);
    }
    const { sandboxes, listener } = this.#options;
    if (lost) {
      // Some did not fit: it may have been any of them.
      for (const key of sandboxes().keys()) listener(key);
      return;
    }
    if ([...nsids].some((nsid) => !this.#keys.has(nsid) && !this.#others.has(nsid))) this.#learn();
    for (const nsid of nsids) {
      const key = this.#keys.get(nsid);
      if (key === undefined) this.#others.add(nsid);
      else listener(key);
    }
  }

  /** Asks for the ids of the sandboxes that are not known by one. */
  #learn(): void {
    const { sandboxes, query } = this.#options;
    const list = [...sandboxes()].filter(([key]) => !this.#ids.has(key));
    const replies = query().transact(list.map(([, fd]) => getNsid(fd)));
    list.forEach(([key], i) => {
      const [answer] = replies[i]?.messages ?? [];
      const nsid = answer === undefined ? undefined : decodeNsid(answer.body);
      if (nsid === undefined) return;
      this.#ids.set(key, nsid);
      this.#keys.set(nsid, key);
    });
  }
}

export interface SandboxWatchOptions {
  /** Two sockets of the host's namespace, for this watch alone; it closes them. */
  readonly route: NetlinkSocket;
  readonly nftables: NetlinkSocket;
  /** The socket for questions. */
  readonly query: () => NetlinkSocket;
  readonly poller: Poller;
  /** Descriptors of the namespaces of all sandboxes, by key. */
  readonly sandboxes: () => ReadonlyMap<NetnsKey, number>;
  /** May be our own doing. */
  readonly listener: (netns: NetnsKey) => void;
}

const ROUTE_GROUPS: readonly number[] = [
  RTNLGRP.LINK,
  RTNLGRP.IPV4_IFADDR,
  RTNLGRP.IPV6_IFADDR,
  RTNLGRP.IPV4_ROUTE,
  RTNLGRP.IPV6_ROUTE,
];

// Socket filters (linux/filter.h) load in network order; netlink is in the host's, which is little-endian.
const LOAD16 = 0x28;
const LOAD32 = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_SET = 0x45;
const RETURN = 0x06;
const ALL = 0xffff_ffff;
/** nlmsg_type, and ifi_flags and ifi_change behind the header of 16 bytes. */
const TYPE_AT = 4;
const FLAGS_AT = 24;
const CHANGE_AT = 28;

const swap16 = (value: number): number => ((value & 0xff) << 8) | (value >> 8);
/** IFF_UP as the lowest bit of a little-endian word. */
const UP = IFF.UP << 24;

/** Deletions; and links that were up and no longer are: one that is new says that all of its flags changed. */
const ROUTE_FILTER: readonly FilterInstruction[] = [
  [LOAD16, 0, 0, TYPE_AT],
  [JUMP_EQUAL, 8, 0, swap16(RTM.DELLINK)],
  [JUMP_EQUAL, 7, 0, swap16(RTM.DELADDR)],
  [JUMP_EQUAL, 6, 0, swap16(RTM.DELROUTE)],
  [JUMP_EQUAL, 0, 6, swap16(RTM.NEWLINK)],
  [LOAD32, 0, 0, CHANGE_AT],
  [JUMP_EQUAL, 4, 0, ALL],
  [JUMP_SET, 0, 3, UP],
  [LOAD32, 0, 0, FLAGS_AT],
  [JUMP_SET, 1, 0, UP],
  [RETURN, 0, 0, ALL],
  [RETURN, 0, 0, 0],
];

const nftType = (number: number): number => swap16((NFNL_SUBSYS.NFTABLES << 8) | number);

const NFTABLES_FILTER: readonly FilterInstruction[] = [
  [LOAD16, 0, 0, TYPE_AT],
  [JUMP_EQUAL, 3, 0, nftType(NFT_MSG.DELTABLE)],
  [JUMP_EQUAL, 2, 0, nftType(NFT_MSG.DELCHAIN)],
  [JUMP_EQUAL, 1, 0, nftType(NFT_MSG.DELRULE)],
  [RETURN, 0, 0, 0],
  [RETURN, 0, 0, ALL],
];
