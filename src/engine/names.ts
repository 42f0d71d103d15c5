import { addressOf } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { SandboxId } from "../model/ids.ts";
import type { NameSource } from "../model/resolver.ts";
import type { State } from "./state.ts";

/**
 * Docker's rules for names: a sandbox sees the members of its own user-defined networks, by name, alias, hostname and
 * short id, with or without `.network` behind it. The first network that knows the name answers. A sandbox whose process
 * has ended has no name any more.
 */
export function createNameSource(state: State, hostNameServers: () => readonly Ip[]): NameSource {
  const inNetwork = (endpoint: Endpoint, name: string): Ip[] | undefined => {
    const holders = state.named(endpoint.networkId, name);
    if (holders === undefined) return undefined;
    const out: Ip[] = [];
    let alive = false;
    for (const id of holders) {
      const holder = state.endpoints.get(id);
      if (holder === undefined || state.sandboxes.get(holder.sandboxId)?.state === "exited") continue;
      alive = true;
      if (holder.ipv4 !== undefined) out.push(addressOf(holder.ipv4));
      if (holder.ipv6 !== undefined) out.push(addressOf(holder.ipv6));
    }
    return alive ? out : undefined;
  };
  return {
    lookup(sandbox, name) {
      for (const endpoint of state.endpointsOf(sandbox)) {
        const network = state.networks.get(endpoint.networkId);
        // The default bridge has no names, as in Docker.
        if (network === undefined || network.predefined) continue;
        const direct = inNetwork(endpoint, name);
        if (direct !== undefined) return direct;
        const suffix = `.${network.name.toLowerCase()}`;
        if (name.endsWith(suffix)) {
          const qualified = inNetwork(endpoint, name.slice(0, -suffix.length));
          if (qualified !== undefined) return qualified;
        }
      }
      return undefined;
    },
    reverse(sandbox, ip) {
      for (const endpoint of state.endpointsOf(sandbox)) {
        const network = state.networks.get(endpoint.networkId);
        if (network === undefined || network.predefined) continue;
        const id = state.addressed(network.id, ip);
        const holder = id === undefined ? undefined : state.endpoints.get(id);
        if (holder !== undefined) return `${holder.aliases[0]}.${network.name}`;
      }
      return undefined;
    },
    upstreams(sandbox) {
      return mayAskOutside(state, sandbox) ? upstreamsOf(state, sandbox, hostNameServers) : [];
    },
  };
}

/** A sandbox that only sits on internal networks has no way out, and that includes names (CVE-2024-29018). */
function mayAskOutside(state: State, sandbox: SandboxId): boolean {
  return state.endpointsOf(sandbox).some((e) => state.networks.get(e.networkId)?.internal === false);
}

function upstreamsOf(state: State, sandbox: SandboxId, hostNameServers: () => readonly Ip[]): readonly Ip[] {
  const own = state.sandboxes.get(sandbox)?.dns.servers ?? [];
  return own.length > 0 ? own : hostNameServers();
}
