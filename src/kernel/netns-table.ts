import { closeSync, fstatSync } from "node:fs";
import { invalid, NetError } from "../base/errors.ts";
import { HOST_NETNS, type NetnsKey } from "../model/ops.ts";
import { decodeLink, dumpLinks, setLink, upFlag } from "../wire/netlink/link.ts";
import { RTEXT_FILTER } from "../wire/netlink/link-numbers.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import type { Sync, ThreadNamespaces } from "./netns.ts";
import { openForeignNetns, type Pins } from "./pins.ts";

/** The kernel gives loopback this index in every namespace (LOOPBACK_IFINDEX in net/flow.h). */
const LOOPBACK = { index: 1 } as const;

interface Entry {
  readonly fd: number;
  /** Lowest index that no link of the namespace has had; undefined until somebody wants to know. */
  nextIndex: number | undefined;
  /** Open from the namespace's birth to the end of the first plan in it, and for the host for good. */
  route: NetlinkSocket | undefined;
}

/** The namespaces in use, by key: a descriptor each, and what is needed to work in them. */
export class NetnsTable {
  readonly #namespaces: ThreadNamespaces;
  readonly #pins: Pins;
  readonly #buffer: Uint8Array;
  readonly #entries = new Map<NetnsKey, Entry>();
  readonly #homeFd: number | undefined;

  /** `homeFd` is the host's namespace where that is not the thread's own; it stays the caller's. */
  constructor(options: {
    readonly namespaces: ThreadNamespaces;
    readonly pins: Pins;
    readonly buffer: Uint8Array;
    readonly homeFd: number | undefined;
  }) {
    this.#namespaces = options.namespaces;
    this.#pins = options.pins;
    this.#buffer = options.buffer;
    this.#homeFd = options.homeFd;
  }

  /** Makes a namespace, pins it and brings its loopback up. */
  create(key: NetnsKey): void {
    this.#refuseKnown(key);
    this.#namespaces.withNewNetns(() => {
      this.#pins.add(key, "/proc/thread-self/ns/net");
      const fd = this.#pins.open(key);
      if (fd === undefined)
        throw new NetError("internal", "netns.create", { message: `${key} is not pinned` });
      const route = new NetlinkSocket(NETLINK.ROUTE, this.#buffer);
      route.transact([setLink({ ...LOOPBACK, ...upFlag(true) })]);
      // A kernel that makes more links in every namespace (tunnels) answers a taken index, and then we look.
      this.#entries.set(key, { fd, nextIndex: LOOPBACK.index + 1, route });
    });
  }

  /**
   * Pins an existing namespace and brings its loopback up: one fresh from unshare(1) has it down, and the resolver's
   * address is on it.
   */
  adopt(key: NetnsKey, source: { readonly path: string } | { readonly pid: number }): void {
    this.#refuseKnown(key);
    const fd = openForeignNetns(source);
    try {
      this.#refuseHome(fd, source);
      this.#pins.add(key, `/proc/thread-self/fd/${fd}`);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#entries.set(key, { fd, nextIndex: undefined, route: undefined });
    try {
      this.route(key).transact([setLink({ ...LOOPBACK, ...upFlag(true) })]);
    } catch (error) {
      this.delete(key);
      throw error;
    }
  }

  /** A default route for "the sandbox" would take the host off its own network. */
  #refuseHome(fd: number, source: { readonly path: string } | { readonly pid: number }): void {
    const [asked, home] = [fstatSync(fd), fstatSync(this.#homeFd ?? this.#namespaces.netFd)];
    if (asked.ino !== home.ino || asked.dev !== home.dev) return;
    const [field, value] = "path" in source ? ["netns.path", source.path] : ["netns.pid", source.pid];
    throw invalid(
      field,
      value,
      "that is the host's own namespace; the host network is there for it",
      "netns.adopt",
    );
  }

  /** Opens what an earlier process pinned. */
  open(key: NetnsKey): boolean {
    if (this.#entries.has(key)) return true;
    const fd = this.#pins.open(key);
    if (fd === undefined) return false;
    this.#entries.set(key, { fd, nextIndex: undefined, route: undefined });
    return true;
  }

  delete(key: NetnsKey): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      entry.route?.close();
      closeSync(entry.fd);
    }
    this.#pins.remove(key);
  }

  /** Descriptors of the sandboxes' namespaces. */
  sandboxes(): Map<NetnsKey, number> {
    return new Map([...this.#entries].flatMap(([key, { fd }]) => (key === HOST_NETNS ? [] : [[key, fd]])));
  }

  /** The namespace's descriptor, for messages that name a namespace. */
  fd(key: NetnsKey): number {
    if (key === HOST_NETNS) return this.#homeFd ?? this.#namespaces.netFd;
    return this.#entry(key).fd;
  }

  /** Runs `run` with the thread in that namespace. */
  enter<T>(key: NetnsKey, run: () => Sync<T>): T {
    if (key === HOST_NETNS && this.#homeFd === undefined) return run();
    return this.#namespaces.withNetns(this.fd(key), run);
  }

  /** The namespace's NETLINK_ROUTE socket. `rest` closes it again, the host's excepted. */
  route(key: NetnsKey): NetlinkSocket {
    const entry = this.#entry(key);
    entry.route ??= this.enter(key, () => new NetlinkSocket(NETLINK.ROUTE, this.#buffer));
    return entry.route;
  }

  /** A thousand sandboxes that nobody works in need no thousand sockets. */
  rest(key: NetnsKey): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || key === HOST_NETNS) return;
    entry.route?.close();
    entry.route = undefined;
  }

  /**
   * An index for a link about to be made, so that addresses and routes can name it before anybody has asked the kernel.
   * The host has none to give: there others make links too, and the kernel chooses.
   */
  takeIndex(key: NetnsKey): number | undefined {
    if (key === HOST_NETNS) return undefined;
    const entry = this.#entry(key);
    entry.nextIndex ??= this.#highestIndex(key) + 1;
    return entry.nextIndex++;
  }

  /** The index taken was not free: look before the next. */
  forgetIndexes(key: NetnsKey): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.nextIndex = undefined;
  }

  close(): void {
    for (const entry of this.#entries.values()) {
      entry.route?.close();
      if (entry.fd >= 0) closeSync(entry.fd);
    }
    this.#entries.clear();
  }

  #highestIndex(key: NetnsKey): number {
    const dump = dumpLinks({ extMask: RTEXT_FILTER.SKIP_STATS });
    return Math.max(...this.route(key).dump(dump, (message) => decodeLink(message.body).index));
  }

  #entry(key: NetnsKey): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (key === HOST_NETNS) {
      const host: Entry = { fd: -1, nextIndex: undefined, route: undefined };
      this.#entries.set(key, host);
      return host;
    }
    throw new NetError("not_found", "netns.open", { message: `there is no namespace ${key}`, subject: key });
  }

  #refuseKnown(key: NetnsKey): void {
    if (!this.#entries.has(key)) return;
    throw new NetError("conflict", "netns.create", {
      message: `namespace ${key} exists already`,
      subject: key,
    });
  }
}
