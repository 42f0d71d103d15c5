import { addressOf } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { NameSource } from "../model/resolver.ts";
import { compareGateways } from "../plan/gateway.ts";
import type { State } from "./state.ts";

interface Membership {
  readonly endpoint: Endpoint;
  readonly network: Network;
}

/**
 * Docker's rules for names: a sandbox sees the members of its own user-defined networks, by name, alias, hostname and
 * short id, with or without `.network` behind it. The first network that knows the name answers, in the order in which
 * they would be the gateway. A sandbox whose process has ended has no name any more.
 */
export function createNameSource(state: State, hostNameServers: () => readonly Ip[]): NameSource {
  const isAlive = ({ sandboxId }: Endpoint): boolean => state.sandboxes.get(sandboxId)?.state !== "exited";
  const inNetwork = (network: Network, name: string): Ip[] | undefined => {
    const holders = state.named(network.id, name);
    if (holders === undefined) return undefined;
    const alive = [...holders].flatMap((id) => state.endpoints.get(id) ?? []).filter(isAlive);
    if (alive.length === 0) return undefined;
    return alive.flatMap(({ ipv4, ipv6 }) =>
      [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [addressOf(cidr)])),
    );
  };
  return {
    lookup(sandbox, name) {
      for (const { network } of namedNetworks(state, sandbox)) {
        const direct = inNetwork(network, name);
        if (direct !== undefined) return direct;
        const suffix = `.${network.name.toLowerCase()}`;
        if (name.endsWith(suffix)) {
          const qualified = inNetwork(network, name.slice(0, -suffix.length));
          if (qualified !== undefined) return qualified;
        }
      }
      return undefined;
    },
    reverse(sandbox, ip) {
      for (const { network } of namedNetworks(state, sandbox)) {
        const id = state.addressed(network.id, ip);
        const holder = id === undefined ? undefined : state.endpoints.get(id);
        if (holder !== undefined && isAlive(holder)) return `${holder.aliases[0]}.${network.name}`;
      }
      return undefined;
    },
    upstreams(sandbox) {
      if (!mayAskOutside(state, sandbox)) return [];
      const own = state.sandboxes.get(sandbox)?.dns.servers ?? [];
      return own.length > 0 ? own : hostNameServers();
    },
  };
}

/** The default bridge has no names, as in Docker. */
function namedNetworks(state: State, sandbox: SandboxId): Membership[] {
  const all = state.endpointsOf(sandbox).flatMap((endpoint): Membership[] => {
    const network = state.networks.get(endpoint.networkId);
    return network === undefined || network.predefined ? [] : [{ endpoint, network }];
  });
  return all.length > 1 ? all.toSorted(compareGateways) : all;
}

/** A sandbox that only sits on internal networks has no way out, and that includes names (CVE-2024-29018). */
function mayAskOutside(state: State, sandbox: SandboxId): boolean {
  return state.endpointsOf(sandbox).some((e) => state.networks.get(e.networkId)?.internal === false);
}
