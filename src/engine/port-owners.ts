import { NetError } from "../base/errors.ts";
import { familyOf, isUnspecified, type Ip } from "../base/ip.ts";
import type { SandboxId } from "../model/ids.ts";
import type { PortBinding } from "../model/ports.ts";

type Port = Pick<PortBinding, "protocol" | "hostIp" | "hostPort" | "count">;

/** Which sandbox publishes which port, for a refusal that names it. Two addresses meet when one is every address. */
export class PortOwners {
  readonly #nameOf: (id: SandboxId) => string;
  /** By `tcp:8080`, a row for each address. */
  readonly #owners = new Map<string, { readonly ip: Ip; readonly sandbox: SandboxId }[]>();

  constructor(nameOf: (id: SandboxId) => string) {
    this.#nameOf = nameOf;
  }

  add(sandbox: SandboxId, port: Port): void {
    for (const key of keysOf(port)) {
      const row = { ip: port.hostIp, sandbox };
      const rows = this.#owners.get(key);
      if (rows === undefined) this.#owners.set(key, [row]);
      else rows.push(row);
    }
  }

  delete(sandbox: SandboxId, port: Port): void {
    for (const key of keysOf(port)) {
      const left = (this.#owners.get(key) ?? []).filter((o) => o.sandbox !== sandbox || o.ip !== port.hostIp);
      if (left.length > 0) this.#owners.set(key, left);
      else this.#owners.delete(key);
    }
  }

  /** Throws `conflict` when a port of the range is published already. */
  refuseTaken(self: SandboxId, port: Port): void {
    const { hostIp, hostPort, protocol } = port;
    for (const [i, key] of keysOf(port).entries()) {
      const owner = this.#owners.get(key)?.find((o) => meets(o.ip, hostIp));
      if (owner === undefined) continue;
      const who = owner.sandbox === self ? "this sandbox itself" : `sandbox ${this.#nameOf(owner.sandbox)}`;
      throw new NetError("conflict", "port.publish", {
        message: `port ${showPort(hostIp, hostPort + i)}/${protocol} is already published by ${who}`,
        subject: `${hostPort + i}/${protocol}`,
        value: showPort(hostIp, hostPort + i),
      });
    }
  }
}

function keysOf({ protocol, hostPort, count }: Port): string[] {
  return Array.from({ length: count }, (_, i) => `${protocol}:${hostPort + i}`);
}

function meets(a: Ip, b: Ip): boolean {
  return a === b || (familyOf(a) === familyOf(b) && (isUnspecified(a) || isUnspecified(b)));
}

function showPort(ip: Ip, port: number): string {
  return familyOf(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
}
