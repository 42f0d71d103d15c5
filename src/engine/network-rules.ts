import type { FirewallElement } from "../model/firewall.ts";
import type { NetworkId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { Blueprint } from "../model/ops.ts";
import { elementKey, peerElements, policyElements } from "../plan/firewall/index.ts";
import type { Core } from "./core.ts";

/** What a network's own rules are in the firewall: whom its members may reach. Peers that are gone count for nothing. */
export function rulesOf(core: Core, network: Network): FirewallElement[] {
  const from = core.driverOf(network).hostLink?.(network);
  if (from === undefined) return [];
  const policy = network.policy === undefined ? [] : policyElements(from, network.policy);
  const peers = (network.peers ?? []).flatMap(({ network: id, ports }) => {
    const other = core.state.networks.get(id);
    const to = other === undefined ? undefined : core.driverOf(other).hostLink?.(other);
    return to === undefined ? [] : peerElements({ from, to, ports });
  });
  return [...policy, ...peers];
}

/** What must go from the firewall with a network: its own rules, and those by which others reach it. */
export function rulesAbout(core: Core, network: Network): FirewallElement[] {
  const to = core.driverOf(network).hostLink?.(network);
  if (to === undefined) return [];
  const incoming = peersTo(core, network.id).flatMap((other) => {
    const from = core.driverOf(other).hostLink?.(other);
    const peers = (other.peers ?? []).filter((peer) => peer.network === network.id);
    return from === undefined ? [] : peers.flatMap(({ ports }) => peerElements({ from, to, ports }));
  });
  return [...rulesOf(core, network), ...incoming];
}

/** Networks whose members may reach this one. */
export function peersTo(core: Core, id: NetworkId): Network[] {
  return [...core.state.networks.values()].filter((other) =>
    other.peers?.some((peer) => peer.network === id),
  );
}

/** Takes a network that is gone out of the others' peers; inside a transaction. Gives the others as they are now. */
export function forgetPeer(core: Core, id: NetworkId): Network[] {
  return peersTo(core, id).map((other) => {
    const left = withPeers(
      other,
      (other.peers ?? []).filter((peer) => peer.network !== id),
    );
    core.store.putNetwork(left);
    return left;
  });
}

export function withPeers(network: Network, peers: NonNullable<Network["peers"]>): Network {
  const { peers: _, ...rest } = network;
  return peers.length === 0 ? rest : { ...rest, peers };
}

/** What a network is in the kernel, its rules included. */
export function networkBlueprint(core: Core, network: Network): Blueprint {
  const blueprint = core.driverOf(network).network(network);
  const rules = rulesOf(core, network);
  return rules.length === 0 ? blueprint : { ...blueprint, firewall: [...blueprint.firewall, ...rules] };
}

/** Each element once; of two with the same key the later one counts. */
export function eachOnce(elements: readonly FirewallElement[]): FirewallElement[] {
  return [...new Map(elements.map((element) => [elementKey(element), element])).values()];
}
