import { errorText } from "../base/errors.ts";
import type { Sandbox } from "../model/sandbox.ts";
import type { Core } from "./core.ts";
import type { Endpoints } from "./endpoints.ts";
import { makeNetns, sysctlOps } from "./netns.ts";
import { publishedOn, sameBindings, waysOf } from "./traffic.ts";

/** What a daemon holds of a sandbox beside the kernel's state: its namespace opened, its ports, its resolver. */
export class Takeover {
  readonly #core: Core;
  readonly #endpoints: Endpoints;

  constructor(core: Core, endpoints: Endpoints) {
    this.#core = core;
    this.#endpoints = endpoints;
  }

  /** After a restart: nothing of this sandbox is held yet. A failure is logged; the rest must run on. */
  async begin(sandbox: Sandbox): Promise<void> {
    const core = this.#core;
    const held = sandbox.bindings.filter((binding) => binding.hostPort !== 0);
    for (const failure of core.ports.restore(sandbox.id, sandbox.ports, held)) {
      core.log.warn(
        { sandbox: sandbox.name, error: failure.message },
        "a published port could not be held again",
      );
    }
    this.#settleBindings(sandbox);
    if (await this.openNetns(sandbox)) await this.startResolver(sandbox.id);
  }

  /**
   * Opens the namespace of a sandbox. One that is gone (the machine was started again, or somebody unpinned it) is made
   * anew, bare; somebody else's may be back by its name. False when there is none.
   */
  async openNetns(sandbox: Sandbox): Promise<boolean> {
    const core = this.#core;
    const { name, id, netns } = sandbox;
    if (netns.kind === "host" || core.host.openNetns(id)) return true;
    core.log.warn({ sandbox: name }, "namespace is gone; making it anew");
    try {
      makeNetns(core.host, sandbox);
      const ops = sysctlOps(sandbox);
      if (ops.length > 0) await core.host.apply(ops);
      return true;
    } catch (error) {
      core.log.warn({ sandbox: name, error: errorText(error) }, "namespace could not be opened");
      return false;
    }
  }

  /** Opens the resolver's sockets, at the port that programs know; where there was a resolver. */
  async startResolver(id: Sandbox["id"]): Promise<void> {
    const core = this.#core;
    const sandbox = core.state.sandboxes.get(id);
    if (sandbox?.resolverPort === undefined) return;
    try {
      if (core.resolving.delete(id)) await core.resolver.stop(id);
      const sockets = core.host.openResolver(id, sandbox.resolverPort);
      core.resolver.start(id, sockets);
      core.resolving.add(id);
      await core.host.apply([{ op: "resolver.redirect", netns: id, port: sockets.port }]);
      if (sockets.port !== sandbox.resolverPort) this.#record({ ...sandbox, resolverPort: sockets.port });
    } catch (error) {
      core.log.error(
        { sandbox: sandbox.name, error: errorText(error) },
        "could not resume the resolver of a sandbox",
      );
    }
  }

  /** An endpoint that was taken back or finished at start may have held what is published: the next in line has it now. */
  #settleBindings(sandbox: Sandbox): void {
    const core = this.#core;
    if (sandbox.ports.length === 0) return;
    this.#endpoints.settlePorts(sandbox);
    const ways = waysOf(core, core.state.endpointsOf(sandbox.id));
    const { bindings, proxied } = publishedOn(core, ways, {
      held: core.ports.of(sandbox.id),
      wishes: sandbox.ports,
    });
    try {
      core.ports.serve(sandbox.id, proxied);
    } catch (error) {
      core.log.warn(
        { sandbox: sandbox.name, error: errorText(error) },
        "a published port could not be served",
      );
    }
    if (!sameBindings(bindings, sandbox.bindings)) this.#record({ ...sandbox, bindings });
  }

  #record(sandbox: Sandbox): void {
    this.#core.commit("process", () => this.#core.store.putSandbox(sandbox));
    this.#core.state.putSandbox(sandbox);
  }
}
