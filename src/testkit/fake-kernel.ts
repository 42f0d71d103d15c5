import type { Cidr } from "../base/cidr.ts";
import { NetError } from "../base/errors.ts";
import type { FirewallElement } from "../model/firewall.ts";
import { HOST_NETNS, type LinkSpec, type NetnsKey, type Op, type RouteSpec } from "../model/ops.ts";
import { elementData, elementKey } from "../plan/firewall/index.ts";

export interface FakeLink {
  readonly name: string;
  readonly kind: string;
  readonly index: number;
  up: boolean;
  mtuBytes: number;
  alias: string;
  /** Of a bridge: its frames meet the firewall. */
  filtered: boolean;
  master: string | undefined;
  readonly addresses: Set<Cidr>;
  peer: { readonly netns: FakeNetns; readonly name: string } | undefined;
}

export interface FakeNetns {
  readonly links: Map<string, FakeLink>;
  readonly routes: Map<string, RouteSpec>;
  readonly sysctls: Map<string, string>;
  redirect: number | undefined;
}

/**
 * The part of a machine that outlives a daemon: namespaces, links, routes, the firewall's table. It refuses what Linux would
 * refuse, and takes an operation back by the inverse it gives.
 */
export class FakeKernel {
  readonly host: FakeNetns = emptyNetns(true);
  /** Pinned namespaces, by key. */
  readonly pins: Map<NetnsKey, FakeNetns> = new Map();
  /** Namespaces of others, by path; a pid's is `/proc/<pid>/ns/net`. */
  readonly foreign: Map<string, FakeNetns> = new Map();
  /** Namespaces that a left-over process keeps alive: unpinned, they keep their links. */
  readonly kept: Set<NetnsKey> = new Set();
  /** What another firewall's place for others holds; undefined: there is none. */
  sanction: string | undefined;
  firewall: Map<string, FirewallElement> | undefined;
  #index = 1;

  netns(key: NetnsKey): FakeNetns {
    const found = key === HOST_NETNS ? this.host : this.pins.get(key);
    if (found === undefined) throw kernelError("netns", "ENOENT", key);
    return found;
  }

  createNetns(key: NetnsKey): void {
    this.#pin(key, emptyNetns(true));
  }

  adoptNetns(key: NetnsKey, field: "path" | "pid", path: string): void {
    const netns = this.foreign.get(path);
    if (netns === undefined) {
      throw new NetError("invalid", "netns.adopt", {
        message: `netns.${field}: ${path} is no network namespace`,
        field: `netns.${field}`,
        value: path,
      });
    }
    this.#pin(key, netns);
  }

  #pin(key: NetnsKey, netns: FakeNetns): void {
    if (this.pins.has(key)) {
      throw new NetError("conflict", "netns.create", { message: `namespace ${key} exists` });
    }
    this.pins.set(key, netns);
  }

  deleteNetns(key: NetnsKey): void {
    const netns = this.pins.get(key);
    this.pins.delete(key);
    if (netns === undefined || this.kept.has(key) || [...this.foreign.values()].includes(netns)) return;
    for (const name of netns.links.keys()) this.#deleteLink(netns, name);
  }

  /** Carries one step out and gives its inverse. */
  apply(op: Op): () => void {
    switch (op.op) {
      case "link.create":
        return this.#createLink(this.netns(op.netns), op.link);
      case "link.delete":
        // Gone is gone, as in Linux: no inverse.
        this.#deleteLink(this.netns(op.netns), op.name);
        return () => undefined;
      case "link.set":
        return this.#setLink(this.netns(op.netns), op);
      case "address.add": {
        const { addresses } = this.#link(op.netns, op.address.link);
        if (addresses.has(op.address.address)) throw kernelError(op.op, "EEXIST", op.address.address);
        addresses.add(op.address.address);
        return () => void addresses.delete(op.address.address);
      }
      case "address.delete": {
        // Gone is gone, as in Linux.
        const addresses = this.netns(op.netns).links.get(op.address.link)?.addresses ?? new Set();
        addresses.delete(op.address.address);
        return () => void addresses.add(op.address.address);
      }
      case "route.replace":
        if (!this.#link(op.netns, op.route.link).up) throw kernelError(op.op, "ENETDOWN", op.route.link);
        return replaced(this.netns(op.netns).routes, routeKey(op.route), op.route);
      case "route.delete":
        return replaced(this.netns(op.netns).routes, routeKey(op.route), undefined);
      case "sysctl.set":
        return replaced(this.netns(op.netns).sysctls, op.key, op.value);
      case "address.announce":
        this.#link(op.netns, op.link);
        return () => undefined;
      case "firewall.change":
        return this.#changeFirewall(op.change);
      case "resolver.redirect": {
        const netns = this.netns(op.netns);
        const before = netns.redirect;
        netns.redirect = op.port === 0 ? undefined : op.port;
        return () => void (netns.redirect = before);
      }
    }
  }

  #changeFirewall(change: Extract<Op, { op: "firewall.change" }>["change"]): () => void {
    const table = this.firewall;
    if (table === undefined) throw kernelError("firewall.change", "ENOENT", "inet netdock");
    const undos = change.remove.map((element) => replaced(table, elementKey(element), undefined));
    const takeBack = (): void => undos.toReversed().forEach((undo) => undo());
    for (const element of change.add) {
      const there = table.get(elementKey(element));
      if (there !== undefined && elementData(there) !== elementData(element)) {
        takeBack();
        throw kernelError("firewall.change", "EEXIST", elementKey(element));
      }
      undos.push(replaced(table, elementKey(element), element));
    }
    return takeBack;
  }

  #createLink(netns: FakeNetns, spec: LinkSpec): () => void {
    const { name, kind, master } = spec;
    if (netns.links.has(name)) throw kernelError("link.create", "EEXIST", name);
    if (master !== undefined && !netns.links.has(master)) throw kernelError("link.create", "ENODEV", master);
    const base = { kind: kind.type, up: spec.up, mtuBytes: spec.mtuBytes ?? 1500 };
    const link: FakeLink = {
      ...base,
      name,
      index: ++this.#index,
      alias: spec.alias ?? "",
      filtered: kind.type === "bridge" && kind.filtered === true,
      master,
      addresses: new Set(),
      peer: undefined,
    };
    if (kind.type === "veth") {
      const other = this.netns(kind.peer.netns);
      if (other.links.has(kind.peer.name)) throw kernelError("link.create", "EEXIST", kind.peer.name);
      link.peer = { netns: other, name: kind.peer.name };
      other.links.set(kind.peer.name, {
        ...base,
        name: kind.peer.name,
        index: ++this.#index,
        mtuBytes: kind.peer.mtuBytes ?? 1500,
        alias: "",
        filtered: false,
        master: undefined,
        addresses: new Set(),
        peer: { netns, name },
      });
    }
    netns.links.set(name, link);
    return () => this.#deleteLink(netns, name);
  }

  #deleteLink(netns: FakeNetns, name: string): void {
    const link = netns.links.get(name);
    if (link === undefined) return;
    dropLink(netns, name);
    if (link.peer !== undefined) dropLink(link.peer.netns, link.peer.name);
  }

  #setLink(netns: FakeNetns, { name, set }: Extract<Op, { op: "link.set" }>): () => void {
    const link = netns.links.get(name);
    if (link === undefined && set.up === false) return () => undefined;
    if (link === undefined) throw kernelError("link.set", "ENODEV", name);
    if (typeof set.master === "string" && !netns.links.has(set.master)) {
      throw kernelError("link.set", "ENODEV", set.master);
    }
    const { up, mtuBytes, master, alias, filtered } = link;
    if (set.filtered !== undefined) link.filtered = set.filtered;
    if (set.up !== undefined) link.up = set.up;
    if (set.mtuBytes !== undefined) link.mtuBytes = set.mtuBytes;
    if (set.alias !== undefined) link.alias = set.alias;
    if (set.master !== undefined) link.master = set.master ?? undefined;
    return () => void Object.assign(link, { up, mtuBytes, master, alias, filtered });
  }

  #link(key: NetnsKey, name: string): FakeLink {
    const link = this.netns(key).links.get(name);
    if (link === undefined) throw kernelError("link", "ENODEV", name);
    return link;
  }
}

function dropLink(netns: FakeNetns, name: string): void {
  const kind = netns.links.get(name)?.kind;
  netns.links.delete(name);
  for (const [key, route] of netns.routes) if (route.link === name) netns.routes.delete(key);
  if (kind !== "bridge") return;
  for (const link of netns.links.values()) if (link.master === name) link.master = undefined;
}

/** Sets or (undefined) deletes an entry; gives the inverse. */
function replaced<K, V>(map: Map<K, V>, key: K, value: V | undefined): () => void {
  const before = map.get(key);
  const put = (what: V | undefined): void => void (what === undefined ? map.delete(key) : map.set(key, what));
  put(value);
  return () => put(before);
}

/** The kernel knows one route for a destination and metric; `replace` means that one. */
function routeKey(route: RouteSpec): string {
  return `${route.destination} ${route.metric ?? 0}`;
}

/** A namespace with loopback, which is up in those that a host makes and down in those of `ip netns add`. */
export function emptyNetns(loopbackUp: boolean): FakeNetns {
  const lo: FakeLink = {
    name: "lo",
    kind: "",
    index: 1,
    up: loopbackUp,
    mtuBytes: 65_536,
    alias: "",
    filtered: false,
    master: undefined,
    addresses: new Set(),
    peer: undefined,
  };
  return { links: new Map([["lo", lo]]), routes: new Map(), sysctls: new Map(), redirect: undefined };
}

export function kernelError(op: string, errno: string, subject: string): NetError {
  return new NetError(errno === "EEXIST" ? "conflict" : "kernel", op, {
    message: `${op} ${subject}: ${errno}`,
    subject,
    errno,
  });
}
