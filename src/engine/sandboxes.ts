import { errorText, NetError } from "../base/errors.ts";
import type { UndoStack } from "../base/undo.ts";
import type { Endpoint, EndpointRequest } from "../model/endpoint.ts";
import type { SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import { HOST_NETNS, type Op } from "../model/ops.ts";
import type { ProcessSpec } from "../model/process.ts";
import type { Sandbox, SandboxRequest } from "../model/sandbox.ts";
import { removeOps } from "../plan/blueprint.ts";
import type { Core } from "./core.ts";
import { containerAfter, whose } from "./containers/record.ts";
import { describeSandbox } from "./describe.ts";
import { Endpoints } from "./endpoints.ts";
import { within } from "./fields.ts";
import { Lifecycle, type Launch } from "./lifecycle.ts";
import { emitMembership, namesAddress } from "./membership.ts";
import { makeNetns, sysctlOps } from "./netns.ts";
import { checkExclusive, parseProcess } from "./parse.ts";
import { ownPolicyOf } from "./policies.ts";
import { prepareEndpoint, wishedLinkName, type Prepared } from "./prepare.ts";
import { NOTHING, publishedOn, publishOps, refuseInVain, waysOf } from "./traffic.ts";

/** What a sandbox is made for: the container of this id, whose command is started like this. */
export interface Backing {
  readonly id: SandboxId;
  readonly launch: Launch;
}

/** A wish to join with the network it means. */
interface Joining {
  readonly wish: EndpointRequest;
  readonly network: Network;
}

/** Sandboxes: made with all their networks at once, and removed. */
export class Sandboxes {
  readonly #core: Core;
  readonly endpoints: Endpoints;
  readonly lifecycle: Lifecycle;
  /** Called when a sandbox is gone for everyone. */
  onGone: (sandbox: Sandbox) => void = () => undefined;

  constructor(core: Core) {
    this.#core = core;
    this.endpoints = new Endpoints(core);
    this.lifecycle = new Lifecycle(core, (id) => core.gate.shared(() => this.remove(id, { force: true })));
  }

  async create(request: SandboxRequest, backing?: Backing): Promise<Sandbox> {
    const core = this.#core;
    const wishes = request.networks ?? [{ network: "bridge" }];
    // A link that a removed sandbox still has must not answer for the address or MAC asked for by name.
    if (core.background.size > 0 && wishes.some(namesAddress)) await core.settled();
    // From here to the transaction that records it all, nothing is awaited: what is found free now is free then.
    const joining = wishes.map((wish, i) => ({
      wish,
      network: within(`networks[${i}]`, () => core.state.findNetwork(wish.network, "sandbox.create")),
    }));
    checkExclusive(
      joining.map(({ network }) => network.name),
      joining.map(({ network }) => network.driver),
    );
    const process = request.process === undefined ? undefined : parseProcess(request.process, "process");
    const sandbox = describeSandbox(core, request, joining[0]?.network, backing?.id);
    return core.lock.run(`sandbox:${sandbox.id}`, async () => {
      core.state.putSandbox(sandbox);
      try {
        return await this.#make(sandbox, process && { process, launch: backing?.launch }, joining);
      } catch (error) {
        core.state.deleteSandbox(sandbox.id);
        throw error;
      }
    });
  }

  async #make(
    sandbox: Sandbox,
    start: { readonly process: ProcessSpec; readonly launch: Launch | undefined } | undefined,
    joining: readonly Joining[],
  ): Promise<Sandbox> {
    const core = this.#core;
    const { id } = sandbox;
    await using undo = core.undoStack("sandbox.create");
    // An adopted namespace must be looked into before its links can be named. A pin without an intent is swept, too.
    const adopted = sandbox.netns.kind === "path" || sandbox.netns.kind === "pid";
    const takenLinks = adopted ? this.#adopt(sandbox, undo) : [];
    const { prepared, intent } = core.commit("process", () => {
      core.store.putSandbox(sandbox);
      const done = this.#prepare(sandbox, joining, takenLinks);
      this.endpoints.record(done);
      return { prepared: done, intent: core.store.addIntent({ kind: "sandbox.create", sandboxId: id }) };
    });
    const endpoints = prepared.map((p) => p.endpoint);
    for (const endpoint of endpoints) core.state.putEndpoint(endpoint);
    undo.defer(() => {
      for (const endpoint of endpoints) core.state.deleteEndpoint(endpoint.id);
      core.commit("process", () => {
        this.endpoints.forget(endpoints);
        core.store.deleteSandbox(id);
        core.store.clearIntent(intent);
      });
    });
    core.step("sandbox.create:intended");
    if (sandbox.netns.kind === "own") {
      core.host.createNetns(id);
      undo.defer(() => core.host.deleteNetns(id));
    }
    core.step("sandbox.create:netns");
    const first = sysctlOps(sandbox);
    if (first.length > 0) await core.host.apply(first);
    let made = await this.endpoints.join(sandbox, endpoints, undo);
    core.step("sandbox.create:attached");
    undo.defer(() => core.files.remove(id));
    this.endpoints.writeFiles(made);
    core.step("sandbox.create:files");
    if (start !== undefined) {
      // It may have started others by the time a later step fails.
      undo.defer(async () => void (await core.processes.killAll(id)));
      made = await this.lifecycle.spawn(made, start, undo);
      core.step("sandbox.create:started");
    }
    core.commit("process", () => {
      this.endpoints.acknowledge(prepared);
      if (made !== sandbox) core.store.putSandbox(made);
      core.store.clearIntent(intent);
    });
    undo.commit();
    core.state.putSandbox(made);
    core.step("sandbox.create:committed");
    this.#announce(made, endpoints);
    return made;
  }

  /** Pins somebody else's namespace; returns the names of the links in it. */
  #adopt(sandbox: Sandbox, undo: UndoStack): string[] {
    const { host } = this.#core;
    makeNetns(host, sandbox);
    undo.defer(() => host.deleteNetns(sandbox.id));
    return host.observe(sandbox.id).links.map((link) => link.name);
  }

  #prepare(sandbox: Sandbox, joining: readonly Joining[], takenLinks: readonly string[]): Prepared[] {
    const wished = joining.map(({ wish }) => wishedLinkName(wish));
    const done: Prepared[] = [];
    joining.forEach(({ wish, network }, i) => {
      // A name that a later one asks for is not given to an earlier one that asks for none.
      const later = wished[i] === undefined ? wished.slice(i + 1).filter((name) => name !== undefined) : [];
      const present = done.map((p) => p.endpoint);
      const request = { sandbox, network, wish, present, takenLinks: [...takenLinks, ...later] };
      done.push(within(`networks[${i}]`, () => prepareEndpoint(this.#core, request)));
    });
    if (sandbox.ports.length > 0) {
      const endpoints = done.map((p) => p.endpoint);
      refuseInVain(sandbox, waysOf(this.#core, endpoints));
    }
    return done;
  }

  #announce(sandbox: Sandbox, endpoints: readonly Endpoint[]): void {
    const core = this.#core;
    const { id, name } = sandbox;
    core.events.emit({
      type: "sandbox",
      action: "create",
      id,
      attributes: { ...whose(this.#core, id), name },
    });
    for (const { networkId } of endpoints) emitMembership(core, "connect", sandbox, core.network(networkId));
    if (sandbox.state === "running") this.lifecycle.emitStart(sandbox);
  }

  async remove(ref: string, request: { readonly force: boolean }): Promise<void> {
    const core = this.#core;
    const op = "sandbox.remove";
    const { id } = core.state.findSandbox(ref, op);
    await core.lock.run(`sandbox:${id}`, async () => {
      const sandbox = core.state.findSandbox(id, op);
      if (sandbox.state === "running" && !request.force) {
        throw new NetError("in_use", op, {
          message: `sandbox ${sandbox.name} is running (pid ${sandbox.status?.pid})`,
          subject: sandbox.name,
          remedy: "stop it first, or force its removal",
        });
      }
      const endpoints = core.state.endpointsOf(id);
      await this.#unmake(sandbox, endpoints);
      core.step("sandbox.remove:committed");
      // From here on nothing can fail: it is gone for everyone, and what is left in the kernel is swept.
      const networks = endpoints.map((endpoint) => core.network(endpoint.networkId));
      const dropped = this.#drop(sandbox, endpoints);
      this.#forget(sandbox, endpoints);
      if (dropped !== undefined) await dropped;
      core.step("sandbox.remove:dropped");
      this.lifecycle.emitKilled(sandbox);
      for (const network of networks) emitMembership(core, "disconnect", sandbox, network);
      core.events.emit({
        type: "sandbox",
        action: "destroy",
        id,
        attributes: { ...whose(this.#core, id), name: sandbox.name },
      });
      this.onGone(sandbox);
    });
  }

  /** Up to the commit: afterwards the sandbox is gone, or all but its processes is as before. */
  async #unmake(sandbox: Sandbox, endpoints: readonly Endpoint[]): Promise<void> {
    const core = this.#core;
    const { id } = sandbox;
    await using undo = core.undoStack("sandbox.remove");
    const intent = core.commit("process", () =>
      core.store.addIntent({ kind: "sandbox.remove", sandboxId: id }),
    );
    undo.defer(() => {
      core.commit("process", () => core.store.clearIntent(intent));
    });
    core.step("sandbox.remove:intended");
    await this.lifecycle.kill(sandbox);
    core.step("sandbox.remove:stopped");
    const ports = { held: core.ports.of(id), wishes: sandbox.ports };
    const reached = publishedOn(core, waysOf(core, endpoints), ports);
    const published = { ...reached, elements: [...reached.elements, ...endpoints.flatMap(ownPolicyOf)] };
    const ops = publishOps(published, NOTHING);
    if (ops.length > 0) {
      await core.host.apply(ops);
      undo.defer(() => core.host.apply(publishOps(NOTHING, published)));
    }
    undo.defer(() => core.ports.serve(id, published.proxied));
    core.ports.serve(id, []);
    core.step("sandbox.remove:unpublished");
    const container = containerAfter(core, sandbox);
    core.commit("process", () => {
      this.endpoints.forget(endpoints);
      core.store.deleteSandbox(id);
      if (container !== undefined) core.store.putContainer(container);
      core.store.clearIntent(intent);
    });
    undo.commit();
    if (container !== undefined) core.state.putContainer(container);
  }

  #forget(sandbox: Sandbox, endpoints: readonly Endpoint[]): void {
    const core = this.#core;
    core.ports.release(sandbox.id);
    if (core.resolving.delete(sandbox.id))
      void core.later("resolver.stop", () => core.resolver.stop(sandbox.id));
    for (const endpoint of endpoints) core.state.deleteEndpoint(endpoint.id);
    core.state.deleteSandbox(sandbox.id);
    try {
      core.files.remove(sandbox.id);
    } catch (error) {
      core.log.error(
        { sandbox: sandbox.name, error: errorText(error) },
        "could not remove the files of a sandbox",
      );
    }
  }

  /**
   * Drops links and namespace. In a namespace of ours the kernel reaps the links with it, so nobody waits for the 20 ms that
   * deleting each would take; the deletes that follow behind catch what a left-over process keeps alive. In an adopted
   * namespace the links must be gone when the caller hears of it, and then there is something to wait for.
   */
  #drop(sandbox: Sandbox, endpoints: readonly Endpoint[]): Promise<void> | undefined {
    const core = this.#core;
    const { id, netns } = sandbox;
    const ops: Op[] = removeOps(this.endpoints.blueprint(sandbox, endpoints));
    if (netns.kind === "own") {
      const outside = ops.filter((op) => "netns" in op && op.netns === HOST_NETNS);
      void core.later("sandbox.remove", async () => {
        const gone = outside.length === 0 ? undefined : core.host.apply(outside);
        core.host.deleteNetns(id);
        await gone;
      });
      return undefined;
    }
    // The host's own namespace got nothing.
    if (netns.kind === "host") return undefined;
    return core.later("sandbox.remove", async () => {
      try {
        await core.host.apply([...ops, { op: "resolver.redirect", netns: id, port: 0 }]);
      } finally {
        core.host.deleteNetns(id);
      }
    });
  }
}
