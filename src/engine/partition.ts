import { addressOf } from "../base/cidr.ts";
import { errorText, isNetError, NetError } from "../base/errors.ts";
import { familyOf, type Ip } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { NetdockEvent } from "../model/events.ts";
import type { Blockade } from "../model/firewall.ts";
import type { EndpointId, SandboxId } from "../model/ids.ts";
import type { PartitionView } from "./contract.ts";
import type { Core } from "./core.ts";

/**
 * Failures made on purpose: links that are cut, and groups of sandboxes that cannot reach each other. Frames are lost and
 * nobody is told, as when a cable or a switch far away breaks; every link keeps its carrier and connections live on until
 * their owners give up. In memory only: a controller that starts heals what an earlier one left.
 */
export class Partition {
  readonly #core: Core;
  readonly #cut = new Set<EndpointId>();
  #groups: readonly ReadonlySet<SandboxId>[] = [];

  constructor(core: Core) {
    this.#core = core;
    try {
      core.host.block([]);
    } catch (error) {
      // Then there is nothing to heal either, and `set…` will say what is missing.
      if (!isNetError(error, "unsupported")) throw error;
    }
    core.events.subscribe((event) => this.#follow(event));
  }

  /** Both directions of one endpoint, to its network and to the host. Cutting what is cut is fine. */
  setLink(sandboxRef: string, networkRef: string, { connected }: { readonly connected: boolean }): void {
    const { state, host, events } = this.#core;
    const op = connected ? "network.heal" : "network.cut";
    const network = state.findNetwork(networkRef, op);
    const sandbox = state.findSandbox(sandboxRef, op);
    const endpoint = state.endpointsOf(sandbox.id).find((e) => e.networkId === network.id);
    if (endpoint === undefined) {
      throw new NetError("not_found", op, {
        message: `sandbox ${sandbox.name} is not connected to network ${network.name}`,
        subject: sandbox.name,
        field: "network",
        value: network.name,
        remedy: "give a network that the sandbox is on",
      });
    }
    if (endpoint.hostInterface === undefined) throw noPort(sandbox.name, network.name, network.driver, op);
    const { id } = endpoint;
    if (this.#cut.has(id) !== connected) return;
    const toggle = (cut: boolean): void => void (cut ? this.#cut.add(id) : this.#cut.delete(id));
    toggle(!connected);
    try {
      host.block(this.#blockades());
    } catch (error) {
      toggle(connected);
      throw error;
    }
    events.emit({
      type: "network",
      action: connected ? "heal" : "cut",
      id: network.id,
      attributes: {
        name: network.name,
        driver: network.driver,
        sandbox: sandbox.name,
        sandboxId: sandbox.id,
      },
    });
  }

  /** Instead of the groups of before; none: nobody is kept from anybody. */
  setGroups(groups: readonly (readonly string[])[]): void {
    const { host, events } = this.#core;
    const before = this.#groups;
    this.#groups = this.#parse(groups);
    try {
      host.block(this.#blockades());
    } catch (error) {
      this.#groups = before;
      throw error;
    }
    if (before.length === 0 && groups.length === 0) return;
    const action = groups.length === 0 ? "heal" : "partition";
    const attributes =
      groups.length === 0
        ? {}
        : {
            groups: this.view()
              .groups.map((g) => g.join(", "))
              .join(" | "),
          };
    events.emit({ type: "daemon", action, id: "", attributes });
  }

  view(): PartitionView {
    const { state } = this.#core;
    const name = (id: SandboxId): string => state.sandboxes.get(id)?.name ?? id;
    return {
      cut: [...this.#cut].flatMap((id) => {
        const endpoint = state.endpoints.get(id);
        if (endpoint === undefined) return [];
        return [{ sandbox: name(endpoint.sandboxId), network: this.#core.network(endpoint.networkId).name }];
      }),
      groups: this.#groups.map((group) => [...group].map(name)),
    };
  }

  #parse(groups: readonly (readonly string[])[]): ReadonlySet<SandboxId>[] {
    const { state } = this.#core;
    const op = "partition.set";
    const refuse = (message: string, remedy: string): NetError =>
      new NetError("invalid", op, { message: `groups: ${message}: ${remedy}`, field: "groups", remedy });
    if (groups.length === 1)
      throw refuse("one group has nobody to be kept from", "give at least two, or none");
    const seen = new Set<SandboxId>();
    return groups.map((group) => {
      const ids = group.map((ref) => {
        const { id, name, netns } = state.findSandbox(ref, op);
        if (seen.has(id)) throw refuse(`${name} is named twice`, "a sandbox can be on one side only");
        if (netns.kind === "host") throw refuse(`${name} is on the host's network`, "leave it out");
        seen.add(id);
        return id;
      });
      return new Set(ids);
    });
  }

  #blockades(): Blockade[] {
    const { state } = this.#core;
    const out: Blockade[] = [];
    for (const id of this.#cut) {
      const port = state.endpoints.get(id)?.hostInterface;
      if (port !== undefined) out.push({ kind: "in", port }, { kind: "out", port });
    }
    this.#groups.forEach((group, i) => {
      const others = this.#groups.filter((_, at) => at !== i).flatMap((other) => [...other]);
      const there = others.flatMap((id) => state.endpointsOf(id));
      for (const from of [...group].flatMap((id) => state.endpointsOf(id))) {
        // Every group takes its turn: one direction at a time.
        for (const to of there) out.push(...between(from, to));
      }
    });
    return out;
  }

  /** Endpoints that come while a partition lasts are parted too; those that go take their cuts with them. */
  #follow({ type, action, id }: NetdockEvent): void {
    if (this.#cut.size === 0 && this.#groups.length === 0) return;
    const moved = type === "network" && (action === "connect" || action === "disconnect");
    const gone = type === "sandbox" && action === "destroy";
    if (!moved && !gone) return;
    const { state, host, log } = this.#core;
    for (const cut of this.#cut) if (!state.endpoints.has(cut)) this.#cut.delete(cut);
    if (gone) this.#groups = this.#groups.map((group) => new Set([...group].filter((one) => one !== id)));
    try {
      host.block(this.#blockades());
    } catch (error) {
      log.error({ error: errorText(error) }, "could not bring the partition up to date");
    }
  }
}

/** What keeps one endpoint's packets from another: on a bridge they share, and by way of the host everywhere. */
function between(from: Endpoint, to: Endpoint): Blockade[] {
  const out: Blockade[] = [];
  const [port, other] = [from.hostInterface, to.hostInterface];
  if (from.networkId === to.networkId && port !== undefined && other !== undefined) {
    out.push({ kind: "between", from: port, to: other });
  }
  for (const source of addressesOf(from)) {
    for (const target of addressesOf(to)) {
      if (familyOf(source) === familyOf(target)) out.push({ kind: "routed", from: source, to: target });
    }
  }
  return out;
}

function addressesOf({ ipv4, ipv6 }: Endpoint): Ip[] {
  return [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [addressOf(cidr)]));
}

function noPort(sandbox: string, network: string, driver: string, op: string): NetError {
  return new NetError("unsupported", op, {
    message: `the link of sandbox ${sandbox} to network ${network} cannot be cut: driver ${driver} has no port for it on the host`,
    subject: sandbox,
    field: "network",
    value: network,
    remedy: "cut a link to a bridge network",
  });
}
