import type { Ip } from "../base/ip.ts";
import type { SandboxId } from "../model/ids.ts";
import type { NameSource } from "../model/resolver.ts";

/** Names as a test writes them: address lists by name, the same for every sandbox. */
export class FixedNames implements NameSource {
  readonly names: Map<string, readonly Ip[]>;
  upstreamServers: readonly Ip[];

  constructor(names: Readonly<Record<string, readonly string[]>>, upstreams: readonly string[]) {
    this.names = new Map(Object.entries(names).map(([name, ips]) => [name, ips as readonly Ip[]]));
    this.upstreamServers = upstreams as readonly Ip[];
  }

  lookup(_sandbox: SandboxId, name: string): readonly Ip[] | undefined {
    return this.names.get(name);
  }

  reverse(_sandbox: SandboxId, ip: Ip): string | undefined {
    for (const [name, ips] of this.names) if (ips.includes(ip)) return `${name}.net`;
    return undefined;
  }

  upstreams(): readonly Ip[] {
    return this.upstreamServers;
  }
}
