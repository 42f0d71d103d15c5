import { NetError } from "../base/errors.ts";
import type { NetworkId } from "../model/ids.ts";
import type { Network, PortSpan } from "../model/network.ts";
import type { PeerRequest } from "./contract.ts";
import type { Core } from "./core.ts";
import { changeNetworks } from "./change-networks.ts";
import { withPeers } from "./network-rules.ts";
import { mergeSpans, parsePortSpan, showSpan } from "./port-spans.ts";

/** Routes between two networks, which are isolated otherwise. */
export class Peers {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  async peer(ref: string, request: PeerRequest): Promise<Network> {
    const op = "network.peer";
    const ports = mergeSpans((request.ports ?? []).map((text, i) => parsePortSpan(text, `ports[${i}]`, op)));
    const [a, b] = this.#find(ref, request.network, op);
    for (const network of [a, b]) this.#refuse(network, op);
    const oneWay = request.oneWay ?? false;
    const peers = new Map([
      [a.id, { id: b.id, ports }],
      [b.id, { id: a.id, ports: oneWay ? undefined : ports }],
    ]);
    const changed = await changeNetworks(this.#core, [a.id, b.id], (network) => {
      const { id, ports: mine } = peers.get(network.id) as { id: NetworkId; ports: PortSpan[] | undefined };
      const others = (network.peers ?? []).filter((peer) => peer.network !== id);
      return withPeers(network, mine === undefined ? others : [...others, { network: id, ports: mine }]);
    });
    this.#emit("peer", a, b, { ports: ports.map(showSpan).join(" "), oneWay: String(oneWay) });
    return changed[0] as Network;
  }

  /** Both ways. */
  async unpeer(ref: string, otherRef: string): Promise<void> {
    const op = "network.unpeer";
    const [a, b] = this.#find(ref, otherRef, op);
    const reaches = (one: Network, other: Network): boolean =>
      one.peers?.some((peer) => peer.network === other.id) === true;
    if (!reaches(a, b) && !reaches(b, a)) {
      throw new NetError("not_found", op, {
        message: `networks ${a.name} and ${b.name} are no peers`,
        subject: a.name,
        field: "network",
        value: b.name,
        remedy: "`netdock network inspect` shows a network's peers",
      });
    }
    await changeNetworks(this.#core, [a.id, b.id], (network) =>
      withPeers(
        network,
        (network.peers ?? []).filter((peer) => peer.network !== a.id && peer.network !== b.id),
      ),
    );
    this.#emit("unpeer", a, b, {});
  }

  #find(ref: string, otherRef: string, op: string): [Network, Network] {
    const a = this.#core.state.findNetwork(ref, op);
    const b = this.#core.state.findNetwork(otherRef, op);
    if (a.id !== b.id) return [a, b];
    throw new NetError("invalid", op, {
      message: `network: ${b.name} is the same network: its members reach each other anyway`,
      subject: a.name,
      field: "network",
      value: b.name,
      remedy: "give another network",
    });
  }

  /** An internal network promises that nothing leaves or enters it; a peer would break that in silence. */
  #refuse(network: Network, op: string): void {
    const refuse = (why: string, remedy: string): NetError =>
      new NetError(network.internal ? "invalid" : "unsupported", op, {
        message: `network ${network.name} can have no peers: ${why}: ${remedy}`,
        subject: network.name,
        field: "network",
        value: network.name,
        remedy,
      });
    if (network.internal) throw refuse("it is internal", "connect the sandboxes to both networks instead");
    if (this.#core.driverOf(network).hostLink !== undefined) return;
    throw refuse(`driver ${network.driver} routes nothing by the host`, "use a bridge network");
  }

  #emit(action: "peer" | "unpeer", a: Network, b: Network, more: Readonly<Record<string, string>>): void {
    const attributes = { name: a.name, driver: a.driver, peer: b.name, peerId: b.id, ...more };
    this.#core.events.emit({ type: "network", action, id: a.id, attributes });
  }
}
