import { NetError } from "../base/errors.ts";
import { isUnspecified, type Family, type Ip } from "../base/ip.ts";
import type { Host, PortReservation } from "../model/host.ts";
import type { SandboxId } from "../model/ids.ts";
import type { PortBinding, PortMapping } from "../model/ports.ts";

/** A binding before it is known which endpoint receives it. */
export type HeldPort = Omit<PortBinding, "endpointId">;

interface Holding {
  readonly port: HeldPort;
  readonly sockets: readonly PortReservation[];
}

/** Ephemeral ports tried before giving up: another process may take the same number on the other family. */
const EPHEMERAL_TRIES = 16;

/**
 * The host's ports that sandboxes publish, each held by a real socket. The daemon's death lets the sockets go; the next
 * start takes them again from the stored bindings.
 */
export class PortTable {
  readonly #host: Host;
  readonly #nameOf: (id: SandboxId) => string;
  readonly #held = new Map<SandboxId, Holding[]>();
  /** `tcp:8080` to who holds it, for a refusal that names the sandbox. */
  readonly #owners = new Map<string, { readonly ip: Ip; readonly sandbox: SandboxId }[]>();

  constructor(host: Host, nameOf: (id: SandboxId) => string) {
    this.#host = host;
    this.#nameOf = nameOf;
  }

  of(sandbox: SandboxId): readonly HeldPort[] {
    return (this.#held.get(sandbox) ?? []).map((h) => h.port);
  }

  /**
   * Holds every mapping on the families wanted; all or nothing. Throws `conflict` naming the sandbox or process that has
   * a port.
   */
  hold(
    sandbox: SandboxId,
    mappings: readonly PortMapping[],
    options: { readonly families: readonly Family[]; readonly defaultIp: Ip | undefined },
  ): readonly HeldPort[] {
    const done: Holding[] = [];
    try {
      for (const mapping of mappings) {
        done.push(
          ...this.#holdMapping(sandbox, mapping, hostIps(mapping, options.families, options.defaultIp)),
        );
      }
    } catch (error) {
      for (const holding of done) this.#drop(sandbox, holding);
      throw error;
    }
    this.#held.set(sandbox, [...(this.#held.get(sandbox) ?? []), ...done]);
    return done.map((h) => h.port);
  }

  /** Takes stored bindings again after a restart. Returns what could not be taken. */
  restore(sandbox: SandboxId, bindings: readonly PortBinding[]): NetError[] {
    const failures: NetError[] = [];
    for (const { endpointId: _, ...port } of bindings) {
      let sockets: PortReservation[] = [];
      try {
        sockets = this.#reserve(port.hostIp, port.hostPort, port.count, port.protocol);
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        failures.push(error);
      }
      const holding = { port, sockets };
      this.#note(sandbox, holding.port);
      this.#held.set(sandbox, [...(this.#held.get(sandbox) ?? []), holding]);
    }
    return failures;
  }

  release(sandbox: SandboxId): void {
    for (const holding of this.#held.get(sandbox) ?? []) this.#drop(sandbox, holding);
    this.#held.delete(sandbox);
  }

  close(): void {
    for (const sandbox of [...this.#held.keys()]) this.release(sandbox);
  }

  #holdMapping(sandbox: SandboxId, mapping: PortMapping, ips: readonly Ip[]): Holding[] {
    const { protocol, containerPort, count } = mapping;
    for (let attempt = 1; ; attempt++) {
      const done: Holding[] = [];
      // One free number serves all addresses of the mapping: what `0.0.0.0` gets, `::` must get too.
      let hostPort = mapping.hostPort;
      try {
        for (const hostIp of ips) {
          if (hostPort !== undefined) this.#refuseTaken(hostIp, hostPort, count, mapping, sandbox);
          const sockets = this.#reserve(hostIp, hostPort ?? 0, count, protocol);
          hostPort ??= sockets.port;
          const port: HeldPort = { protocol, containerPort, count, hostIp, hostPort };
          this.#note(sandbox, port);
          done.push({ port, sockets });
        }
        return done;
      } catch (error) {
        for (const holding of done) this.#drop(sandbox, holding);
        if (mapping.hostPort !== undefined || attempt === EPHEMERAL_TRIES) throw error;
      }
    }
  }

  #reserve(
    ip: Ip,
    first: number,
    count: number,
    protocol: PortMapping["protocol"],
  ): PortReservation[] & { port: number } {
    const sockets: PortReservation[] & { port: number } = Object.assign([], { port: first });
    try {
      for (let i = 0; i < count; i++) {
        const wanted = sockets.port === 0 ? 0 : sockets.port + i;
        const socket = this.#host.reservePort({ ip, port: wanted, protocol });
        if (sockets.port === 0) sockets.port = socket.port;
        sockets.push(socket);
      }
      return sockets;
    } catch (error) {
      for (const socket of sockets) socket.release();
      throw error;
    }
  }

  #refuseTaken(ip: Ip, first: number, count: number, mapping: PortMapping, self: SandboxId): void {
    for (let port = first; port < first + count; port++) {
      const owner = this.#owners
        .get(`${mapping.protocol}:${port}`)
        ?.find((o) => o.ip === ip || (sameFamily(o.ip, ip) && (isUnspecified(o.ip) || isUnspecified(ip))));
      if (owner === undefined) continue;
      const who = owner.sandbox === self ? "this sandbox itself" : `sandbox ${this.#nameOf(owner.sandbox)}`;
      throw new NetError("conflict", "port.publish", {
        message: `port ${port}/${mapping.protocol} on ${ip} is already published by ${who}`,
        subject: `${port}/${mapping.protocol}`,
        field: "publish",
        value: `${ip}:${port}`,
        remedy: "publish another port, or leave the host port out to get a free one",
      });
    }
  }

  #note(sandbox: SandboxId, port: HeldPort): void {
    for (let i = 0; i < port.count; i++) {
      const key = `${port.protocol}:${port.hostPort + i}`;
      this.#owners.set(key, [...(this.#owners.get(key) ?? []), { ip: port.hostIp, sandbox }]);
    }
  }

  #drop(sandbox: SandboxId, { port, sockets }: Holding): void {
    for (const socket of sockets) socket.release();
    for (let i = 0; i < port.count; i++) {
      const key = `${port.protocol}:${port.hostPort + i}`;
      const left = (this.#owners.get(key) ?? []).filter((o) => o.sandbox !== sandbox || o.ip !== port.hostIp);
      if (left.length > 0) this.#owners.set(key, left);
      else this.#owners.delete(key);
    }
  }
}

function sameFamily(a: Ip, b: Ip): boolean {
  return a.includes(":") === b.includes(":");
}

/** Host addresses of a mapping: its own, the network's default, or every address of the families wanted. */
function hostIps(mapping: PortMapping, families: readonly Family[], defaultIp: Ip | undefined): Ip[] {
  const chosen =
    mapping.hostIp ?? (defaultIp !== undefined && !isUnspecified(defaultIp) ? defaultIp : undefined);
  if (chosen !== undefined) return families.includes(chosen.includes(":") ? 6 : 4) ? [chosen] : [];
  return families.map((family) => (family === 4 ? "0.0.0.0" : "::") as Ip);
}
