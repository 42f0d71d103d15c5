import { NetError } from "../base/errors.ts";
import type { Cidr } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Blockade, FirewallElement } from "../model/firewall.ts";
import type { Host, HostEvent, ObservedNetns, PortReservation } from "../model/host.ts";
import type { TakenPrefix } from "../model/ipam.ts";
import { HOST_NETNS, type LinkSpec, type NetnsKey, type Op, type RouteSpec } from "../model/ops.ts";
import { elementKey } from "../plan/firewall/index.ts";

interface FakeLink {
  readonly name: string;
  readonly kind: string;
  readonly index: number;
  up: boolean;
  mtuBytes: number;
  alias: string;
  master: string | undefined;
  readonly addresses: Set<Cidr>;
  readonly peer?: { readonly netns: NetnsKey; readonly name: string };
}

interface FakeNetns {
  readonly links: Map<string, FakeLink>;
  readonly routes: Map<string, RouteSpec>;
  readonly sysctls: Map<string, string>;
  redirect: number | undefined;
}

/**
 * A machine in memory: refuses what the kernel would refuse, and can be told to fail at a given step. It outlives the
 * engine, as the kernel does, so that restarts can be played.
 */
export class FakeHost implements Host {
  readonly namespaces: Map<NetnsKey, FakeNetns> = new Map([[HOST_NETNS, emptyNetns()]]);
  firewall: Map<string, FirewallElement> | undefined;
  blockades: readonly Blockade[] = [];
  taken: TakenPrefix[] = [];
  servers: Ip[] = ["192.0.2.53" as Ip];
  /** Ports that "another process" holds: `0.0.0.0:80/tcp`. */
  readonly busyPorts: Set<string> = new Set();
  /** The n-th op from now fails (1: the next); counts down over every apply. */
  failAfter: number | undefined;
  readonly #reserved = new Set<string>();
  readonly #listeners = new Set<(event: HostEvent) => void>();
  #index = 1;
  #port = 49_152;

  netnsPath(key: NetnsKey): string {
    return `/fake/netns/${key}`;
  }

  createNetns(key: NetnsKey): void {
    if (this.namespaces.has(key)) {
      throw new NetError("conflict", "netns.create", { message: `namespace ${key} exists` });
    }
    this.namespaces.set(key, emptyNetns());
  }

  adoptNetns(key: NetnsKey, source: { readonly path: string } | { readonly pid: number }): void {
    if ("path" in source && !source.path.startsWith("/run/netns/")) {
      throw new NetError("invalid", "netns.adopt", {
        message: `netns.path: ${source.path} is no network namespace`,
      });
    }
    this.createNetns(key);
  }

  openNetns(key: NetnsKey): boolean {
    return this.namespaces.has(key);
  }

  deleteNetns(key: NetnsKey): void {
    for (const link of this.namespaces.get(key)?.links.values() ?? []) {
      if (link.peer !== undefined) this.namespaces.get(link.peer.netns)?.links.delete(link.peer.name);
    }
    this.namespaces.delete(key);
  }

  listNetns(): NetnsKey[] {
    return [...this.namespaces.keys()].filter((key) => key !== HOST_NETNS);
  }

  block(blockades: readonly Blockade[]): void {
    this.blockades = blockades;
  }

  apply(ops: readonly Op[]): Promise<void> {
    const before = structuredClone({ namespaces: this.namespaces, firewall: this.firewall });
    try {
      for (const op of ops) {
        if (this.failAfter !== undefined && --this.failAfter === 0) {
          this.failAfter = undefined;
          throw new NetError("kernel", op.op, { message: `${op.op}: no memory (injected)`, errno: "ENOMEM" });
        }
        this.#applyOne(op);
      }
      return Promise.resolve();
    } catch (error) {
      this.namespaces.clear();
      for (const [key, value] of before.namespaces) this.namespaces.set(key, value);
      this.firewall = before.firewall;
      return Promise.reject(error as Error);
    }
  }

  #applyOne(op: Op): void {
    switch (op.op) {
      case "link.create":
        this.#createLink(op.netns, op.link);
        break;
      case "link.delete": {
        const { links } = this.#netns(op.netns);
        const link = links.get(op.name);
        if (link?.peer !== undefined) this.namespaces.get(link.peer.netns)?.links.delete(link.peer.name);
        links.delete(op.name);
        this.#dropRoutes(op.netns, op.name);
        if (link?.peer !== undefined) this.#dropRoutes(link.peer.netns, link.peer.name);
        break;
      }
      case "link.set": {
        const link = this.#link(op.netns, op.name);
        if (op.set.up !== undefined) link.up = op.set.up;
        if (op.set.mtuBytes !== undefined) link.mtuBytes = op.set.mtuBytes;
        if (op.set.master !== undefined) link.master = op.set.master ?? undefined;
        break;
      }
      case "address.add": {
        const { addresses } = this.#link(op.netns, op.address.link);
        if (addresses.has(op.address.address)) throw kernelError(op.op, "EEXIST", op.address.address);
        addresses.add(op.address.address);
        break;
      }
      case "address.delete":
        this.#link(op.netns, op.address.link).addresses.delete(op.address.address);
        break;
      case "route.replace":
        this.#link(op.netns, op.route.link);
        this.#netns(op.netns).routes.set(`${op.route.destination} ${op.route.metric ?? 0}`, op.route);
        break;
      case "route.delete":
        this.#netns(op.netns).routes.delete(`${op.route.destination} ${op.route.metric ?? 0}`);
        break;
      case "sysctl.set":
        this.#netns(op.netns).sysctls.set(op.key, op.value);
        break;
      case "firewall.change": {
        this.firewall ??= new Map();
        for (const element of op.change.remove) this.firewall.delete(elementKey(element));
        for (const element of op.change.add) this.firewall.set(elementKey(element), element);
        break;
      }
      case "resolver.redirect":
        this.#netns(op.netns).redirect = op.port;
        break;
    }
  }

  #createLink(netns: NetnsKey, spec: LinkSpec): void {
    const { links } = this.#netns(netns);
    if (links.has(spec.name)) throw kernelError("link.create", "EEXIST", spec.name);
    const peer = spec.kind.type === "veth" ? spec.kind.peer : undefined;
    if (spec.master !== undefined && !links.has(spec.master))
      throw kernelError("link.create", "ENODEV", spec.master);
    const common = { kind: spec.kind.type, up: spec.up, mtuBytes: spec.mtuBytes ?? 1500 };
    if (peer !== undefined) {
      const inside = this.#netns(peer.netns).links;
      if (inside.has(peer.name)) throw kernelError("link.create", "EEXIST", peer.name);
      inside.set(peer.name, {
        ...common,
        name: peer.name,
        index: ++this.#index,
        alias: "",
        master: undefined,
        addresses: new Set(),
        peer: { netns, name: spec.name },
      });
    }
    links.set(spec.name, {
      ...common,
      name: spec.name,
      index: ++this.#index,
      alias: spec.alias ?? "",
      master: spec.master,
      addresses: new Set(),
      ...(peer === undefined ? {} : { peer: { netns: peer.netns, name: peer.name } }),
    });
  }

  #dropRoutes(netns: NetnsKey, link: string): void {
    const routes = this.namespaces.get(netns)?.routes;
    for (const [key, route] of routes ?? []) if (route.link === link) routes?.delete(key);
  }

  #netns(key: NetnsKey): FakeNetns {
    const found = this.namespaces.get(key);
    if (found === undefined) throw kernelError("netns", "ENOENT", key);
    return found;
  }

  #link(netns: NetnsKey, name: string): FakeLink {
    const link = this.#netns(netns).links.get(name);
    if (link === undefined) throw kernelError("link", "ENODEV", name);
    return link;
  }

  observe(netns: NetnsKey): ObservedNetns {
    const { links, routes } = this.#netns(netns);
    return {
      links: [...links.values()].map((l) => ({ ...l, addresses: [...l.addresses] })),
      routes: [...routes.values()].map((r) => ({ ...r, metric: r.metric ?? 0 })),
    };
  }

  observeFirewall(): FirewallElement[] | undefined {
    return this.firewall === undefined ? undefined : [...this.firewall.values()];
  }

  replaceFirewall(elements: readonly FirewallElement[]): void {
    this.firewall = new Map(elements.map((e) => [elementKey(e), e]));
  }

  removeFirewall(): void {
    this.firewall = undefined;
  }

  takenPrefixes(): TakenPrefix[] {
    return this.taken;
  }

  nameServers(): Ip[] {
    return this.servers;
  }

  reservePort(request: {
    readonly ip: Ip;
    readonly port: number;
    readonly protocol: string;
  }): PortReservation & { readonly port: number } {
    const port = request.port === 0 ? ++this.#port : request.port;
    const key = `${request.ip}:${port}/${request.protocol}`;
    if (this.#reserved.has(key) || this.busyPorts.has(key)) {
      throw new NetError("conflict", "port.reserve", { message: `port ${key} is held by nginx (pid 7)` });
    }
    this.#reserved.add(key);
    return { port, release: () => void this.#reserved.delete(key) };
  }

  /** Ports held now, for leak checks. */
  get heldPorts(): string[] {
    return [...this.#reserved].toSorted();
  }

  openResolver(_netns: NetnsKey, port: number | undefined): { udpFd: number; tcpFd: number; port: number } {
    return { udpFd: -1, tcpFd: -1, port: port ?? ++this.#port };
  }

  watch(listener: (event: HostEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    this.#reserved.clear();
  }
}

function emptyNetns(): FakeNetns {
  return { links: new Map(), routes: new Map(), sysctls: new Map(), redirect: undefined };
}

function kernelError(op: string, errno: string, subject: string): NetError {
  return new NetError(errno === "EEXIST" ? "conflict" : "kernel", op, {
    message: `${op} ${subject}: ${errno}`,
    subject,
    errno,
  });
}
