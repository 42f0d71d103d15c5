import { NetError } from "../base/errors.ts";
import type { FirewallElement } from "../model/firewall.ts";
import type { ObservedNetns } from "../model/host.ts";
import { HOST_NETNS, type Blueprint, type NetnsKey } from "../model/ops.ts";
import type { Sandbox } from "../model/sandbox.ts";
import type { Intent } from "../model/store.ts";
import { mergeBlueprints } from "../plan/blueprint.ts";
import { diffElements } from "../plan/firewall/index.ts";
import { repairBlueprint, sweepLinks, type Repair } from "../plan/repair.ts";
import type { Difference, ReconcileReport } from "./contract.ts";
import type { Core } from "./core.ts";
import type { Sandboxes } from "./sandboxes.ts";
import { trafficOf } from "./traffic.ts";

/**
 * Brings memory, store and kernel together: at start, when the kernel shows that someone else changed something of ours,
 * and on request.
 */
export class Reconciler {
  readonly #core: Core;
  readonly #sandboxes: Sandboxes;

  constructor(core: Core, sandboxes: Sandboxes) {
    this.#core = core;
    this.#sandboxes = sandboxes;
  }

  /**
   * Reads the store and settles what a former daemon left half done: creations are taken back, removals finished. Both
   * come to the same: the subject is forgotten, and the kernel's part is swept by the reconcile that follows.
   */
  async load(): Promise<void> {
    const core = this.#core;
    for (const network of core.store.networks()) core.state.putNetwork(network);
    for (const sandbox of core.store.sandboxes()) core.state.putSandbox(sandbox);
    for (const endpoint of core.store.endpoints()) core.state.putEndpoint(endpoint);
    for (const { id, intent } of core.store.intents()) {
      core.log.info({ intent }, "settling an operation that was cut short");
      // In order, one at a time: a later intent may concern what an earlier one removed.
      // oxlint-disable-next-line no-await-in-loop
      await this.#settle(id, intent);
    }
  }

  async #settle(record: number, intent: Intent): Promise<void> {
    const core = this.#core;
    switch (intent.kind) {
      case "network.create":
      case "network.remove": {
        const network = core.state.networks.get(intent.networkId);
        core.commit("disk", () => {
          if (network !== undefined) core.ipamOf(network).releasePools(network.id);
          core.store.deleteNetwork(intent.networkId);
          core.store.clearIntent(record);
        });
        core.state.deleteNetwork(intent.networkId);
        return;
      }
      case "sandbox.create":
      case "sandbox.remove": {
        await core.processes.killAll(intent.sandboxId);
        const endpoints = core.state.endpointsOf(intent.sandboxId);
        core.commit("process", () => {
          this.#sandboxes.endpoints.forget(endpoints);
          core.store.deleteSandbox(intent.sandboxId);
          core.store.clearIntent(record);
        });
        for (const endpoint of endpoints) core.state.deleteEndpoint(endpoint.id);
        core.state.deleteSandbox(intent.sandboxId);
        return;
      }
      case "endpoint.attach":
      case "endpoint.detach": {
        const endpoint = core.state.endpoints.get(intent.endpointId);
        core.commit("process", () => {
          if (endpoint !== undefined) this.#sandboxes.endpoints.forget([endpoint]);
          core.store.clearIntent(record);
        });
        core.state.deleteEndpoint(intent.endpointId);
      }
    }
  }

  /** After `load`: namespaces, ports, resolvers and processes of what runs are taken over. */
  async adopt(): Promise<void> {
    const core = this.#core;
    for (const sandbox of core.state.sandboxes.values()) {
      if (sandbox.netns.kind !== "host") this.#openNetns(sandbox);
      for (const failure of core.ports.restore(sandbox.id, sandbox.bindings)) {
        core.log.warn(
          { sandbox: sandbox.name, error: failure.message },
          "a published port could not be held again",
        );
      }
    }
    await this.reconcile({ dryRun: false });
    for (const sandbox of [...core.state.sandboxes.values()]) {
      // Each start is quick and order keeps the log readable.
      // oxlint-disable-next-line no-await-in-loop
      await this.#resumeServices(sandbox);
    }
  }

  #openNetns(sandbox: Sandbox): void {
    const core = this.#core;
    if (core.host.openNetns(sandbox.id)) return;
    // The machine was rebooted, or somebody unpinned it. One of ours is made anew; somebody else's may be back by name.
    core.log.warn({ sandbox: sandbox.name }, "namespace is gone; making it anew");
    try {
      if (sandbox.netns.kind === "path") core.host.adoptNetns(sandbox.id, { path: sandbox.netns.path });
      else core.host.createNetns(sandbox.id);
    } catch (error) {
      core.log.warn({ sandbox: sandbox.name, error: String(error) }, "namespace could not be opened");
    }
  }

  async #resumeServices(sandbox: Sandbox): Promise<void> {
    const core = this.#core;
    try {
      if (sandbox.resolverPort !== undefined) {
        const sockets = core.host.openResolver(sandbox.id, sandbox.resolverPort);
        core.resolver.start(sandbox.id, sockets);
        core.resolving.add(sandbox.id);
        await core.host.apply([{ op: "resolver.redirect", netns: sandbox.id, port: sockets.port }]);
        if (sockets.port !== sandbox.resolverPort) {
          const moved = { ...sandbox, resolverPort: sockets.port };
          core.commit("process", () => core.store.putSandbox(moved));
          core.state.putSandbox(moved);
        }
      }
      this.#sandboxes.endpoints.writeFiles(core.state.sandboxes.get(sandbox.id) ?? sandbox);
    } catch (error) {
      core.log.error(
        { sandbox: sandbox.name, error: String(error) },
        "could not resume the resolver of a sandbox",
      );
    }
    await this.#sandboxes.lifecycle.resume(core.state.sandboxes.get(sandbox.id) ?? sandbox);
  }

  reconcile(request: { readonly dryRun: boolean }): Promise<ReconcileReport> {
    return this.#core.gate.exclusive(() => this.#compare(request));
  }

  async #compare({ dryRun }: { readonly dryRun: boolean }): Promise<ReconcileReport> {
    const core = this.#core;
    await core.settled();
    core.forgetResolvConf();
    const blueprints = this.#blueprints();
    const observed = this.#observe();
    const repairs = [
      ...blueprints.flatMap((blueprint) => repairBlueprint(blueprint, observed)),
      ...sweepLinks(blueprints, HOST_NETNS, observed.get(HOST_NETNS) as ObservedNetns),
    ];
    const differences: Difference[] = repairs.map(({ text, subject }) => ({ text, subject }));
    if (!dryRun) {
      for (const repair of repairs) {
        // One by one: a step that fails must not keep the others from being mended.
        // oxlint-disable-next-line no-await-in-loop
        await this.#mend(repair);
      }
    }
    differences.push(...this.#reconcileFirewall(blueprints, dryRun), ...this.#sweepPins(dryRun));
    if (differences.length > 0) {
      core.log.info(
        { differences: differences.map((d) => d.text), dryRun },
        "the kernel differed from what should be",
      );
      if (!dryRun) {
        const attributes = { differences: String(differences.length) };
        core.events.emit({ type: "daemon", action: "reconcile", id: "", attributes });
      }
    }
    return { differences, repaired: !dryRun };
  }

  async #mend(repair: Repair): Promise<void> {
    try {
      await this.#core.host.apply(repair.ops);
    } catch (error) {
      this.#core.log.error({ repair: repair.text, error: String(error) }, "could not repair");
    }
  }

  /** What should be, network by network, then sandbox by sandbox: links of a sandbox need their bridge. */
  #blueprints(): Blueprint[] {
    const { state, ports } = this.#core;
    const networks = [...state.networks.values()].map((n) => this.#core.driverOf(n).network(n));
    const sandboxes = [...state.sandboxes.values()].map((sandbox) => {
      const endpoints = state.endpointsOf(sandbox.id);
      const traffic = trafficOf(this.#core, endpoints, ports.of(sandbox.id));
      const merged = mergeBlueprints(
        endpoints.map((endpoint) => {
          const network = this.#core.network(endpoint.networkId);
          return this.#core.driverOf(network).endpoint({ network, endpoint, sandbox });
        }),
      );
      return {
        ...merged,
        routes: [
          ...merged.routes,
          ...traffic.routes.map((route) => ({ netns: sandbox.id as NetnsKey, route })),
        ],
        firewall: [...merged.firewall, ...traffic.elements],
      };
    });
    return [...networks, ...sandboxes];
  }

  #observe(): Map<NetnsKey, ObservedNetns> {
    const core = this.#core;
    const observed = new Map([[HOST_NETNS, core.host.observe(HOST_NETNS)]]);
    for (const sandbox of core.state.sandboxes.values()) {
      if (sandbox.netns.kind === "host") continue;
      try {
        observed.set(sandbox.id, core.host.observe(sandbox.id));
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        core.log.warn({ sandbox: sandbox.name, error: error.message }, "cannot look into the namespace");
      }
    }
    return observed;
  }

  #reconcileFirewall(blueprints: readonly Blueprint[], dryRun: boolean): Difference[] {
    const { host } = this.#core;
    const wanted: FirewallElement[] = blueprints.flatMap((b) => b.firewall);
    const found = host.observeFirewall();
    if (found !== undefined) {
      const { add, remove } = diffElements(found, wanted);
      if (add.length === 0 && remove.length === 0) return [];
      if (!dryRun) host.replaceFirewall(wanted);
      const text = `table inet netdock lacks ${add.length} elements and has ${remove.length} too many`;
      return [{ text, subject: "inet netdock" }];
    }
    if (!dryRun) host.replaceFirewall(wanted);
    return [{ text: "table inet netdock is missing or not as netdock makes it", subject: "inet netdock" }];
  }

  /** Namespaces and files that belong to no sandbox. */
  #sweepPins(dryRun: boolean): Difference[] {
    const core = this.#core;
    const known = core.state.sandboxes as ReadonlyMap<string, Sandbox>;
    const out: Difference[] = [];
    for (const key of core.host.listNetns()) {
      if (known.has(key)) continue;
      out.push({ text: `namespace ${key} belongs to nothing`, subject: key });
      if (!dryRun) core.host.deleteNetns(key);
    }
    if (!dryRun) for (const id of core.files.list()) if (!known.has(id)) core.files.remove(id);
    return out;
  }
}
