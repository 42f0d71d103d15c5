import type { Cidr } from "../base/cidr.ts";
import type { Family, Ip } from "../base/ip.ts";
import type { Blockade, FirewallElement, Sanction } from "../model/firewall.ts";
import type { Host, HostEvent, ObservedLink, ObservedNetns, ResolverSockets } from "../model/host.ts";
import type { TakenPrefix } from "../model/ipam.ts";
import { HOST_NETNS, type NetnsKey, type Op } from "../model/ops.ts";
import type { Hindrance, ProbePacket } from "../model/probe.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { Applier } from "./apply.ts";
import { Capabilities, type Feature, FEATURES } from "./capabilities.ts";
import { claimHome } from "./home.ts";
import { HostWatch, type HostWatchOptions } from "./host-watch.ts";
import { KernelFirewall } from "./kernel-firewall.ts";
import { readLegacyTables } from "./legacy-tables.ts";
import { close, linkIndex } from "./libc.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { ThreadNamespaces } from "./netns.ts";
import { NetnsTable } from "./netns-table.ts";
import { readBridgeFilter } from "./bridge-filter.ts";
import { observeLink, observeNetns } from "./observe.ts";
import { NetnsPins, type Pins } from "./pins.ts";
import { Poller } from "./poller.ts";
import { type HeldPorts, holdPorts, type PortParts, type PortRequest } from "./port-reservation.ts";
import { LinuxProcesses } from "./processes.ts";
import { openResolverSockets } from "./resolver-sockets.ts";
import { SandboxWatch } from "./sandbox-watch.ts";
import { hostLinks } from "./route-plan.ts";
import { followPacket } from "./ruleset/walk.ts";
import { readNameServers, takenPrefixes, uplinkMtu } from "./surroundings.ts";
import { listenTcp, openTcp, openUdp } from "./sockets.ts";
import { SocketBatches } from "./socket-batch.ts";
import { SocketFilters } from "./socket-filter.ts";
import { readSysctl } from "./sysctl.ts";

export interface LinuxHostOptions {
  /** Folder for what lives as long as the machine is up; `netns/` in it holds the namespaces' pins. */
  readonly runDir: string;
  /** Descriptor of the namespace that is the host; absent: the calling thread's own. It stays the caller's. */
  readonly homeNetnsFd?: number | undefined;
  /** How namespaces are kept; absent: by mounts under `runDir`, so that they outlive this process. */
  readonly pins?: Pins | undefined;
  /** Absent: one of its own. One that is given stays the caller's, and several hosts then need one waiting thread only. */
  readonly poller?: Poller | undefined;
}

export function openLinuxHost(options: LinuxHostOptions): LinuxHost {
  return new LinuxHost(options);
}

/** `Host` by netlink. Belongs to the thread that opened it. */
export class LinuxHost implements Host {
  /** Starts processes in this host's sandboxes. */
  readonly processes: LinuxProcesses;
  readonly #namespaces = new ThreadNamespaces();
  readonly #poller: Poller;
  readonly #ownPoller: boolean;
  // Where all answers land, one after another. Dumps come in pieces of at most 32 KiB (netlink_dump).
  readonly #buffer = new Uint8Array(0x2_0000);
  readonly #pins: Pins;
  readonly #table: NetnsTable;
  readonly #firewall: KernelFirewall;
  readonly #ports: PortParts;
  readonly #applier: Applier;
  readonly #watches = new Set<HostWatch>();
  readonly #sandboxWatches = new Set<SandboxWatch>();
  /** Of the resolver opened last. */
  #resolverPort: number | undefined;
  #claim: number | undefined;
  #closed = false;

  constructor(options: LinuxHostOptions) {
    this.#poller = options.poller ?? new Poller();
    this.#ownPoller = options.poller === undefined;
    this.#pins = options.pins ?? new NetnsPins(options.runDir);
    this.#table = new NetnsTable({
      namespaces: this.#namespaces,
      pins: this.#pins,
      buffer: this.#buffer,
      homeFd: options.homeNetnsFd,
    });
    this.#firewall = new KernelFirewall(this.#table, this.#buffer);
    this.#ports = {
      poller: this.#poller,
      buffer: this.#buffer,
      batches: new SocketBatches(),
      filters: new SocketFilters(),
    };
    this.#applier = new Applier({ table: this.#table, buffer: this.#buffer, firewall: this.#firewall });
    this.processes = new LinuxProcesses({
      namespaces: this.#namespaces,
      poller: this.#poller,
      pinsDir: this.#pins.dir,
      homeFd: options.homeNetnsFd,
    });
  }

  netnsPath(key: NetnsKey): string {
    return this.#pins.path(key);
  }

  createNetns(key: NetnsKey): void {
    this.#table.create(key);
    this.#changed(key);
  }

  adoptNetns(key: NetnsKey, source: { readonly path: string } | { readonly pid: number }): void {
    this.#table.adopt(key, source);
    this.#changed(key);
  }

  openNetns(key: NetnsKey): boolean {
    const found = this.#table.open(key);
    this.#changed(key);
    return found;
  }

  deleteNetns(key: NetnsKey): void {
    this.#applier.forget(key);
    this.#table.delete(key);
    this.#changed(key);
  }

  #changed(key: NetnsKey): void {
    for (const watch of this.#sandboxWatches) watch.forget(key);
  }

  listNetns(): NetnsKey[] {
    return this.#pins.list();
  }

  async apply(ops: readonly Op[]): Promise<void> {
    const links = hostLinks(ops);
    const ends = [...this.#watches].map((watch) => watch.begin(links));
    try {
      await this.#applier.apply(ops);
    } finally {
      for (const end of ends) end();
    }
  }

  observe(netns: NetnsKey): ObservedNetns {
    try {
      return observeNetns(this.#table.route(netns), () => this.#table.enter(netns, readBridgeFilter));
    } finally {
      this.#table.rest(netns);
    }
  }

  link(name: string): ObservedLink | undefined {
    return observeLink(this.#table.route(HOST_NETNS), name);
  }

  readSysctl(key: string): string | undefined {
    return this.#table.enter(HOST_NETNS, () => readSysctl(key));
  }

  observeFirewall(): FirewallElement[] | undefined {
    return this.#firewall.observe();
  }

  redirects(netns: NetnsKey, port: number): boolean {
    return this.#firewall.redirects(netns, port);
  }

  replaceFirewall(elements: readonly FirewallElement[]): void {
    this.#firewall.replace(elements);
  }

  removeFirewall(): void {
    this.#firewall.remove();
  }

  sanction(wish: Sanction, options: { readonly dryRun: boolean }): string[] {
    return this.#firewall.sanction(wish, options);
  }

  follow(packets: readonly ProbePacket[]): Hindrance[][] {
    const ruleset = this.#firewall.ruleset();
    const { fd } = this.#table.route(HOST_NETNS);
    return packets.map((packet) => followPacket(ruleset, packet, (name) => linkIndex(fd, name)));
  }

  legacyTables(): ReturnType<Host["legacyTables"]> {
    return this.#table.enter(HOST_NETNS, readLegacyTables);
  }

  lacking(): string[] {
    const capabilities = new Capabilities(this.#namespaces);
    return FEATURE_LIST.filter((feature) => !capabilities.has(feature)).map((feature) => FEATURES[feature]);
  }

  block(blockades: readonly Blockade[]): void {
    this.#firewall.block(blockades);
  }

  takenPrefixes(pools: ReadonlySet<Cidr>): TakenPrefix[] {
    return takenPrefixes(this.#table.route(HOST_NETNS), this.nameServers(), pools);
  }

  uplinkMtu(): number | undefined {
    return uplinkMtu(this.#table.route(HOST_NETNS));
  }

  nameServers(): Ip[] {
    return readNameServers("/etc/resolv.conf");
  }

  reservePorts(request: PortRequest): HeldPorts {
    return this.#table.enter(HOST_NETNS, () => holdPorts(request, this.#ports));
  }

  openResolver(netns: NetnsKey, port: number | undefined): ResolverSockets {
    // Nearly always as free here as it was in the sandbox before, and the redirect to it is known by heart.
    const wanted = port ?? this.#resolverPort;
    const sockets = this.#table.enter(netns, () => openResolverSockets(wanted));
    this.#resolverPort = sockets.port;
    return sockets;
  }

  watch(listener: (event: HostEvent) => void): () => void {
    const watch = new HostWatch({
      ...this.#watchParts(),
      ownPortIds: () => new Set([this.#table.route(HOST_NETNS).portId, this.#firewall.portId ?? 0]),
      listener,
    });
    return keep(this.#watches, watch);
  }

  watchSandboxes(listener: (netns: NetnsKey) => void): () => void {
    const watch = new SandboxWatch({
      ...this.#watchParts(),
      sandboxes: () => this.#table.sandboxes(),
      listener,
    });
    return keep(this.#sandboxWatches, watch);
  }

  #watchParts(): Pick<HostWatchOptions, "route" | "nftables" | "query" | "poller"> {
    const open = (family: number): NetlinkSocket =>
      this.#table.enter(HOST_NETNS, () => new NetlinkSocket(family, this.#buffer));
    return {
      route: open(NETLINK.ROUTE),
      nftables: open(NETLINK.NETFILTER),
      query: () => this.#table.route(HOST_NETNS),
      poller: this.#poller,
    };
  }

  /** Throws `conflict` when another controller works in the host's namespace; from now on none can, until `close`. */
  claim(): void {
    this.#claim ??= this.#table.enter(HOST_NETNS, claimHome);
  }

  /** A TCP socket in the host's namespace or a sandbox's, for an address of this family; the caller closes it. */
  openTcp(netns: NetnsKey, family: Family): number {
    return this.#table.enter(netns, () => openTcp(family));
  }

  /** A UDP socket there, bound to a free port of all addresses; the caller closes it. */
  openUdp(netns: NetnsKey, family: Family): number {
    return this.#table.enter(netns, () => openUdp(family));
  }

  /** A listening TCP socket there; the caller closes it. */
  listenTcp(netns: NetnsKey, at: { readonly ip: Ip; readonly port: number }): number {
    return this.#table.enter(netns, () => listenTcp(at));
  }

  /** Resolves when what finished calls, or `close`, left going is done: sockets being closed, links being deleted. */
  async settled(): Promise<void> {
    await Promise.all([this.#applier.settled(), this.#firewall.settled()]);
    if (this.#closed && this.#ownPoller) await this.#poller.settled();
  }

  /** What was made stays; so do running processes. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const watch of [...this.#watches, ...this.#sandboxWatches]) watch.close();
    this.#watches.clear();
    this.#sandboxWatches.clear();
    if (this.#ownPoller) this.#poller.close();
    this.#ports.batches.close();
    this.#ports.filters.close();
    this.#applier.close();
    this.#firewall.close();
    this.#table.close();
    this.#pins.close();
    if (this.#claim !== undefined) close(this.#claim);
    this.#namespaces.close();
  }
}

const FEATURE_LIST = Object.keys(FEATURES) as Feature[];

/** Remembers a watch; the function given ends it. */
function keep<W extends { close(): void }>(watches: Set<W>, watch: W): () => void {
  watches.add(watch);
  return () => {
    if (watches.delete(watch)) watch.close();
  };
}
