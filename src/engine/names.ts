import { addressOf } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { EndpointLink } from "../model/endpoint.ts";
import type { NetworkId, SandboxId } from "../model/ids.ts";
import { HOST_NETNS } from "../model/ops.ts";
import type { NameSource } from "../model/resolver.ts";
import { setsNdots, type ResolvConf } from "../plan/files/resolv-conf.ts";
import { compareGateways } from "../plan/gateway.ts";
import type { NamedEndpoint, NamedNetwork, NameState } from "./name-state.ts";

interface Membership {
  readonly endpoint: NamedEndpoint;
  readonly network: NamedNetwork;
}

/**
 * Docker's rules for names: a sandbox sees the members of its own user-defined networks, by name, alias, hostname and
 * short id, with or without `.network` behind it, and what its own links call them. The first network that knows the name
 * answers, in the order in which they would be the gateway. A sandbox whose process has ended has no name any more.
 */
export function createNameSource(state: NameState, host: () => ResolvConf): NameSource {
  // The same few names are asked for again and again: what was found holds until something changes.
  const members = new Map<SandboxId, Membership[]>();
  const found = new Map<NetworkId, Map<string, Ip[]>>();
  let version = -1;
  const refresh = (): void => {
    if (version === state.version) return;
    version = state.version;
    members.clear();
    found.clear();
  };
  const membersOf = (sandbox: SandboxId): Membership[] => {
    const known = members.get(sandbox);
    if (known !== undefined) return known;
    const now = namedNetworks(state, sandbox);
    members.set(sandbox, now);
    return now;
  };
  const isAlive = ({ sandboxId }: NamedEndpoint): boolean =>
    state.sandboxes.get(sandboxId)?.state !== "exited";
  const inNetwork = (network: NamedNetwork, name: string): Ip[] | undefined => {
    let names = found.get(network.id);
    if (names === undefined) found.set(network.id, (names = new Map<string, Ip[]>()));
    const known = names.get(name);
    if (known !== undefined) return known;
    const now = lookInto(network, name);
    if (now !== undefined) names.set(name, now);
    return now;
  };
  const lookInto = (network: NamedNetwork, name: string): Ip[] | undefined => {
    const holders = state.named(network.id, name);
    if (holders === undefined) return undefined;
    const alive = [...holders].flatMap((id) => state.endpoints.get(id) ?? []).filter(isAlive);
    if (alive.length === 0) return undefined;
    return alive.flatMap(({ ipv4, ipv6 }) =>
      [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [addressOf(cidr)])),
    );
  };
  /** What the sandbox's own links say comes first, and hides what others call themselves. */
  const amongst = (networks: readonly Membership[], name: string): Ip[] | undefined => {
    for (const { endpoint, network } of networks) {
      const link = linkOf(endpoint, name);
      const linked = link === undefined ? undefined : inNetwork(network, link.name);
      if (linked !== undefined) return linked;
    }
    for (const { endpoint, network } of networks) {
      const found = linkOf(endpoint, name) === undefined ? inNetwork(network, name) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return {
    lookup(sandbox, name) {
      refresh();
      const mine = membersOf(sandbox);
      const whole = amongst(mine, name);
      if (whole !== undefined) return whole;
      // Both parts may hold dots: `a.b.c` is `a.b` on `c`, or else `a` on `b.c`.
      for (let dot = name.lastIndexOf("."); dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
        const suffix = name.slice(dot + 1);
        const there = mine.filter(({ network }) => network.name.toLowerCase() === suffix);
        const qualified = amongst(there, name.slice(0, dot));
        if (qualified !== undefined) return qualified;
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
      // From inside the sandbox no server is reached that it could not reach by itself.
      const own = state.sandboxes.get(sandbox)?.dns.servers ?? [];
      if (own.length > 0) return { servers: own, netns: sandbox };
      if (!mayAskOutside(state, sandbox)) return undefined;
      const { nameservers } = host();
      return nameservers.length > 0 ? { servers: nameservers, netns: HOST_NETNS } : undefined;
    },
    keepsShortNames(sandbox) {
      const wishes = state.sandboxes.get(sandbox)?.dns;
      return wishes !== undefined && setsNdots({ host: host(), wishes });
    },
  };
}

function linkOf({ links }: NamedEndpoint, alias: string): EndpointLink | undefined {
  return links?.find((link) => link.alias === alias);
}

/** The default bridge has no names, as in Docker. */
function namedNetworks(state: NameState, sandbox: SandboxId): Membership[] {
  const all = state.endpointsOf(sandbox).flatMap((endpoint): Membership[] => {
    const network = state.networks.get(endpoint.networkId);
    return network === undefined || network.predefined ? [] : [{ endpoint, network }];
  });
  return all.length > 1 ? all.toSorted(compareGateways) : all;
}

/** A sandbox that only sits on internal networks has no way out, and the host asks nothing for it (CVE-2024-29018). */
function mayAskOutside(state: NameState, sandbox: SandboxId): boolean {
  return state.endpointsOf(sandbox).some((e) => state.networks.get(e.networkId)?.internal === false);
}
