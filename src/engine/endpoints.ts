import { errorText } from "../base/errors.ts";
import type { UndoStack } from "../base/undo.ts";
import type { Endpoint } from "../model/endpoint.ts";
import { EMPTY_BLUEPRINT, type Blueprint } from "../model/ops.ts";
import type { Sandbox } from "../model/sandbox.ts";
import { createOps, mergeBlueprints, removeOps } from "../plan/blueprint.ts";
import { releaseAddresses } from "./addressing.ts";
import type { Core } from "./core.ts";
import { ownPolicyOf } from "./policies.ts";
import type { Prepared } from "./prepare.ts";
import { placesOf, sameBindings, publishedOn, publishOps, routeOps, waysOf, type Ways } from "./traffic.ts";

/** Endpoints: how a sandbox joins and leaves networks. Callers hold the sandbox's lock. */
export class Endpoints {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Puts prepared endpoints where a later start finds them; inside the transaction in which they were prepared. */
  record(prepared: readonly Prepared[]): void {
    for (const { endpoint } of prepared) this.#core.store.putEndpoint(endpoint);
  }

  /** Makes the addresses durable; inside the committing transaction. */
  acknowledge(prepared: readonly Prepared[]): void {
    for (const { network, grants } of prepared) {
      for (const { lease } of grants) this.#core.ipamOf(network).acknowledge(lease);
    }
  }

  /** Takes back preparing and recording; inside a transaction. */
  forget(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      releaseAddresses(this.#core, this.#core.network(endpoint.networkId), endpoint);
      this.#core.store.deleteEndpoint(endpoint.id);
    }
  }

  /** What these endpoints are in the kernel. */
  blueprint(sandbox: Sandbox, endpoints: readonly Endpoint[]): Blueprint {
    const core = this.#core;
    const blueprints = endpoints.map((endpoint) => {
      const network = core.network(endpoint.networkId);
      return core.driverOf(network).endpoint({ network, endpoint, sandbox });
    });
    const own = endpoints.flatMap(ownPolicyOf);
    if (own.length > 0) blueprints.push({ ...EMPTY_BLUEPRINT, firewall: own });
    return blueprints.length === 1 ? (blueprints[0] as Blueprint) : mergeBlueprints(blueprints);
  }

  /**
   * Makes endpoints real: links, addresses, routes; then the resolver; then published ports, so that nobody reaches a
   * half-made stack. Every deed leaves its undo on the stack. Returns the sandbox with what changed in it.
   */
  async join(sandbox: Sandbox, added: readonly Endpoint[], undo: UndoStack): Promise<Sandbox> {
    const core = this.#core;
    const after = core.state.endpointsOf(sandbox.id);
    const was = waysOf(
      core,
      after.filter((e) => !added.includes(e)),
    );
    const will = waysOf(core, after);
    const blueprint = this.blueprint(sandbox, added);
    const ops = [...createOps(blueprint), ...routeOps(sandbox, was, will)];
    if (ops.length > 0) {
      await core.host.apply(ops);
      undo.defer(() => core.host.apply([...routeOps(sandbox, will, was), ...removeOps(blueprint)]));
    }
    core.step("endpoint.attach:linked");
    const resolved = await this.#startResolver(sandbox, after, undo);
    core.step("endpoint.attach:resolver");
    const published = await this.#publish(resolved, was, will, undo);
    core.step("endpoint.attach:published");
    return published;
  }

  /**
   * Takes one endpoint out of the kernel. What it received goes to the next in line first, so that no moment is without a
   * way out. Returns the sandbox with what changed in it; ports that nobody receives now are held until `settlePorts`.
   */
  async leave(sandbox: Sandbox, endpoint: Endpoint, undo: UndoStack): Promise<Sandbox> {
    const core = this.#core;
    const before = core.state.endpointsOf(sandbox.id);
    const was = waysOf(core, before);
    const will = waysOf(
      core,
      before.filter((e) => e.id !== endpoint.id),
    );
    const held = core.ports.of(sandbox.id);
    const wishes = sandbox.ports;
    const kept = core.ports.keptFor(sandbox.id, placesOf(core, will));
    const published = publishedOn(core, was, { held, wishes });
    const left = publishedOn(core, will, { held: kept, wishes });
    const ops = [...routeOps(sandbox, was, will), ...publishOps(published, left)];
    if (ops.length > 0) {
      await core.host.apply(ops);
      undo.defer(() => core.host.apply([...routeOps(sandbox, will, was), ...publishOps(left, published)]));
    }
    undo.defer(() => core.ports.serve(sandbox.id, published.proxied));
    core.ports.serve(sandbox.id, left.proxied);
    core.step("endpoint.detach:unpublished");
    const blueprint = this.blueprint(sandbox, [endpoint]);
    await core.host.apply(removeOps(blueprint));
    undo.defer(() => core.host.apply(createOps(blueprint)));
    core.step("endpoint.detach:unlinked");
    return sandbox.ports.length === 0 ? sandbox : { ...sandbox, bindings: left.bindings };
  }

  /** Lets go of ports that no endpoint of the sandbox receives any more. */
  settlePorts(sandbox: Sandbox): void {
    const { ports, state } = this.#core;
    if (sandbox.ports.length === 0) return;
    ports.keepPlaces(sandbox.id, placesOf(this.#core, waysOf(this.#core, state.endpointsOf(sandbox.id))));
  }

  writeFiles(sandbox: Sandbox): void {
    const core = this.#core;
    core.files.write(sandbox, core.state.endpointsOf(sandbox.id), {
      resolver: core.resolving.has(sandbox.id),
      host: core.resolvConf(),
    });
  }

  /** The same where it is too late to fail: the operation is done, and the next one writes again. */
  tryWriteFiles(sandbox: Sandbox): void {
    try {
      this.writeFiles(sandbox);
    } catch (error) {
      this.#core.log.error(
        { sandbox: sandbox.name, error: errorText(error) },
        "could not write the files of a sandbox",
      );
    }
  }

  /** The resolver runs from the first user-defined network on; the default bridge has no names, as in Docker. */
  async #startResolver(sandbox: Sandbox, endpoints: readonly Endpoint[], undo: UndoStack): Promise<Sandbox> {
    const core = this.#core;
    if (core.resolving.has(sandbox.id)) return sandbox;
    const wanted = endpoints.some((e) => {
      const network = core.network(e.networkId);
      return !network.predefined && core.driverOf(network).capabilities.links;
    });
    if (!wanted) return sandbox;
    const sockets = core.host.openResolver(sandbox.id, sandbox.resolverPort);
    core.resolver.start(sandbox.id, sockets);
    core.resolving.add(sandbox.id);
    undo.defer(() => {
      core.resolving.delete(sandbox.id);
      return core.resolver.stop(sandbox.id);
    });
    await core.host.apply([{ op: "resolver.redirect", netns: sandbox.id, port: sockets.port }]);
    return { ...sandbox, resolverPort: sockets.port };
  }

  async #publish(sandbox: Sandbox, was: Ways, will: Ways, undo: UndoStack): Promise<Sandbox> {
    const core = this.#core;
    if (sandbox.ports.length === 0) return sandbox;
    const wishes = sandbox.ports;
    const before = publishedOn(core, was, { held: core.ports.of(sandbox.id), wishes });
    const held = core.ports.hold(sandbox.id, wishes, placesOf(core, will));
    undo.defer(() => core.ports.drop(sandbox.id, held));
    const after = publishedOn(core, will, { held: core.ports.of(sandbox.id), wishes });
    const ops = publishOps(before, after);
    if (ops.length > 0) {
      await core.host.apply(ops);
      undo.defer(() => core.host.apply(publishOps(after, before)));
    }
    undo.defer(() => core.ports.serve(sandbox.id, before.proxied));
    core.ports.serve(sandbox.id, after.proxied);
    return sameBindings(after.bindings, sandbox.bindings)
      ? sandbox
      : { ...sandbox, bindings: after.bindings };
  }
}
