import type { Ip } from "../base/ip.ts";
import type { SandboxId } from "../model/ids.ts";
import { HOST_NETNS, type NetnsKey } from "../model/ops.ts";
import type { NameSource, Upstreams } from "../model/resolver.ts";

/** Names as a test writes them: address lists by name, the same for every sandbox. */
export class FixedNames implements NameSource {
  readonly names: Map<string, readonly Ip[]>;
  upstreamServers: readonly Ip[];
  /** Where they are asked from. */
  netns: NetnsKey = HOST_NETNS;
  /** Somebody has set `ndots`. */
  ndots = false;

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

  upstreams(): Upstreams | undefined {
    const { upstreamServers: servers, netns } = this;
    return servers.length > 0 ? { servers, netns } : undefined;
  }

  keepsShortNames(): boolean {
    return this.ndots;
  }
}
