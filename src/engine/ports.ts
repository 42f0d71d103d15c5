import { isNetError, NetError } from "../base/errors.ts";
import { familyOf, type Ip } from "../base/ip.ts";
import type { Host } from "../model/host.ts";
import type { SandboxId } from "../model/ids.ts";
import type { PortBinding, PortMapping } from "../model/ports.ts";
import type { PortProxy } from "../model/proxy.ts";
import { PortOwners } from "./port-owners.ts";
import { reserveRange, type ReservedRange } from "./port-range.ts";
import { inPublish, noneFree } from "./port-refusal.ts";
import { fulfils, type HeldPort, hostIps, isSamePort, numbersOf, type PublishPlace } from "./port-wish.ts";

interface Holding {
  readonly port: HeldPort;
  /** The wish it fulfils; undefined when a stored binding has none any more. */
  readonly mapping: PortMapping | undefined;
  /** Undefined when another process took the port while no daemon held it. */
  readonly range: ReservedRange | undefined;
  /** Where the proxy leads it; undefined where addresses are translated, or nobody receives it. */
  proxied: Ip | undefined;
}

/** A held port whose traffic goes by way of the proxy. */
export interface ProxiedPort {
  readonly port: HeldPort;
  /** The sandbox's address. */
  readonly target: Ip;
}

/**
 * The host's ports that sandboxes publish, each held by a real socket. The daemon's death lets the sockets go; the next
 * start takes them again from the stored bindings.
 */
export class PortTable {
  readonly #host: Host;
  readonly #proxy: PortProxy;
  readonly #owners: PortOwners;
  readonly #held = new Map<SandboxId, readonly Holding[]>();

  constructor(parts: { readonly host: Host; readonly proxy: PortProxy }, nameOf: (id: SandboxId) => string) {
    this.#host = parts.host;
    this.#proxy = parts.proxy;
    this.#owners = new PortOwners(nameOf);
  }

  of(sandbox: SandboxId): readonly HeldPort[] {
    const held = this.#held.get(sandbox);
    return held === undefined ? [] : held.map((h) => h.port);
  }

  /** What is held for these mappings. */
  heldFor(sandbox: SandboxId, mappings: ReadonlySet<PortMapping>): readonly HeldPort[] {
    const held = this.#held.get(sandbox) ?? [];
    return held.flatMap(({ port, mapping }) =>
      mapping !== undefined && mappings.has(mapping) ? [port] : [],
    );
  }

  /**
   * Holds what is still missing of the mappings in these places, all or nothing; returns what came to be held. Throws
   * `conflict` naming the sandbox or process that has a port.
   */
  hold(
    sandbox: SandboxId,
    mappings: readonly PortMapping[],
    places: readonly PublishPlace[],
  ): readonly HeldPort[] {
    const before = this.#held.get(sandbox) ?? [];
    const done: Holding[] = [];
    try {
      mappings.forEach((mapping, i) => {
        const mine = before.filter((h) => h.mapping === mapping);
        const ips = hostIps(mapping, places).filter(
          (ip) => !mine.some((h) => familyOf(h.port.hostIp) === familyOf(ip)),
        );
        done.push(...this.#holdMapping({ sandbox, mapping, ips, number: mine[0]?.port.hostPort, index: i }));
      });
    } catch (error) {
      this.#let(sandbox, done);
      throw error;
    }
    if (done.length > 0) this.#held.set(sandbox, [...before, ...done]);
    return done.map((h) => h.port);
  }

  /** Takes stored bindings again after a restart. Returns what could not be taken; it counts as held all the same. */
  restore(
    sandbox: SandboxId,
    mappings: readonly PortMapping[],
    bindings: readonly PortBinding[],
  ): NetError[] {
    const failures: NetError[] = [];
    const done = bindings.map(({ endpointId: _, ...port }): Holding => {
      this.#owners.add(sandbox, port);
      const mapping = mappings.find((m) => fulfils(port, m));
      try {
        const range = reserveRange(this.#host, port, port.hostIp, port.hostPort);
        return { port, mapping, range, proxied: undefined };
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        failures.push(error);
        return { port, mapping, range: undefined, proxied: undefined };
      }
    });
    if (done.length > 0) this.#held.set(sandbox, done);
    return failures;
  }

  /** Lets go of the ports that `hold` returned. */
  drop(sandbox: SandboxId, ports: readonly HeldPort[]): void {
    this.#keepIf(sandbox, (port) => !ports.includes(port));
  }

  /** Lets go of the ports that none of these places would be held for. */
  keepPlaces(sandbox: SandboxId, places: readonly PublishPlace[]): void {
    const kept = this.keptFor(sandbox, places);
    this.#keepIf(sandbox, (port) => kept.includes(port));
  }

  /** Those of the sandbox's ports that stay held when it publishes in these places. */
  keptFor(sandbox: SandboxId, places: readonly PublishPlace[]): readonly HeldPort[] {
    const held = this.#held.get(sandbox) ?? [];
    return held.flatMap(({ port, mapping }) => {
      const family = familyOf(port.hostIp);
      const stays =
        mapping === undefined
          ? places.some((place) => place.family === family && !place.opened)
          : hostIps(mapping, places).some((ip) => familyOf(ip) === family);
      return stays ? [port] : [];
    });
  }

  /** Puts other wishes, which differ in who may use a port, in the place of these; the ports stay held, and are led as before. */
  replaceMappings(sandbox: SandboxId, changed: ReadonlyMap<PortMapping, PortMapping>): void {
    const held = this.#held.get(sandbox);
    if (held === undefined) return;
    const next = held.map((holding) => {
      const mapping = holding.mapping === undefined ? undefined : changed.get(holding.mapping);
      if (mapping === undefined) return holding;
      const { from: _, ...port } = holding.port;
      return {
        ...holding,
        mapping,
        port: mapping.from === undefined ? port : { ...port, from: mapping.from },
      };
    });
    this.#held.set(sandbox, next);
  }

  /** The ports that are led by the proxy from now on; all others of the sandbox are not. */
  serve(sandbox: SandboxId, proxied: readonly ProxiedPort[]): void {
    for (const holding of this.#held.get(sandbox) ?? []) {
      const target = proxied.find((p) => isSamePort(p.port, holding.port))?.target;
      if (holding.proxied === target) continue;
      holding.proxied = undefined;
      const to = target === undefined ? undefined : { ip: target, port: holding.port.containerPort };
      holding.range?.serve(this.#proxy, to);
      holding.proxied = target;
    }
  }

  release(sandbox: SandboxId): void {
    this.#keepIf(sandbox, () => false);
  }

  close(): void {
    for (const sandbox of [...this.#held.keys()]) this.release(sandbox);
  }

  #keepIf(sandbox: SandboxId, stays: (port: HeldPort) => boolean): void {
    const held = this.#held.get(sandbox);
    if (held === undefined) return;
    const left = held.filter(({ port }) => stays(port));
    if (left.length === 0) this.#held.delete(sandbox);
    else this.#held.set(sandbox, left);
    this.#let(
      sandbox,
      held.filter((h) => !left.includes(h)),
    );
  }

  #let(sandbox: SandboxId, holdings: readonly Holding[]): void {
    for (const { port, range } of holdings) {
      range?.release();
      this.#owners.delete(sandbox, port);
    }
  }

  /** Holds one mapping on some addresses. `number`: the port it has in the other family. */
  #holdMapping(want: {
    readonly sandbox: SandboxId;
    readonly mapping: PortMapping;
    readonly ips: readonly Ip[];
    readonly number: number | undefined;
    readonly index: number;
  }): Holding[] {
    const { sandbox, mapping, ips, index } = want;
    // One number serves all addresses of the mapping: what `0.0.0.0` gets, `::` gets too.
    const numbers = numbersOf(mapping, want.number);
    for (const [attempt, first] of numbers.entries()) {
      const done: Holding[] = [];
      let number = first;
      try {
        for (const hostIp of ips) {
          const holding = this.#holdOne(sandbox, mapping, hostIp, number);
          if (holding === undefined) continue;
          done.push(holding);
          number ??= holding.port.hostPort;
        }
        return done;
      } catch (error) {
        this.#let(sandbox, done);
        const again = isNetError(error, "conflict") && attempt < numbers.length - 1;
        if (!again) throw inPublish(noneFree(error, mapping), index);
      }
    }
    return [];
  }

  #holdOne(
    sandbox: SandboxId,
    mapping: PortMapping,
    hostIp: Ip,
    number: number | undefined,
  ): Holding | undefined {
    const { protocol, containerPort, count, from } = mapping;
    const at = (hostPort: number): HeldPort => {
      const port = { protocol, containerPort, count, hostIp, hostPort };
      return from === undefined ? port : { ...port, from };
    };
    if (number !== undefined) this.#owners.refuseTaken(sandbox, at(number));
    let range: ReservedRange;
    try {
      range = reserveRange(this.#host, mapping, hostIp, number);
    } catch (error) {
      // A host without IPv6 still publishes on every address it has.
      if (mapping.hostIp === undefined && error instanceof NetError && error.code === "unsupported") {
        return undefined;
      }
      throw error;
    }
    const port = at(range.first);
    try {
      // A number the host found free may still be ours: one whose socket a restart could not take again.
      if (number === undefined) this.#owners.refuseTaken(sandbox, port);
    } catch (error) {
      range.release();
      throw error;
    }
    this.#owners.add(sandbox, port);
    return { port, mapping, range, proxied: undefined };
  }
}
