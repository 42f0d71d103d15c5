import { NetError } from "../base/errors.ts";
import type { Ip } from "../base/ip.ts";
import type { FirewallElement } from "../model/firewall.ts";
import type { Host, HostEvent, ObservedNetns, PortReservation, ResolverSockets } from "../model/host.ts";
import type { TakenPrefix } from "../model/ipam.ts";
import type { NetnsKey, Op } from "../model/ops.ts";
import type { Protocol } from "../model/ports.ts";
import { Applier } from "./apply.ts";
import { ThreadNamespaces } from "./netns.ts";
import { NetnsTable } from "./netns-table.ts";
import { observeNetns } from "./observe.ts";
import { NetnsPins } from "./pins.ts";

export interface LinuxHostOptions {
  /** Folder for what lives as long as the machine is up; `netns/` in it holds the namespaces' pins. */
  readonly runDir: string;
  /** Descriptor of the namespace that is the host; absent: the calling thread's own. It stays the caller's. */
  readonly homeNetnsFd?: number | undefined;
}

export function openLinuxHost(options: LinuxHostOptions): LinuxHost {
  return new LinuxHost(options);
}

/** `Host` by netlink. Belongs to the thread that opened it. */
export class LinuxHost implements Host {
  readonly #namespaces = new ThreadNamespaces();
  readonly #pins: NetnsPins;
  readonly #table: NetnsTable;
  readonly #applier: Applier;

  constructor(options: LinuxHostOptions) {
    // Where all answers land, one after another. Dumps come in pieces of at most 32 KiB (netlink_dump).
    const buffer = new Uint8Array(0x2_0000);
    this.#pins = new NetnsPins(options.runDir);
    this.#table = new NetnsTable({
      namespaces: this.#namespaces,
      pins: this.#pins,
      buffer,
      homeFd: options.homeNetnsFd,
    });
    this.#applier = new Applier({
      table: this.#table,
      buffer,
      firewall: { change: todo, redirectResolver: todo },
    });
  }

  netnsPath(key: NetnsKey): string {
    return this.#pins.path(key);
  }

  createNetns(key: NetnsKey): void {
    this.#table.create(key);
  }

  adoptNetns(key: NetnsKey, source: { readonly path: string } | { readonly pid: number }): void {
    this.#table.adopt(key, source);
  }

  openNetns(key: NetnsKey): boolean {
    return this.#table.open(key);
  }

  deleteNetns(key: NetnsKey): void {
    this.#applier.forget(key);
    this.#table.delete(key);
  }

  listNetns(): NetnsKey[] {
    return this.#pins.list();
  }

  apply(ops: readonly Op[]): Promise<void> {
    return this.#applier.apply(ops);
  }

  observe(netns: NetnsKey): ObservedNetns {
    try {
      return observeNetns(this.#table.route(netns));
    } finally {
      this.#table.rest(netns);
    }
  }

  observeFirewall(): FirewallElement[] | undefined {
    return todo();
  }

  replaceFirewall(_elements: readonly FirewallElement[]): void {
    todo();
  }

  removeFirewall(): void {
    todo();
  }

  takenPrefixes(): TakenPrefix[] {
    return todo();
  }

  nameServers(): Ip[] {
    return todo();
  }

  reservePort(_request: {
    readonly ip: Ip;
    readonly port: number;
    readonly protocol: Protocol;
  }): PortReservation & {
    readonly port: number;
  } {
    return todo();
  }

  openResolver(_netns: NetnsKey, _port: number | undefined): ResolverSockets {
    return todo();
  }

  watch(_listener: (event: HostEvent) => void): () => void {
    return todo();
  }

  close(): void {
    this.#applier.close();
    this.#table.close();
    this.#pins.close();
    this.#namespaces.close();
  }
}

function todo(): never {
  throw new NetError("internal", "host", { message: "not written yet" });
}
