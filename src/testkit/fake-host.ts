import { NetError } from "../base/errors.ts";
import { familyOf, isUnspecified, parseIp, type Ip } from "../base/ip.ts";
import type { Blockade, FirewallElement, Sanction } from "../model/firewall.ts";
import type { Host, HostEvent, ObservedLink, ObservedNetns, PortReservation } from "../model/host.ts";
import type { TakenPrefix } from "../model/ipam.ts";
import { HOST_NETNS, type NetnsKey, type Op } from "../model/ops.ts";
import type { PortProxy, PortServer } from "../model/proxy.ts";
import type { Hindrance, ProbePacket } from "../model/probe.ts";
import { elementKey } from "../plan/firewall/index.ts";
import { FakeKernel } from "./fake-kernel.ts";

/** What a dead daemon's code meets everywhere. */
export function killed(): NetError {
  return new NetError("internal", "kill", { message: KILLED });
}

export const KILLED = "this daemon is dead";

/** Serves nothing, and knows what it would. */
interface FakeServer extends PortServer {
  readonly target: string;
}

export const fakeProxy: PortProxy = {
  open: ({ ip, port }): FakeServer => ({
    target: `${ip} ${port}`,
    connection: () => undefined,
    datagram: () => undefined,
    close: () => undefined,
  }),
};

/** A socket that holds a port. */
interface Held {
  readonly ip: Ip;
  readonly port: number;
  readonly protocol: string;
  /** Who answers there in this process. */
  server?: PortServer | undefined;
}

/**
 * A machine in memory as one daemon sees it: refuses what the kernel would refuse, and can be told to fail at a given step.
 * The kernel outlives the daemon; what a process has (sockets, subscriptions) ends with `close()` or `die()`.
 */
export class FakeHost implements Host {
  readonly kernel: FakeKernel;
  taken: TakenPrefix[] = [];
  servers: Ip[] = [parseIp("192.0.2.53")];
  blockades: readonly Blockade[] = [];
  /** What filters of others do to a packet. */
  hindrances: (packet: ProbePacket) => Hindrance[] = () => [];
  /** Features that the kernel lacks. */
  features: string[] = [];
  /** Tables of iptables-legacy. */
  legacy: ReturnType<Host["legacyTables"]> = { ip: [], ip6: [] };
  /** Ports that another process holds. */
  readonly busyPorts: Held[] = [];
  /** The host has no IPv6. */
  ipv6: boolean = true;
  uplinkMtuBytes: number | undefined;
  /** The n-th step from now fails (1: the next): steps of plans, and what is made outside them. */
  failAfter: number | undefined;
  /** How long it takes the kernel to delete a link. */
  deletion: (name: string) => Promise<void> = () => new Promise((resolve) => setImmediate(resolve));
  /** Called before the n-th step from now, which then is not done: the place to die. */
  interrupt: { nth: number; readonly now: () => void } | undefined;
  /** Steps taken so far. */
  steps = 0;
  /** By `tcp:80`. */
  readonly #ports = new Map<string, Held[]>();
  readonly #listeners = new Set<(event: HostEvent) => void>();
  readonly #sandboxListeners = new Set<(netns: NetnsKey) => void>();
  /** Where the search for a free port goes on. */
  lastPort = 49_152;
  #dead = false;

  constructor(kernel: FakeKernel = new FakeKernel()) {
    this.kernel = kernel;
  }

  /** As SIGKILL: sockets are closed by the kernel, and whatever is still to run in this process does nothing any more. */
  die(): void {
    this.close();
    this.#dead = true;
  }

  /** Tells the watchers. */
  tell(event: HostEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Tells the watchers that something was taken away in a sandbox. */
  tellOf(netns: NetnsKey): void {
    for (const listener of this.#sandboxListeners) listener(netns);
  }

  /** Ports held now, for leak checks. */
  get heldPorts(): string[] {
    return [...this.#ports.values()]
      .flat()
      .map(({ ip, port, protocol }) => `${ip}:${port}/${protocol}`)
      .toSorted();
  }

  /** Ports that are served by way of a fake proxy, and where it leads them. */
  get servedPorts(): string[] {
    return [...this.#ports.values()]
      .flat()
      .flatMap(({ ip, port, protocol, server }) =>
        server === undefined ? [] : `${ip}:${port}/${protocol} → ${(server as FakeServer).target}`,
      )
      .toSorted();
  }

  #step(what: string): void {
    this.#live();
    this.steps += 1;
    if (this.interrupt !== undefined && --this.interrupt.nth === 0) this.interrupt.now();
    this.#live();
    if (this.failAfter === undefined || --this.failAfter > 0) return;
    this.failAfter = undefined;
    throw new NetError("kernel", what, { message: `${what}: no memory (injected)`, errno: "ENOMEM" });
  }

  #live(): void {
    if (this.#dead) throw killed();
  }

  netnsPath(key: NetnsKey): string {
    return `/fake/netns/${key}`;
  }

  createNetns(key: NetnsKey): void {
    this.#step("netns.create");
    this.kernel.createNetns(key);
  }

  adoptNetns(key: NetnsKey, source: { readonly path: string } | { readonly pid: number }): void {
    this.#step("netns.adopt");
    if ("path" in source) this.kernel.adoptNetns(key, "path", source.path);
    else this.kernel.adoptNetns(key, "pid", `/proc/${source.pid}/ns/net`);
  }

  openNetns(key: NetnsKey): boolean {
    this.#live();
    return this.kernel.pins.has(key);
  }

  deleteNetns(key: NetnsKey): void {
    this.#live();
    this.kernel.deleteNetns(key);
  }

  listNetns(): NetnsKey[] {
    return [...this.kernel.pins.keys()];
  }

  /** Deletions take their time, as in Linux, and others work meanwhile. */
  async apply(ops: readonly Op[]): Promise<void> {
    const undos: (() => void)[] = [];
    try {
      for (const op of ops) {
        if (op.op === "link.delete") await this.deletion(op.name);
        this.#step(op.op);
        undos.push(this.kernel.apply(op));
      }
    } catch (error) {
      // Killed half-way means that all was done before: a plan without deletions goes in one go.
      if (!this.#dead) for (const undo of undos.toReversed()) undo();
      throw error;
    }
  }

  observe(key: NetnsKey): ObservedNetns {
    this.#live();
    const { links, routes } = this.kernel.netns(key);
    return {
      links: [...links.values()].map(({ peer: _, ...link }) => ({ ...link, addresses: [...link.addresses] })),
      routes: [...routes.values()].map((route) => ({ ...route, metric: route.metric ?? 0 })),
    };
  }

  link(name: string): ObservedLink | undefined {
    return this.observe(HOST_NETNS).links.find((link) => link.name === name);
  }

  readSysctl(key: string): string | undefined {
    this.#live();
    return this.kernel.host.sysctls.get(key);
  }

  observeFirewall(): FirewallElement[] | undefined {
    this.#live();
    return this.kernel.firewall === undefined ? undefined : [...this.kernel.firewall.values()];
  }

  redirects(key: NetnsKey, port: number): boolean {
    this.#live();
    return this.kernel.netns(key).redirect === port;
  }

  replaceFirewall(elements: readonly FirewallElement[]): void {
    this.#step("firewall.replace");
    this.kernel.firewall = new Map(elements.map((e) => [elementKey(e), e]));
  }

  removeFirewall(): void {
    this.#live();
    this.kernel.firewall = undefined;
  }

  block(blockades: readonly Blockade[]): void {
    this.#live();
    this.blockades = blockades;
  }

  /** Nobody else has a firewall here, unless told so. */
  sanction(wish: Sanction, { dryRun }: { readonly dryRun: boolean }): string[] {
    this.#live();
    const text = JSON.stringify(wish);
    if (this.kernel.sanction === undefined || this.kernel.sanction === text) return [];
    if (!dryRun) this.kernel.sanction = text;
    return ["the place for others lacks rules"];
  }

  follow(packets: readonly ProbePacket[]): Hindrance[][] {
    this.#live();
    return packets.map((packet) => this.hindrances(packet));
  }

  legacyTables(): ReturnType<Host["legacyTables"]> {
    return this.legacy;
  }

  lacking(): string[] {
    return this.features;
  }

  takenPrefixes(): TakenPrefix[] {
    this.#live();
    return this.taken;
  }

  uplinkMtu(): number | undefined {
    this.#live();
    return this.uplinkMtuBytes;
  }

  nameServers(): Ip[] {
    return this.servers;
  }

  reservePorts(request: Held & { readonly count: number }): PortReservation & { readonly port: number } {
    const { ip, protocol, count } = request;
    const first = this.#reserve({ ip, protocol, port: request.port });
    const held = [first];
    const release = (): void => {
      for (const one of held.splice(0)) this.#release(one);
    };
    try {
      for (let i = 1; i < count; i++) held.push(this.#reserve({ ip, protocol, port: first.port + i }));
    } catch (error) {
      release();
      throw error;
    }
    const serve = (servers: (index: number) => PortServer): void => {
      try {
        for (const [i, one] of held.entries()) {
          this.#step("port.serve");
          one.server = servers(i);
        }
      } catch (error) {
        rest();
        throw error;
      }
    };
    const rest = (): void => {
      for (const one of held) one.server = undefined;
    };
    return { port: first.port, serve, rest, release };
  }

  #reserve(request: Held): Held {
    this.#step("port.reserve");
    const { ip, protocol } = request;
    if (familyOf(ip) === 6 && !this.ipv6) {
      throw new NetError("unsupported", "port.reserve", { message: "the host has no IPv6" });
    }
    let { port } = request;
    if (port === 0) {
      do port = this.lastPort = this.lastPort === 65_535 ? 49_152 : this.lastPort + 1;
      while (this.#holder({ ip, port, protocol }) !== undefined);
    }
    if (port > 65_535) {
      throw new NetError("conflict", "port.publish", { message: `port ${port} is beyond 65535` });
    }
    const held: Held = { ip, port, protocol };
    if (this.#holder(held) !== undefined) {
      throw new NetError("conflict", "port.reserve", {
        message: `port ${ip}:${port}/${protocol} is held by nginx (pid 7)`,
      });
    }
    const key = `${protocol}:${port}`;
    this.#ports.set(key, [...(this.#ports.get(key) ?? []), held]);
    return held;
  }

  #release(held: Held): void {
    const key = `${held.protocol}:${held.port}`;
    const left = (this.#ports.get(key) ?? []).filter((other) => other !== held);
    if (left.length > 0) this.#ports.set(key, left);
    else this.#ports.delete(key);
  }

  #holder(wanted: Held): Held | undefined {
    const here = this.#ports.get(`${wanted.protocol}:${wanted.port}`) ?? [];
    return [...here, ...this.busyPorts].find(
      (held) =>
        held.port === wanted.port &&
        held.protocol === wanted.protocol &&
        familyOf(held.ip) === familyOf(wanted.ip) &&
        (held.ip === wanted.ip || isUnspecified(held.ip) || isUnspecified(wanted.ip)),
    );
  }

  openResolver(key: NetnsKey, port: number | undefined): { udpFd: number; tcpFd: number; port: number } {
    this.#step("resolver.open");
    if (this.kernel.netns(key).links.get("lo")?.up !== true) {
      throw new NetError("kernel", "resolver.open", { message: "EADDRNOTAVAIL", errno: "EADDRNOTAVAIL" });
    }
    return { udpFd: -1, tcpFd: -1, port: port ?? ++this.lastPort };
  }

  watch(listener: (event: HostEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  watchSandboxes(listener: (netns: NetnsKey) => void): () => void {
    this.#sandboxListeners.add(listener);
    return () => void this.#sandboxListeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    this.#sandboxListeners.clear();
    this.#ports.clear();
  }
}
