import { errorText, NetError } from "../base/errors.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { EgressPolicy, Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";
import { removeOps } from "../plan/blueprint.ts";
import { compareGateways } from "../plan/gateway.ts";
import type { Engine, NetworkView, Peering, PolicyView, PoolUsageView, SandboxView } from "./contract.ts";
import { ContainerTable } from "./containers/containers.ts";
import { Core, type EngineParts } from "./core.ts";
import { examine } from "./doctor.ts";
import { Membership } from "./membership.ts";
import { networkBlueprint } from "./network-rules.ts";
import { Networks } from "./networks.ts";
import { Partition } from "./partition.ts";
import { showEgressRule } from "./egress-rules.ts";
import { Peers } from "./peers.ts";
import { Policies } from "./policies.ts";
import { showSpan } from "./port-spans.ts";
import { Publishing } from "./publishing.ts";
import { Reconciler } from "./reconcile.ts";
import { Recovery } from "./recovery.ts";
import { Sandboxes } from "./sandboxes.ts";
import { Sanctioned } from "./sanctioned.ts";
import { Takeover } from "./takeover.ts";
import { watchKernel } from "./watch.ts";
import { Zones } from "./zones.ts";

/**
 * Starts the controller: reads the store, settles what a former daemon left undone, repairs the kernel, takes over what
 * runs, and makes the predefined networks.
 */
export async function startEngine(parts: EngineParts): Promise<Engine> {
  const core = new Core(parts);
  const networks = new Networks(core);
  const sandboxes = new Sandboxes(core);
  const { endpoints } = sandboxes;
  const membership = new Membership(core, endpoints);
  const containers = new ContainerTable(core, { sandboxes, membership }, (sandbox) =>
    sandboxView(core, sandbox),
  );
  const publishing = new Publishing(core, endpoints);
  const takeover = new Takeover(core, endpoints);
  const zones = new Zones(core);
  const reconciler = new Reconciler(core, { endpoints, takeover, sanctioned: new Sanctioned(core), zones });
  const recovery = new Recovery(core, { sandboxes, takeover, reconciler });
  await recovery.load();
  await recovery.adopt();
  await containers.resume();
  await networks.ensurePredefined();
  const partition = new Partition(core);
  const unwatch = watchKernel(core, reconciler);
  return engineOf({
    core,
    networks,
    sandboxes,
    containers,
    membership,
    publishing,
    reconciler,
    partition,
    zones,
    unwatch,
  });
}

interface Rooms {
  readonly core: Core;
  readonly networks: Networks;
  readonly sandboxes: Sandboxes;
  readonly containers: ContainerTable;
  readonly membership: Membership;
  readonly publishing: Publishing;
  readonly reconciler: Reconciler;
  readonly partition: Partition;
  readonly zones: Zones;
  readonly unwatch: () => void;
}

function engineOf(rooms: Rooms): Engine {
  const { core, networks, sandboxes, containers, membership, publishing, reconciler, partition } = rooms;
  const { zones, unwatch } = rooms;
  const { state } = core;
  const { lifecycle } = sandboxes;
  const peers = new Peers(core);
  const policies = new Policies(core);
  let closing: Promise<void> | undefined;
  const open = async <T>(task: () => Promise<T>): Promise<T> => {
    if (closing !== undefined) throw isClosed();
    try {
      return await task();
    } catch (error) {
      throw inOurWords(error);
    }
  };
  const through = <T>(task: () => Promise<T>): Promise<T> => open(() => core.gate.shared(task));
  return {
    networkDrivers: () => core.driverNames(),
    createNetwork: (request) =>
      through(async () => networkView(core, await networks.create(request, { predefined: false }))),
    networks: () => [...state.networks.values()].map((n) => networkView(core, n)),
    network: (ref) => networkView(core, state.findNetwork(ref, "network.inspect")),
    removeNetwork: (ref) => through(() => networks.remove(ref)),
    pruneNetworks: (which) => through(() => networks.prune(which)),
    peer: (ref, request) => through(async () => networkView(core, await peers.peer(ref, request))),
    unpeer: (ref, otherRef) => through(() => peers.unpeer(ref, otherRef)),
    setPolicy: (ref, request) => through(async () => networkView(core, await policies.set(ref, request))),
    clearPolicy: (ref, of) => through(() => policies.clear(ref, of)),
    leases(ref) {
      const network = state.findNetwork(ref, "network.leases");
      return network.ipam.pools.flatMap((pool) => [...core.ipamOf(network).leases(pool.subnet)]);
    },
    connect: (sandboxRef, request) => through(() => membership.connect(sandboxRef, request)),
    disconnect: (sandboxRef, networkRef) => through(() => membership.disconnect(sandboxRef, networkRef)),
    containers: containersOf(containers, { open, through }),
    publish: (ref, ports) => through(async () => sandboxView(core, await publishing.publish(ref, ports))),
    allow: (ref, ports) => through(async () => sandboxView(core, await publishing.allow(ref, ports))),
    unpublish: (ref, ports) => through(async () => sandboxView(core, await publishing.unpublish(ref, ports))),
    setLink: (sandboxRef, networkRef, to) =>
      through(async () => partition.setLink(sandboxRef, networkRef, to)),
    setPartition: (groups) => through(async () => partition.setGroups(groups)),
    partition: () => partition.view(),
    createSandbox: (request) => through(async () => sandboxView(core, await sandboxes.create(request))),
    sandboxes: () => [...state.sandboxes.values()].map((s) => sandboxView(core, s)),
    sandbox: (ref) => sandboxView(core, state.findSandbox(ref, "sandbox.inspect")),
    startProcess: (ref, process) =>
      through(async () => sandboxView(core, await lifecycle.start(ref, process))),
    adoptProcess: (ref, { pid, spec }) =>
      through(async () => sandboxView(core, await lifecycle.adopt(ref, pid, spec))),
    // Not through the gate: the end of a process may remove its sandbox, which goes through it itself.
    reportExit: (ref, exitCode) => open(() => lifecycle.reportExit(ref, exitCode)),
    stopProcess: (ref, { timeoutSeconds, signal }) => open(() => lifecycle.stop(ref, timeoutSeconds, signal)),
    removeSandbox: (ref, request) => through(() => sandboxes.remove(ref, request)),
    logPath: (ref) => core.files.logPath(state.findSandbox(ref, "sandbox.logs").id),
    sandboxFiles: (ref) => core.files.paths(state.findSandbox(ref, "sandbox.inspect").id),
    subscribe: (listener, since) => core.events.subscribe(listener, since),
    reconcile: (request) => open(() => reconciler.reconcile(request)),
    resolverMetrics: () => core.resolver.metrics(),
    examine: () => through(async () => examine(core)),
    withdraw: () => open(() => core.gate.exclusive(() => withdraw(core, { zones, unwatch }))),
    close() {
      unwatch();
      lifecycle.close();
      containers.close();
      // What was begun is finished, and what waits behind it is refused.
      closing ??= core.gate.exclusive(() => close(core, zones));
      return closing;
    },
  };
}

async function close(core: Core, zones: Zones): Promise<void> {
  await zones.close();
  await core.settled();
  await core.resolver.close();
  core.ports.close();
  core.store.close();
  core.host.close();
}

function isClosed(): NetError {
  return new NetError("unavailable", "engine", {
    message: "the daemon is ending: ask again when it is back",
  });
}

/** Failures are NetErrors; anything else is a fault of ours. */
function inOurWords(error: unknown): unknown {
  if (error instanceof NetError) return error;
  return new NetError("internal", "engine", { message: errorText(error), cause: error });
}

async function withdraw(
  core: Core,
  { zones, unwatch }: { readonly zones: Zones; readonly unwatch: () => void },
): Promise<void> {
  const { sandboxes, networks } = core.state;
  const own = [...networks.values()].filter((network) => !network.predefined);
  if (sandboxes.size > 0 || own.length > 0) {
    throw new NetError("in_use", "engine.withdraw", {
      message: `there are ${sandboxes.size} sandboxes and ${own.length} networks of users`,
      remedy: "remove them first",
    });
  }
  // Or our own watch would put back what we take out.
  unwatch();
  await core.settled();
  await core.host.apply([...networks.values()].flatMap((n) => removeOps(networkBlueprint(core, n))));
  core.host.sanction({ bridges: [], uplinks: [] }, { dryRun: false });
  await zones.withdraw();
  core.host.removeFirewall();
}

function networkView(core: Core, network: Network): NetworkView {
  return {
    ...network,
    usage: usageOf(core, network),
    peerings: peeringsOf(core, network),
    policies: policiesOf(core, network),
    endpoints: core.state
      .endpointsOn(network.id)
      .map((e) => ({ ...e, sandboxName: core.state.sandboxes.get(e.sandboxId)?.name ?? "" })),
  };
}

function usageOf(core: Core, network: Network): PoolUsageView[] {
  const shown = (count: bigint): number =>
    Number(count > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : count);
  return network.ipam.pools.map(({ subnet }) => {
    const { inUse, available } = core.ipamOf(network).usage(subnet);
    return { subnet, inUse: shown(inUse), available: shown(available) };
  });
}

function peeringsOf({ state }: Core, { id, peers = [] }: Network): Peering[] {
  const rows = (
    direction: Peering["direction"],
    list: NonNullable<Network["peers"]>,
    other?: Network,
  ): Peering[] =>
    list.flatMap(({ network, ports }) => {
      const { name } = other ?? state.networks.get(network) ?? {};
      return name === undefined ? [] : [{ direction, network: name, ports: ports.map(showSpan) }];
    });
  const incoming = [...state.networks.values()].flatMap((other) =>
    rows(
      "from",
      (other.peers ?? []).filter((peer) => peer.network === id),
      other,
    ),
  );
  return [...rows("to", peers), ...incoming];
}

function policiesOf({ state }: Core, { id, policy }: Network): PolicyView[] {
  const view = (one: EgressPolicy): PolicyView => ({
    default: one.default,
    rules: one.rules.map(showEgressRule),
  });
  const own = state.endpointsOn(id).flatMap((endpoint) => {
    const sandbox = state.sandboxes.get(endpoint.sandboxId)?.name;
    return endpoint.policy === undefined || sandbox === undefined
      ? []
      : [{ sandbox, ...view(endpoint.policy) }];
  });
  return [...(policy === undefined ? [] : [view(policy)]), ...own];
}

function sandboxView(core: Core, sandbox: Sandbox): SandboxView {
  const endpoints: Endpoint[] = core.state.endpointsOf(sandbox.id);
  const resolver = core.resolver.metricsOf(sandbox.id);
  return {
    ...sandbox,
    ...(resolver === undefined ? {} : { resolver }),
    endpoints: core
      .candidates(endpoints)
      .toSorted(compareGateways)
      .map(({ endpoint, network }) => ({ ...endpoint, networkName: network.name, driver: network.driver })),
  };
}

/** As they are, but for what an engine that has ended refuses. */
function containersOf(
  containers: ContainerTable,
  ways: Readonly<Record<"open" | "through", <T>(task: () => Promise<T>) => Promise<T>>>,
): Engine["containers"] {
  // What makes or removes sandboxes goes through the gate itself.
  const { open, through } = ways;
  return {
    list: () => containers.list(),
    find: (ref) => containers.find(ref),
    create: (request) => open(() => containers.create(request)),
    start: (ref) => open(() => containers.start(ref)),
    stop: (ref, request) => open(() => containers.stop(ref, request)),
    kill: (ref, signal) => open(() => containers.kill(ref, signal)),
    remove: (ref, request) => open(() => containers.remove(ref, request)),
    rename: (ref, name) => open(() => containers.rename(ref, name)),
    connect: (ref, request) => through(() => containers.connect(ref, request)),
    disconnect: (ref, networkRef) => through(() => containers.disconnect(ref, networkRef)),
    resize: (ref, size) => containers.resize(ref, size),
    wait: (ref, condition, left) => open(() => containers.wait(ref, condition, left)),
    attach: (ref) => containers.attach(ref),
    log: (ref) => containers.log(ref),
    createExec: (ref, spec) => containers.createExec(ref, spec),
    exec: (id) => containers.exec(id),
    startExec: (id, request) => open(() => containers.startExec(id, request)),
    resizeExec: (id, size) => containers.resizeExec(id, size),
  };
}
