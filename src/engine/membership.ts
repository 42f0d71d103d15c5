import { NetError } from "../base/errors.ts";
import type { Endpoint, EndpointRequest } from "../model/endpoint.ts";
import type { Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";
import type { Core } from "./core.ts";
import type { Endpoints } from "./endpoints.ts";
import { refuseConfigOnly } from "./network-config.ts";
import { prepareEndpoint } from "./prepare.ts";

/** Joining and leaving networks while a sandbox lives. */
export class Membership {
  readonly #core: Core;
  readonly #endpoints: Endpoints;

  constructor(core: Core, endpoints: Endpoints) {
    this.#core = core;
    this.#endpoints = endpoints;
  }

  async connect(sandboxRef: string, request: EndpointRequest): Promise<Endpoint> {
    const core = this.#core;
    const op = "endpoint.attach";
    const networkId = core.state.findNetwork(request.network, op).id;
    const { id } = core.state.findSandbox(sandboxRef, op);
    return core.lock.run(`sandbox:${id}`, async () => {
      const sandbox = core.state.findSandbox(id, op);
      // A link that a removed sandbox still has must not answer for the address or MAC asked for by name.
      if (namesAddress(request) && core.background.size > 0) await core.settled();
      // Removed while we waited? From here to the commit nothing is awaited, and a removal looks for endpoints first.
      const network = core.state.findNetwork(networkId, op);
      refuseConfigOnly(network);
      const present = core.state.endpointsOf(id);
      this.#refuseMix(sandbox, network, present);
      await using undo = core.undoStack(op);
      const takenLinks = sandbox.netns.kind === "own" ? [] : core.host.observe(id).links.map((l) => l.name);
      const { prepared, intent } = core.commit("process", () => {
        const one = prepareEndpoint(core, { sandbox, network, wish: request, present, takenLinks });
        this.#endpoints.record([one]);
        const record = { kind: "endpoint.attach", endpointId: one.endpoint.id, sandboxId: id } as const;
        return { prepared: one, intent: core.store.addIntent(record) };
      });
      const { endpoint } = prepared;
      core.state.putEndpoint(endpoint);
      undo.defer(() => {
        core.state.deleteEndpoint(endpoint.id);
        core.commit("process", () => {
          this.#endpoints.forget([endpoint]);
          core.store.clearIntent(intent);
        });
        this.#endpoints.tryWriteFiles(sandbox);
      });
      core.step("endpoint.attach:intended");
      const joined = await this.#endpoints.join(sandbox, [endpoint], undo);
      this.#endpoints.writeFiles(joined);
      core.commit("process", () => {
        this.#endpoints.acknowledge([prepared]);
        if (joined !== sandbox) core.store.putSandbox(joined);
        core.store.clearIntent(intent);
      });
      undo.commit();
      core.state.putSandbox(joined);
      core.step("endpoint.attach:committed");
      emitMembership(core, "connect", joined, network);
      return endpoint;
    });
  }

  #refuseMix(sandbox: Sandbox, network: Network, present: readonly Endpoint[]): void {
    const refuse = (message: string, remedy: string): NetError =>
      new NetError("invalid", "endpoint.attach", {
        message,
        subject: sandbox.name,
        field: "network",
        value: network.name,
        remedy,
      });
    if (sandbox.netns.kind === "host") {
      throw refuse(
        "container sharing network namespace with another container or host cannot be connected to any other network",
        "make a new sandbox on the network",
      );
    }
    if (network.driver === "host") {
      throw refuse(
        "cannot connect container to host network - container must be created in host network mode",
        "make a new sandbox on the host network",
      );
    }
    const isNone = present.some((e) => this.#core.network(e.networkId).driver === "none");
    if (isNone || (network.driver === "none" && present.length > 0)) {
      throw refuse(
        "container cannot be connected to multiple networks with one of the networks in private (none) mode",
        "disconnect it from the other networks first",
      );
    }
  }

  async disconnect(sandboxRef: string, networkRef: string): Promise<void> {
    const core = this.#core;
    const op = "endpoint.detach";
    const network = core.state.findNetwork(networkRef, op);
    const { id } = core.state.findSandbox(sandboxRef, op);
    await core.lock.run(`sandbox:${id}`, async () => {
      const sandbox = core.state.findSandbox(id, op);
      const endpoint = core.state.endpointsOf(id).find((e) => e.networkId === network.id);
      if (endpoint === undefined) throw notConnected(sandbox, network);
      if (network.driver === "host") {
        throw new NetError("invalid", op, {
          message:
            "cannot disconnect container from host network - container was created in host network mode",
          subject: sandbox.name,
          field: "network",
          value: network.name,
          remedy: "remove the sandbox",
        });
      }
      await using undo = core.undoStack(op);
      const record = { kind: "endpoint.detach", endpointId: endpoint.id, sandboxId: id } as const;
      const intent = core.commit("process", () => core.store.addIntent(record));
      undo.defer(() => {
        core.commit("process", () => core.store.clearIntent(intent));
      });
      core.step("endpoint.detach:intended");
      const left = await this.#endpoints.leave(sandbox, endpoint, undo);
      core.commit("process", () => {
        this.#endpoints.forget([endpoint]);
        if (left !== sandbox) core.store.putSandbox(left);
        core.store.clearIntent(intent);
      });
      undo.commit();
      core.state.deleteEndpoint(endpoint.id);
      core.state.putSandbox(left);
      this.#endpoints.settlePorts(left);
      core.step("endpoint.detach:committed");
      this.#endpoints.tryWriteFiles(left);
      emitMembership(core, "disconnect", left, network);
    });
  }
}

/** Whether a wish asks for a particular address or MAC. */
export function namesAddress(wish: EndpointRequest): boolean {
  return wish.ipv4 !== undefined || wish.ipv6 !== undefined || wish.mac !== undefined;
}

function notConnected(sandbox: Sandbox, network: Network): NetError {
  return new NetError("not_found", "endpoint.detach", {
    message: `container ${sandbox.name} is not connected to network ${network.name}`,
    subject: sandbox.name,
    field: "network",
    value: network.name,
    remedy: "give a network that the sandbox is on",
  });
}

/** `connect` or `disconnect`, as `docker events` tells it. */
export function emitMembership(
  core: Core,
  action: "connect" | "disconnect",
  sandbox: Sandbox,
  network: Network,
): void {
  const attributes = {
    name: network.name,
    driver: network.driver,
    sandbox: sandbox.name,
    sandboxId: sandbox.id,
  };
  core.events.emit({ type: "network", action, id: network.id, attributes });
}
