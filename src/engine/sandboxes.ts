import { NetError } from "../base/errors.ts";
import type { Endpoint, EndpointRequest } from "../model/endpoint.ts";
import { shortId, type SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import { HOST_NETNS } from "../model/ops.ts";
import type { Sandbox, SandboxRequest } from "../model/sandbox.ts";
import { firewallOps, removeOps } from "../plan/blueprint.ts";
import type { Core } from "./core.ts";
import { Endpoints, type Prepared } from "./endpoints.ts";
import { newId, newName } from "./ids.ts";
import { Lifecycle } from "./lifecycle.ts";
import { emitMembership } from "./membership.ts";
import { checkExclusive, checkHostname, checkName, parseProcess, parseSandboxParts } from "./parse.ts";
import { hostGateway, trafficOf } from "./traffic.ts";

/** Sandboxes: made with all their networks at once, joined and left live, removed. */
export class Sandboxes {
  readonly #core: Core;
  readonly #endpoints: Endpoints;
  readonly #lifecycle: Lifecycle;

  constructor(core: Core) {
    this.#core = core;
    this.#endpoints = new Endpoints(core);
    this.#lifecycle = new Lifecycle(core, (id) => core.gate.shared(() => this.remove(id, { force: true })));
  }

  get lifecycle(): Lifecycle {
    return this.#lifecycle;
  }

  get endpoints(): Endpoints {
    return this.#endpoints;
  }

  async create(request: SandboxRequest): Promise<Sandbox> {
    const core = this.#core;
    const op = "sandbox.create";
    const networks = (request.networks ?? [{ network: "bridge" }]).map((wish, i) => ({
      wish,
      network: this.#networkFor(wish, `networks[${i}].network`),
    }));
    checkExclusive(
      networks.map((n) => n.network.name),
      networks.map((n) => n.network.driver),
    );
    const { sandbox, planned } = this.#describe(request, networks[0]?.network);
    return core.lock.run(`sandbox:${sandbox.id}`, async () => {
      core.state.putSandbox(sandbox);
      try {
        return await this.#make(sandbox, planned === undefined ? {} : { process: planned }, networks);
      } catch (error) {
        core.state.deleteSandbox(sandbox.id);
        throw error instanceof NetError
          ? error
          : new NetError("internal", op, { message: String(error), cause: error });
      }
    });
  }

  #networkFor(wish: EndpointRequest, field: string): Network {
    try {
      return this.#core.state.findNetwork(wish.network, "sandbox.create");
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      throw new NetError(error.code, error.op, {
        message: `${field}: ${error.message}`,
        field,
        value: wish.network,
      });
    }
  }

  #describe(
    request: SandboxRequest,
    first: Network | undefined,
  ): { sandbox: Sandbox; planned: SandboxRequest["process"] } {
    const core = this.#core;
    const op = "sandbox.create";
    const id = newId<SandboxId>();
    const name = request.name ?? newName((n) => core.state.sandboxNamed(n) !== undefined);
    checkName(name, "name", op);
    const other = core.state.sandboxNamed(name);
    if (other !== undefined) {
      throw new NetError("conflict", op, {
        message: `name: "${name}" is already in use by sandbox ${shortId(other.id)}`,
        subject: name,
        field: "name",
        value: name,
        remedy: "choose another name, or remove that sandbox",
      });
    }
    const parts = parseSandboxParts(request, () => hostGateway(core));
    const hostMode = first?.driver === "host";
    if (hostMode && parts.netns.kind !== "own") {
      throw new NetError("invalid", op, {
        message: "netns: a sandbox on the host network has no namespace of its own to adopt",
        field: "netns",
      });
    }
    const sandbox: Sandbox = {
      ...parts,
      id,
      name,
      hostname: request.hostname === undefined ? shortId(id) : checkHostname(request.hostname, "hostname"),
      created: new Date(core.clock.now()).toISOString(),
      netns: hostMode ? { kind: "host" } : parts.netns,
      netnsPath: hostMode ? core.host.netnsPath(HOST_NETNS) : core.host.netnsPath(id),
      bindings: [],
      state: "created",
      autoRemove: request.autoRemove ?? false,
    };
    return {
      sandbox,
      planned: request.process === undefined ? undefined : parseProcess(request.process, "process"),
    };
  }

  async #make(
    sandbox: Sandbox,
    extra: { readonly process?: NonNullable<SandboxRequest["process"]> },
    networks: readonly { readonly wish: EndpointRequest; readonly network: Network }[],
  ): Promise<Sandbox> {
    const core = this.#core;
    await using undo = core.undoStack("sandbox.create");
    const { prepared, intent } = core.commit("process", () => {
      core.store.putSandbox(sandbox);
      const done: Prepared[] = [];
      for (const { wish, network } of networks) {
        done.push(
          this.#endpoints.prepare(
            sandbox,
            network,
            wish,
            done.map((p) => p.endpoint),
            [],
          ),
        );
      }
      this.#endpoints.record(done);
      return {
        prepared: done,
        intent: core.store.addIntent({ kind: "sandbox.create", sandboxId: sandbox.id }),
      };
    });
    const endpoints = prepared.map((p) => p.endpoint);
    for (const endpoint of endpoints) core.state.putEndpoint(endpoint);
    undo.defer(() => {
      core.commit("process", () => {
        this.#endpoints.forget(endpoints);
        core.store.deleteSandbox(sandbox.id);
        core.store.clearIntent(intent);
      });
      for (const endpoint of endpoints) core.state.deleteEndpoint(endpoint.id);
    });
    core.step("sandbox.create:intended");
    this.#openNetns(sandbox);
    undo.defer(() => core.host.deleteNetns(sandbox.id));
    core.step("sandbox.create:netns");
    await this.#applySysctls(sandbox);
    undo.defer(() => core.files.remove(sandbox.id));
    this.#endpoints.writeFiles(sandbox);
    core.step("sandbox.create:files");
    let made = await this.#endpoints.join(sandbox, endpoints, undo);
    core.step("sandbox.create:attached");
    if (extra.process !== undefined) {
      made = this.#lifecycle.spawn(made, extra.process, undo);
      core.step("sandbox.create:started");
    }
    core.commit("process", () => {
      this.#endpoints.acknowledge(prepared);
      core.store.putSandbox(made);
      core.store.clearIntent(intent);
    });
    undo.commit();
    core.state.putSandbox(made);
    core.step("sandbox.create:committed");
    this.#announce(made, endpoints);
    return made;
  }

  #announce(sandbox: Sandbox, endpoints: readonly Endpoint[]): void {
    const { events } = this.#core;
    const { id, name } = sandbox;
    events.emit({ type: "sandbox", action: "create", id, attributes: { name } });
    for (const endpoint of endpoints)
      emitMembership(this.#core, "connect", sandbox, this.#core.network(endpoint.networkId));
    if (sandbox.state === "running") {
      events.emit({
        type: "sandbox",
        action: "start",
        id,
        attributes: { name, pid: String(sandbox.status?.pid) },
      });
    }
  }

  #openNetns(sandbox: Sandbox): void {
    const { host } = this.#core;
    const { netns, id } = sandbox;
    switch (netns.kind) {
      case "own":
        host.createNetns(id);
        break;
      case "path":
        host.adoptNetns(id, { path: netns.path });
        break;
      case "pid":
        host.adoptNetns(id, { pid: netns.pid });
        break;
      case "host":
        break;
    }
  }

  async #applySysctls(sandbox: Sandbox): Promise<void> {
    const entries = Object.entries(sandbox.sysctls);
    if (entries.length === 0) return;
    if (sandbox.netns.kind === "host") {
      throw new NetError("forbidden", "sandbox.create", {
        message: "sysctls: a sandbox on the host network would change the host's own settings",
        field: "sysctls",
        remedy: "leave the sysctls out, or choose another network",
      });
    }
    const ops = entries.map(([key, value]) => ({ op: "sysctl.set", netns: sandbox.id, key, value }) as const);
    await this.#core.host.apply(ops);
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
      const intent = core.commit("process", () =>
        core.store.addIntent({ kind: "sandbox.remove", sandboxId: id }),
      );
      core.step("sandbox.remove:intended");
      await this.#lifecycle.kill(sandbox);
      core.step("sandbox.remove:stopped");
      const endpoints = core.state.endpointsOf(id);
      await this.#unpublish(sandbox, endpoints);
      core.step("sandbox.remove:unpublished");
      core.commit("process", () => {
        this.#endpoints.forget(endpoints);
        core.store.deleteSandbox(id);
        core.store.clearIntent(intent);
      });
      core.step("sandbox.remove:committed");
      await this.#dropStack(sandbox, endpoints);
      core.step("sandbox.remove:dropped");
      for (const endpoint of endpoints) {
        const network = core.network(endpoint.networkId);
        core.state.deleteEndpoint(endpoint.id);
        emitMembership(core, "disconnect", sandbox, network);
      }
      core.state.deleteSandbox(id);
      core.events.emit({ type: "sandbox", action: "destroy", id, attributes: { name: sandbox.name } });
    });
  }

  async #unpublish(sandbox: Sandbox, endpoints: readonly Endpoint[]): Promise<void> {
    const core = this.#core;
    const { elements } = trafficOf(core, endpoints, core.ports.of(sandbox.id));
    await core.host.apply(firewallOps([], elements));
    core.ports.release(sandbox.id);
    if (core.resolving.delete(sandbox.id)) core.resolver.stop(sandbox.id);
  }

  /**
   * Drops links, namespace and files. In a namespace of ours the kernel reaps the links with it, so nobody waits for the
   * 20 ms that deleting each would take; the delete that follows behind catches what a left-over process keeps alive.
   * In an adopted namespace the links must be gone when the caller hears of it.
   */
  async #dropStack(sandbox: Sandbox, endpoints: readonly Endpoint[]): Promise<void> {
    const core = this.#core;
    const ops = endpoints.flatMap((endpoint) => {
      const network = core.network(endpoint.networkId);
      return removeOps(core.driverOf(network).endpoint({ network, endpoint, sandbox }));
    });
    if (sandbox.netns.kind === "own") core.later("sandbox.remove", () => core.host.apply(ops));
    else await core.host.apply(ops);
    if (sandbox.netns.kind !== "host") core.host.deleteNetns(sandbox.id);
    core.files.remove(sandbox.id);
  }
}
