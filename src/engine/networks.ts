import { isNetError, NetError } from "../base/errors.ts";
import type { Family } from "../base/ip.ts";
import type { Driver } from "../model/driver.ts";
import type { FirewallElement } from "../model/firewall.ts";
import { shortId, type NetworkId } from "../model/ids.ts";
import type { IpamDriver } from "../model/ipam.ts";
import type { Network, NetworkRequest, Pool } from "../model/network.ts";
import { createOps, removeOps } from "../plan/blueprint.ts";
import { adoptBridge } from "./adoption.ts";
import type { Core } from "./core.ts";
import { newId } from "./ids.ts";
import {
  configNetwork,
  familiesOf,
  needsDefaultPool,
  refuseConfigInUse,
  settleRequest,
} from "./network-config.ts";
import { eachOnce, forgetPeer, rulesAbout } from "./network-rules.ts";
import { refuseMissingParent } from "./parent.ts";
import { checkNetworkName } from "./parse.ts";
import { optionsFor } from "./uplink-mtu.ts";

export const PREDEFINED = ["bridge", "host", "none"] as const;

/** Names nobody can give a network; `default` means the default one in Docker's API. */
const RESERVED: readonly string[] = [...PREDEFINED, "default"];

/** Networks: made, removed, and the predefined ones kept. */
export class Networks {
  readonly #core: Core;
  /**
   * Networks being made or removed right now, and so not in the state. Their names and bridges are taken: the kernel may
   * have them already, or still.
   */
  readonly #moving = new Map<string, Network | undefined>();

  constructor(core: Core) {
    this.#core = core;
  }

  async create(asked: NetworkRequest, options: { readonly predefined: boolean }): Promise<Network> {
    const core = this.#core;
    const op = "network.create";
    checkNetworkName(asked);
    const request = settleRequest(core, asked);
    if (request.configOnly === true) return this.#keepConfig(request);
    const driver = core.driver(request.driver ?? "bridge");
    this.#refuseTakenName(request.name, options.predefined);
    if (driver.capabilities.single && !options.predefined) {
      throw new NetError("forbidden", op, {
        message: `only one instance of "${driver.name}" network is allowed`,
        field: "driver",
        value: driver.name,
        remedy: `use the predefined network ${driver.name}`,
      });
    }
    driver.checkNetwork(request);
    refuseMissingParent(core, driver.parent?.(request));
    const families = familiesOf(request, driver);
    this.#moving.set(request.name, undefined);
    try {
      const network = await this.#make(request, driver, families, options.predefined);
      this.#announce("create", network);
      return network;
    } finally {
      this.#moving.delete(request.name);
    }
  }

  /** Nothing of it is in the kernel, so it is made in one transaction. */
  #keepConfig(request: NetworkRequest): Network {
    const core = this.#core;
    this.#refuseTakenName(request.name, false);
    const network = configNetwork(core, request);
    core.commit("disk", () => core.store.putNetwork(network));
    core.state.putNetwork(network);
    this.#announce("create", network);
    return network;
  }

  #announce(action: "create" | "destroy", { id, name, driver }: Network): void {
    this.#core.events.emit({ type: "network", action, id, attributes: { name, driver } });
  }

  async #make(
    request: NetworkRequest,
    driver: Driver,
    families: Family[],
    predefined: boolean,
  ): Promise<Network> {
    const core = this.#core;
    const ipam = core.ipam(request.ipam?.driver ?? driver.capabilities.ipam);
    // The dump of the host's routes is not free, and only pools that nobody chose need it.
    const taken = needsDefaultPool(request, families) ? core.host.takenPrefixes(core.state.pools()) : [];
    const options = optionsFor(core, driver, request);
    const { network, intent } = core.commit("process", () => {
      const id = newId<NetworkId>();
      const pools = this.#requestPools(ipam, {
        owner: id,
        pools: request.ipam?.config ?? [],
        families,
        options: { ...request.ipam?.options },
        gateway: driver.capabilities.gateway,
        bare: driver.bareFamilies?.(request) ?? [],
        taken,
      });
      const plain: Network = {
        id,
        name: request.name,
        driver: driver.name,
        scope: driver.capabilities.scope,
        created: new Date(core.clock.now()).toISOString(),
        internal: request.internal === true || driver.hasNoWayOut?.(request) === true,
        ...(request.attachable === true ? { attachable: true } : {}),
        enableIPv4: families.includes(4),
        enableIPv6: families.includes(6),
        ipam: { driver: ipam.name, options: { ...request.ipam?.options }, pools },
        options,
        labels: { ...request.labels },
        ...(request.configFrom === undefined ? {} : { configFrom: request.configFrom }),
        predefined,
      };
      const made = adoptBridge(core, plain, driver.adopts?.(request));
      driver.checkAgainst?.(made, this.#ofDriver(driver));
      core.store.putNetwork(made);
      return { network: made, intent: core.store.addIntent({ kind: "network.create", networkId: id }) };
    });
    this.#moving.set(network.name, network);
    await using undo = core.undoStack("network.create");
    undo.defer(() => {
      core.commit("disk", () => this.#forget(network, intent));
    });
    core.step("network.create:intended");
    const blueprint = driver.network(network);
    const ops = createOps(blueprint);
    const links = ops.filter((op) => op.op !== "firewall.change");
    const firewall = ops.filter((op) => op.op === "firewall.change");
    if (links.length > 0) await core.host.apply(links);
    undo.defer(() => core.host.apply(removeOps(blueprint)));
    core.step("network.create:linked");
    if (firewall.length > 0) await core.host.apply(firewall);
    core.step("network.create:applied");
    core.commit("disk", () => core.store.clearIntent(intent));
    undo.commit();
    core.state.putNetwork(network);
    core.step("network.create:committed");
    return network;
  }

  /** IPAM knows the owners of pools by id; people know networks by name. */
  #requestPools(ipam: IpamDriver, request: Parameters<IpamDriver["requestPools"]>[0]): Pool[] {
    try {
      return ipam.requestPools(request);
    } catch (error) {
      const holder = isNetError(error, "conflict")
        ? this.#core.state.networks.get(error.subject as NetworkId)
        : undefined;
      if (!isNetError(error) || holder === undefined) throw error;
      const message = error.message.replace(`network ${shortId(holder.id)}`, `network ${holder.name}`);
      throw new NetError(error.code, error.op, {
        ...error.toJSON(),
        message,
        subject: holder.name,
        cause: error,
      });
    }
  }

  #forget(network: Network, intent: number): void {
    const core = this.#core;
    core.store.deleteNetwork(network.id);
    core.ipamOf(network).releasePools(network.id);
    core.store.clearIntent(intent);
  }

  #ofDriver(driver: Driver): Network[] {
    const all = [...this.#core.state.networks.values(), ...this.#moving.values()];
    return all.filter((network) => network?.driver === driver.name) as Network[];
  }

  #refuseTakenName(name: string, predefined: boolean): void {
    const op = "network.create";
    if (!predefined && RESERVED.includes(name)) {
      throw new NetError("forbidden", op, {
        message: `operation is not permitted on predefined ${name} network`,
        field: "name",
        value: name,
        remedy: "choose another name",
      });
    }
    if (this.#core.state.networkNamed(name) === undefined && !this.#moving.has(name)) return;
    throw new NetError("conflict", op, {
      message: `network with name ${name} already exists`,
      subject: name,
      field: "name",
      value: name,
      remedy: "choose another name, or remove the old network",
    });
  }

  async remove(ref: string): Promise<void> {
    const core = this.#core;
    const op = "network.remove";
    const network = core.state.findNetwork(ref, op);
    this.#refuseInUse(network);
    refuseConfigInUse(core, network);
    // Gone from memory first, in the same breath: whoever comes now, while the kernel works, finds no network to join, and
    // whoever removes it, too, finds none to remove.
    const rules = rulesAbout(core, network);
    core.state.deleteNetwork(network.id);
    this.#moving.set(network.name, network);
    try {
      // A change of its rules that is under way ends first.
      await core.lock.run(`network:${network.id}`, () => this.#unmake(network, rules));
    } catch (error) {
      core.state.putNetwork(network);
      throw error;
    } finally {
      this.#moving.delete(network.name);
    }
    this.#announce("destroy", network);
  }

  /** `known`: rules that were there when it left the state; the other network may have left since. */
  async #unmake(network: Network, known: readonly FirewallElement[]): Promise<void> {
    const core = this.#core;
    await using undo = core.undoStack("network.remove");
    const intent = core.commit("process", () =>
      core.store.addIntent({ kind: "network.remove", networkId: network.id }),
    );
    undo.defer(() => {
      core.commit("process", () => core.store.clearIntent(intent));
    });
    core.step("network.remove:intended");
    // Links of removed sandboxes may still be on their way out; the bridge goes last.
    await core.settled();
    const made = core.driverOf(network).network(network);
    const rules = eachOnce([...known, ...rulesAbout(core, network)]);
    const blueprint = { ...made, firewall: [...made.firewall, ...rules] };
    await core.host.apply(removeOps(blueprint));
    undo.defer(() => core.host.apply(createOps(blueprint)));
    core.step("network.remove:applied");
    const others = core.commit("disk", () => {
      this.#forget(network, intent);
      return forgetPeer(core, network.id);
    });
    undo.commit();
    for (const other of others) core.state.putNetwork(other);
    core.step("network.remove:committed");
  }

  #refuseInUse(network: Network): void {
    const op = "network.remove";
    if (network.predefined) {
      throw new NetError("forbidden", op, {
        message: `${network.name} is a pre-defined network and cannot be removed`,
        subject: network.name,
        field: "network",
        value: network.name,
        remedy: "leave it: it costs nothing while no sandbox is on it",
      });
    }
    const endpoints = this.#core.state.endpointsOn(network.id);
    if (endpoints.length === 0) return;
    const who = endpoints
      .slice(0, 5)
      .map((e) => `name:"${this.#core.state.sandboxes.get(e.sandboxId)?.name}" id:"${e.id.slice(0, 12)}"`);
    const more = endpoints.length > 5 ? ` and ${endpoints.length - 5} more` : "";
    throw new NetError("in_use", op, {
      message: `network ${network.name} has active endpoints (${who.join(", ")}${more})`,
      subject: network.name,
      field: "network",
      value: network.name,
      remedy: "disconnect or remove these sandboxes first",
    });
  }

  async prune(which: (network: Network) => boolean = () => true): Promise<string[]> {
    const unused = [...this.#core.state.networks.values()].filter(
      (n) => !n.predefined && n.configOnly !== true && this.#core.state.endpointCount(n.id) === 0 && which(n),
    );
    const removed: string[] = [];
    for (const network of unused) {
      try {
        // Bridges one after the other: each waits for the same kernel barrier, and order makes the answer stable.
        // oxlint-disable-next-line no-await-in-loop
        await this.remove(network.id);
        removed.push(network.name);
      } catch (error) {
        // Taken into use or removed meanwhile: no longer ours to prune.
        if (!(error instanceof NetError) || !["in_use", "not_found"].includes(error.code)) throw error;
      }
    }
    this.#core.events.emit({ type: "network", action: "prune", id: "", attributes: { reclaimed: "0" } });
    return removed;
  }

  /** Makes what is missing of `bridge`, `host` and `none`. */
  async ensurePredefined(): Promise<void> {
    for (const name of PREDEFINED) {
      if (this.#core.state.networkNamed(name) !== undefined) continue;
      const options =
        name === "bridge"
          ? {
              "com.docker.network.bridge.default_bridge": "true",
              "com.docker.network.bridge.name": this.#core.defaultBridge,
            }
          : {};
      // oxlint-disable-next-line no-await-in-loop
      await this.create({ name, driver: name, options }, { predefined: true });
    }
  }
}
