import { invalid, NetError } from "../base/errors.ts";
import { parseMac } from "../base/mac.ts";
import type { UndoStack } from "../base/undo.ts";
import type { Endpoint, EndpointRequest } from "../model/endpoint.ts";
import { shortId, type EndpointId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";
import { createOps, firewallOps, mergeBlueprints, removeOps } from "../plan/blueprint.ts";
import { diffElements } from "../plan/firewall/index.ts";
import { grantAddress, releaseAddresses, type Grant } from "./addressing.ts";
import type { Core } from "./core.ts";
import { newId, newMac } from "./ids.ts";
import { checkAlias } from "./parse.ts";
import { publishFamilies, routeOps, trafficOf } from "./traffic.ts";

/** Docker's key for the name of the link inside the sandbox. */
const IFNAME_OPTION = "com.docker.network.endpoint.ifname";

/** An endpoint with its addresses requested and not yet acknowledged. */
export interface Prepared {
  readonly endpoint: Endpoint;
  readonly network: Network;
  readonly grants: readonly Grant[];
}

/** Endpoints: how a sandbox joins and leaves networks. Callers hold the sandbox's lock. */
export class Endpoints {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Checks a request and grants its addresses; inside a transaction. `present`: endpoints the sandbox has already. */
  prepare(
    sandbox: Sandbox,
    network: Network,
    request: EndpointRequest,
    present: readonly Endpoint[],
    takenLinks: readonly string[],
  ): Prepared {
    const core = this.#core;
    const driver = core.driverOf(network);
    driver.checkEndpoint(network, request);
    const twin = present.find((e) => e.networkId === network.id);
    if (twin !== undefined) {
      throw new NetError("conflict", "endpoint.attach", {
        message: `endpoint with name ${sandbox.name} already exists in network ${network.name}`,
        subject: sandbox.name,
        field: "network",
        value: network.name,
        remedy: "a sandbox joins a network once",
      });
    }
    const id = newId<EndpointId>();
    const base = {
      id,
      networkId: network.id,
      sandboxId: sandbox.id,
      aliases: aliasesOf(sandbox, request),
      gwPriority: parsePriority(request.gwPriority),
      options: { ...request.options },
    };
    if (!driver.capabilities.links) return { endpoint: base, network, grants: [] };
    const mac = request.mac === undefined ? newMac() : parseMac(request.mac, "mac", "endpoint.attach");
    const client = { id, mac, hostname: sandbox.name };
    const v4 = grantAddress(core, network, client, { family: 4, address: request.ipv4, field: "ipv4" });
    const v6 = grantAddress(core, network, client, { family: 6, address: request.ipv6, field: "ipv6" });
    const used = [...present.flatMap((e) => e.interfaceName ?? []), ...takenLinks];
    const endpoint: Endpoint = {
      ...base,
      mac,
      ...(v4 === undefined
        ? {}
        : { ipv4: v4.address, ...(v4.gateway === undefined ? {} : { gateway4: v4.gateway }) }),
      ...(v6 === undefined
        ? {}
        : { ipv6: v6.address, ...(v6.gateway === undefined ? {} : { gateway6: v6.gateway }) }),
      interfaceName: interfaceName(request, driver.interfacePrefix(network), used),
      hostInterface: `ndv${shortId(id)}`,
    };
    return { endpoint, network, grants: [v4, v6].filter((g) => g !== undefined) };
  }

  /** Puts prepared endpoints where others see them; inside the same transaction. */
  record(prepared: readonly Prepared[]): void {
    for (const { endpoint } of prepared) this.#core.store.putEndpoint(endpoint);
  }

  /** Makes the addresses durable; inside the committing transaction. */
  acknowledge(prepared: readonly Prepared[]): void {
    for (const { network, grants } of prepared) {
      for (const { lease } of grants) this.#core.ipamOf(network).acknowledge(lease);
    }
  }

  /** Takes back `prepare` and `record`; inside a transaction. */
  forget(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      releaseAddresses(this.#core, this.#core.network(endpoint.networkId), endpoint);
      this.#core.store.deleteEndpoint(endpoint.id);
    }
  }

  /**
   * Makes endpoints real: links, addresses, routes; then the resolver; then published ports, so that nobody reaches a
   * half-made stack. Every deed leaves its undo on the stack. Returns the sandbox with what changed in it.
   */
  async join(sandbox: Sandbox, added: readonly Endpoint[], undo: UndoStack): Promise<Sandbox> {
    const core = this.#core;
    const after = core.state.endpointsOf(sandbox.id);
    const before = after.filter((e) => !added.includes(e));
    const held = core.ports.of(sandbox.id);
    const was = trafficOf(core, before, held);
    const blueprint = mergeBlueprints(
      added.map((endpoint) => {
        const network = core.network(endpoint.networkId);
        return core.driverOf(network).endpoint({ network, endpoint, sandbox });
      }),
    );
    const routes = routeOps(sandbox, was, trafficOf(core, after, held));
    await core.host.apply([...createOps(blueprint), ...routes]);
    undo.defer(async () => {
      const back = routeOps(sandbox, trafficOf(core, after, held), was);
      await core.host.apply([...back, ...removeOps(blueprint)]);
    });
    core.step("endpoint.attach:linked");
    const resolved = await this.#startResolver(sandbox, after, undo);
    core.step("endpoint.attach:resolver");
    const published = await this.#publish(resolved, before, after, undo);
    core.step("endpoint.attach:published");
    this.writeFiles(published);
    return published;
  }

  /** Removes one endpoint from the kernel; the caller's transaction forgets it. Every step may be repeated. */
  async leave(sandbox: Sandbox, endpoint: Endpoint): Promise<Sandbox> {
    const core = this.#core;
    const before = core.state.endpointsOf(sandbox.id);
    const after = before.filter((e) => e.id !== endpoint.id);
    const held = core.ports.of(sandbox.id);
    const was = trafficOf(core, before, held);
    const will = trafficOf(core, after, held);
    await core.host.apply([...routeOps(sandbox, was, will), ...elementOps(was.elements, will.elements)]);
    core.step("endpoint.detach:unpublished");
    const network = core.network(endpoint.networkId);
    await core.host.apply(removeOps(core.driverOf(network).endpoint({ network, endpoint, sandbox })));
    core.step("endpoint.detach:unlinked");
    if (will.bindings.length === 0) core.ports.release(sandbox.id);
    return { ...sandbox, bindings: will.bindings };
  }

  writeFiles(sandbox: Sandbox): void {
    const core = this.#core;
    core.files.write(sandbox, core.state.endpointsOf(sandbox.id), {
      resolver: core.resolving.has(sandbox.id),
      host: core.resolvConf(),
    });
  }

  /** The resolver runs from the first user-defined network on; the default bridge has no names, as in Docker. */
  async #startResolver(sandbox: Sandbox, endpoints: readonly Endpoint[], undo: UndoStack): Promise<Sandbox> {
    const core = this.#core;
    const wanted = endpoints.some((e) => {
      const network = core.network(e.networkId);
      return !network.predefined && core.driverOf(network).capabilities.links;
    });
    if (!wanted || core.resolving.has(sandbox.id)) return sandbox;
    const sockets = core.host.openResolver(sandbox.id, sandbox.resolverPort);
    core.resolver.start(sandbox.id, sockets);
    core.resolving.add(sandbox.id);
    undo.defer(() => {
      core.resolving.delete(sandbox.id);
      core.resolver.stop(sandbox.id);
    });
    await core.host.apply([{ op: "resolver.redirect", netns: sandbox.id, port: sockets.port }]);
    return { ...sandbox, resolverPort: sockets.port };
  }

  async #publish(
    sandbox: Sandbox,
    before: readonly Endpoint[],
    after: readonly Endpoint[],
    undo: UndoStack,
  ): Promise<Sandbox> {
    const core = this.#core;
    if (sandbox.ports.length === 0) return sandbox;
    const was = trafficOf(core, before, core.ports.of(sandbox.id));
    if (core.ports.of(sandbox.id).length === 0) {
      const families = publishFamilies(core, after);
      if (families.length === 0) return sandbox;
      const gateway = after
        .map((e) => core.network(e.networkId))
        .find((n) => core.driverOf(n).capabilities.publish);
      const defaultIp = gateway === undefined ? undefined : core.driverOf(gateway).hostBinding?.(gateway);
      core.ports.hold(sandbox.id, sandbox.ports, { families, defaultIp });
      undo.defer(() => core.ports.release(sandbox.id));
    }
    const will = trafficOf(core, after, core.ports.of(sandbox.id));
    const ops = elementOps(was.elements, will.elements);
    await core.host.apply(ops);
    undo.defer(() => core.host.apply(elementOps(will.elements, was.elements)));
    return { ...sandbox, bindings: will.bindings };
  }
}

function elementOps(
  before: Parameters<typeof diffElements>[0],
  after: Parameters<typeof diffElements>[1],
): ReturnType<typeof firewallOps> {
  const { add, remove } = diffElements(before, after);
  return firewallOps(add, remove);
}

function aliasesOf(sandbox: Sandbox, request: EndpointRequest): string[] {
  const aliases = (request.aliases ?? []).map((alias, i) => checkAlias(alias, `aliases[${i}]`));
  return [...new Set([sandbox.name, ...aliases])];
}

function parsePriority(priority: number | undefined): number {
  if (priority === undefined) return 0;
  if (Number.isInteger(priority) && Math.abs(priority) < 2 ** 31) return priority;
  throw invalid("gwPriority", priority, "write a whole number of 32 bits", "endpoint.attach");
}

/** The name asked for, or the lowest free number behind the network's prefix. */
function interfaceName(request: EndpointRequest, prefix: string, used: readonly string[]): string {
  const wanted = request.interfaceName ?? request.options?.[IFNAME_OPTION];
  if (wanted === undefined) {
    for (let i = 0; ; i++) if (!used.includes(`${prefix}${i}`)) return `${prefix}${i}`;
  }
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(wanted) || wanted === "." || wanted === "..") {
    const right = "write 1 to 15 letters, digits, '.', '_' or '-'";
    throw invalid("interfaceName", wanted, right, "endpoint.attach");
  }
  if (!used.includes(wanted) && wanted !== "lo") return wanted;
  throw new NetError("conflict", "endpoint.attach", {
    message: `interfaceName: the sandbox has a link named ${wanted} already`,
    field: "interfaceName",
    value: wanted,
    remedy: "choose another name, or leave it out",
  });
}
