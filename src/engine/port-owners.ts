import { NetError } from "../base/errors.ts";
import { familyOf, isUnspecified, type Ip } from "../base/ip.ts";
import type { SandboxId } from "../model/ids.ts";
import type { PortBinding, Protocol } from "../model/ports.ts";

type Port = Pick<PortBinding, "protocol" | "hostIp" | "hostPort" | "count">;

interface Owner {
  readonly ip: Ip;
  readonly sandbox: SandboxId;
}

/**
 * Which sandbox publishes which port, for a refusal that names it. Two addresses meet when one is every address. Single ports are
 * found by their number; ranges are few and are looked through.
 */
export class PortOwners {
  readonly #nameOf: (id: SandboxId) => string;
  /** By protocol and number. */
  readonly #singles = new Map<string, Owner[]>();
  #ranges: (Owner & { readonly port: Port })[] = [];

  constructor(nameOf: (id: SandboxId) => string) {
    this.#nameOf = nameOf;
  }

  add(sandbox: SandboxId, port: Port): void {
    const owner = { ip: port.hostIp, sandbox };
    if (port.count > 1) {
      this.#ranges.push({ ...owner, port });
      return;
    }
    const key = keyOf(port.protocol, port.hostPort);
    const owners = this.#singles.get(key);
    if (owners === undefined) this.#singles.set(key, [owner]);
    else owners.push(owner);
  }

  delete(sandbox: SandboxId, port: Port): void {
    const isIt = (o: Owner): boolean => o.sandbox === sandbox && o.ip === port.hostIp;
    if (port.count > 1) {
      this.#ranges = this.#ranges.filter((o) => !(isIt(o) && sameSpan(o.port, port)));
      return;
    }
    const key = keyOf(port.protocol, port.hostPort);
    const left = (this.#singles.get(key) ?? []).filter((o) => !isIt(o));
    if (left.length > 0) this.#singles.set(key, left);
    else this.#singles.delete(key);
  }

  /** Throws `conflict` when a port of the range is published already. */
  refuseTaken(self: SandboxId, port: Port): void {
    const { hostIp, hostPort, protocol, count } = port;
    const near = this.#ranges.filter((o) => overlaps(o.port, port) && meets(o.ip, hostIp));
    for (let number = hostPort; number < hostPort + count; number++) {
      const owner =
        this.#singles.get(keyOf(protocol, number))?.find((o) => meets(o.ip, hostIp)) ??
        near.find((o) => o.port.hostPort <= number && number < o.port.hostPort + o.port.count);
      if (owner === undefined) continue;
      const who = owner.sandbox === self ? "this sandbox itself" : `sandbox ${this.#nameOf(owner.sandbox)}`;
      throw new NetError("conflict", "port.publish", {
        message: `port ${showPort(hostIp, number)}/${protocol} is already published by ${who}`,
        subject: `${number}/${protocol}`,
        value: showPort(hostIp, number),
      });
    }
  }
}

function keyOf(protocol: Protocol, number: number): string {
  return `${protocol}:${number}`;
}

function sameSpan(a: Port, b: Port): boolean {
  return a.protocol === b.protocol && a.hostPort === b.hostPort && a.count === b.count;
}

function overlaps(a: Port, b: Port): boolean {
  return a.protocol === b.protocol && a.hostPort < b.hostPort + b.count && b.hostPort < a.hostPort + a.count;
}

function meets(a: Ip, b: Ip): boolean {
  return a === b || (familyOf(a) === familyOf(b) && (isUnspecified(a) || isUnspecified(b)));
}

function showPort(ip: Ip, port: number): string {
  return familyOf(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
}
