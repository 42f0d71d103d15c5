import { errorText } from "../base/errors.ts";
import type { Network } from "../model/network.ts";
import type { Intent } from "../model/store.ts";
import { removeOps } from "../plan/blueprint.ts";
import type { Core } from "./core.ts";
import { forgetPeer } from "./network-rules.ts";
import type { Reconciler } from "./reconcile.ts";
import type { Sandboxes } from "./sandboxes.ts";
import type { Takeover } from "./takeover.ts";

/** The start of a daemon: what a former one left, settled and taken over. */
export class Recovery {
  readonly #core: Core;
  readonly #sandboxes: Sandboxes;
  readonly #takeover: Takeover;
  readonly #reconciler: Reconciler;

  constructor(
    core: Core,
    parts: {
      readonly sandboxes: Sandboxes;
      readonly takeover: Takeover;
      readonly reconciler: Reconciler;
    },
  ) {
    this.#core = core;
    this.#sandboxes = parts.sandboxes;
    this.#takeover = parts.takeover;
    this.#reconciler = parts.reconciler;
  }

  /**
   * Reads the store and settles what a former daemon left half done: creations are taken back, removals finished. Both
   * come to the same: the subject is forgotten, and the kernel's part is swept by the reconcile that follows.
   */
  async load(): Promise<void> {
    const core = this.#core;
    for (const network of core.store.networks()) core.state.putNetwork(network);
    for (const sandbox of core.store.sandboxes()) core.state.putSandbox(sandbox);
    for (const container of core.store.containers()) core.state.putContainer(container);
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
        if (network?.adopted !== undefined) await this.#giveBack(network);
        const others = core.commit("disk", () => {
          if (network !== undefined) core.ipamOf(network).releasePools(network.id);
          core.store.deleteNetwork(intent.networkId);
          core.store.clearIntent(record);
          return forgetPeer(core, intent.networkId);
        });
        for (const other of others) core.state.putNetwork(other);
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
      case "network.change":
      case "port.publish":
      case "port.unpublish":
      case "port.allow":
        // Nothing of it is stored before its commit: what was before is made again by the reconcile that follows.
        core.commit("process", () => core.store.clearIntent(record));
        return;
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

  /** A bridge that is not ours is not swept with what is: it gets back what it had. The firewall is compared as a whole. */
  async #giveBack(network: Network): Promise<void> {
    const { host, log } = this.#core;
    const ops = removeOps(this.#core.driverOf(network).network(network));
    try {
      await host.apply(ops.filter((op) => op.op !== "firewall.change"));
    } catch (error) {
      log.warn({ network: network.name, error: errorText(error) }, "could not leave a bridge as it was");
    }
  }

  /** After `load`: ports, namespaces, resolvers and processes of what runs are taken over, and the kernel is mended. */
  async adopt(): Promise<void> {
    const core = this.#core;
    // Names are answered again before anything that takes longer.
    for (const sandbox of [...core.state.sandboxes.values()]) {
      // oxlint-disable-next-line no-await-in-loop -- short, and one after the other keeps the log readable
      await this.#takeover.begin(sandbox);
    }
    await this.#reconciler.reconcile({ dryRun: false });
    for (const id of [...core.state.sandboxes.keys()]) {
      // oxlint-disable-next-line no-await-in-loop -- as above
      await this.#resume(id);
    }
  }

  async #resume(id: Parameters<Takeover["startResolver"]>[0]): Promise<void> {
    const core = this.#core;
    const { endpoints, lifecycle } = this.#sandboxes;
    const sandbox = core.state.sandboxes.get(id);
    if (sandbox === undefined) return;
    endpoints.tryWriteFiles(sandbox);
    try {
      await lifecycle.resume(sandbox);
      // Its process ended and the former daemon got no further.
      if (core.state.sandboxes.get(id)?.state === "exited" && sandbox.autoRemove) {
        await core.gate.shared(() => this.#sandboxes.remove(id, { force: true }));
      }
    } catch (error) {
      core.log.error(
        { sandbox: sandbox.name, error: errorText(error) },
        "could not take over the process of a sandbox",
      );
    }
  }
}
