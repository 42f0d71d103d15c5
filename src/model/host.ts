import type { Cidr } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Mac } from "../base/mac.ts";
import type { Blockade, FirewallElement, Sanction } from "./firewall.ts";
import type { TakenPrefix } from "./ipam.ts";
import type { NetnsKey, Op } from "./ops.ts";
import type { Protocol } from "./ports.ts";
import type { PortServer } from "./proxy.ts";
import type { Hindrance, ProbePacket } from "./probe.ts";

/** A link as the kernel shows it. */
export interface ObservedLink {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`, …; empty for hardware and lo. */
  readonly kind: string;
  readonly up: boolean;
  readonly mac?: Mac | undefined;
  readonly mtuBytes: number;
  readonly alias: string;
  /** Name of the bridge it is a port of. */
  readonly master?: string | undefined;
  readonly addresses: readonly Cidr[];
  /** Those of `addresses` whose prefix the kernel routed to the link, as it does with each, and no longer does. */
  readonly unrouted?: readonly Cidr[] | undefined;
  /** Of bridges: frames within it meet the host's firewall, by a setting of its own. */
  readonly filtered?: boolean | undefined;
  /** Of ports of bridges: frames to other such ports meet the host's firewall, or are not passed on; see LinkSpec.isolated. */
  readonly apart?: boolean | undefined;
}

export interface ObservedRoute {
  readonly destination: Cidr;
  readonly via?: Ip | undefined;
  readonly link?: string | undefined;
  readonly metric: number;
}

export interface ObservedNetns {
  readonly links: readonly ObservedLink[];
  readonly routes: readonly ObservedRoute[];
}

/** Something changed in the host's namespace that we did not do. */
export type HostEvent =
  | { readonly kind: "link"; readonly name: string; readonly gone: boolean }
  | { readonly kind: "address"; readonly link: string }
  /** `link` is one of ours, when a route by it is gone. */
  | { readonly kind: "route"; readonly link?: string | undefined }
  | { readonly kind: "firewall" };

/** Neighbouring ports of the host, each held by a real socket, so that nobody else binds them. */
export interface PortReservation {
  /**
   * Answers by way of a server a port from now on, until `rest`; otherwise nothing answers. TCP and UDP. `loopbackOnly`: of
   * sockets on `::`, what is sent to ::1. A server is asked for when the first client comes.
   */
  serve(servers: (index: number) => PortServer, options: { readonly loopbackOnly: boolean }): void;
  rest(): void;
  release(): void;
}

export interface ResolverSockets {
  /** Bound UDP socket and listening TCP socket on 127.0.0.11 with the same port, opened inside the sandbox. */
  readonly udpFd: number;
  readonly tcpFd: number;
  readonly port: number;
}

/**
 * The machine, as the engine sees it. `kernel/` implements it with netlink; `testkit/` with a fake that keeps the same
 * state in memory. Every failure is a NetError.
 */
export interface Host {
  /** Namespaces are known by key. Path of the bind mount under the run directory. */
  netnsPath(key: NetnsKey): string;
  /** Makes a namespace with loopback up, pinned by a bind mount. */
  createNetns(key: NetnsKey): void;
  /** Pins an existing namespace; throws `invalid` naming the path or pid when it is no network namespace. */
  adoptNetns(key: NetnsKey, source: { readonly path: string } | { readonly pid: number }): void;
  /** Opens a namespace pinned before (daemon restart); false when the pin is gone or not a namespace. */
  openNetns(key: NetnsKey): boolean;
  /** Unpins; the kernel reaps the namespace, with all its links, once nothing else uses it. Unknown keys are fine. */
  deleteNetns(key: NetnsKey): void;
  /** Keys of all pins under the run directory. */
  listNetns(): NetnsKey[];

  /**
   * Carries out a plan: messages to one namespace travel together, firewall changes are one transaction. All or nothing:
   * on failure what was done is undone and the error names the step.
   */
  apply(ops: readonly Op[]): Promise<void>;

  observe(netns: NetnsKey): ObservedNetns;
  /** A link of the host by its name; undefined when there is none. */
  link(name: string): ObservedLink | undefined;
  /** Value of a sysctl of the host's; undefined when there is no such key. */
  readSysctl(key: string): string | undefined;
  /** Elements of our table, undefined when the table is absent or not as we make it. */
  observeFirewall(): FirewallElement[] | undefined;
  /** Whether a sandbox's port 53 of the resolver leads to `port`, by rules as we make them. */
  redirects(netns: NetnsKey, port: number): boolean;
  /** Writes the whole table anew in one transaction. */
  replaceFirewall(elements: readonly FirewallElement[]): void;
  /** Removes the table. */
  removeFirewall(): void;

  /**
   * Loses what the blockades say, from now on and in one step, instead of what earlier ones said; none: everything passes.
   * Throws `unsupported` on a kernel without nf_tables for bridges.
   */
  block(blockades: readonly Blockade[]): void;

  /**
   * Lets traffic of ours pass where other firewalls leave a place for that (Docker's chain DOCKER-USER), and takes away what is
   * not wished any more. Gives what differed, in words; nothing where there is no such place.
   */
  sanction(wish: Sanction, options: { readonly dryRun: boolean }): string[];
  /** What the host's filters, whoever made them, would do to these packets; see Hindrance. None: it passes. */
  follow(packets: readonly ProbePacket[]): Hindrance[][];
  /** Tables of iptables-legacy by family, whose rules `follow` does not see; empty lists nearly everywhere. */
  legacyTables(): Readonly<Record<"ip" | "ip6", readonly string[]>>;
  /** What the kernel lacks of all that netdock can use, in words. */
  lacking(): string[];

  /** Prefixes the host routes to, and its resolvers: what no default pool may overlap. Left out are `pools`, and what leads
   * to our own bridges. */
  takenPrefixes(pools: ReadonlySet<Cidr>): TakenPrefix[];
  /** MTU in bytes of the link by which the host reaches the world, by IPv4 if it can; undefined when it does not. */
  uplinkMtu(): number | undefined;
  /** Name servers of the host's resolv.conf. */
  nameServers(): Ip[];

  /**
   * Holds `count` ports from `port` on, all or none. Throws `conflict` naming the process that has one. Port 0 takes a free one.
   */
  reservePorts(request: {
    readonly ip: Ip;
    readonly port: number;
    readonly count: number;
    readonly protocol: Protocol;
  }): PortReservation & {
    readonly port: number;
  };

  /** Opens the embedded resolver's sockets in a sandbox; `port` is tried first. */
  openResolver(netns: NetnsKey, port: number | undefined): ResolverSockets;

  /** Events of the host's namespace, until the returned function is called. */
  watch(listener: (event: HostEvent) => void): () => void;
  /**
   * Names sandboxes in which a link, an address, a route or a rule was taken away, until the returned function is called. It
   * may have been our own doing.
   */
  watchSandboxes(listener: (netns: NetnsKey) => void): () => void;
  close(): void;
}
