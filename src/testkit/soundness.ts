import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { addressOf } from "../base/cidr.ts";
import { familyOf } from "../base/ip.ts";
import type { SandboxView } from "../engine/contract.ts";
import { HOST_NETNS } from "../model/ops.ts";
import type { Boot, Machine } from "./machine.ts";

/**
 * What must hold of a machine whenever no operation is under way: store, memory and kernel agree, everything has an owner,
 * and nothing is owned twice. Gives what does not hold, in words; a sound machine gives none.
 */
export async function faultsOf(machine: Machine, boot: Boot): Promise<string[]> {
  const { engine, host, resolving } = boot;
  const sandboxes = engine.sandboxes();
  const faults = [
    ...differs("intents", machine.store.intents(), []),
    ...(await engine.reconcile({ dryRun: true })).differences.map(({ text }) => `reconcile: ${text}`),
    ...differs(
      "pins",
      [...machine.kernel.pins.keys()].toSorted(),
      sandboxes
        .filter((s) => s.netns.kind !== "host")
        .map((s) => s.id as string)
        .toSorted(),
    ),
    ...differs(
      "links of the host",
      [...machine.kernel.host.links.keys()].toSorted(),
      hostLinks(machine, boot),
    ),
    ...sandboxes.flatMap((sandbox) => stackFaults(machine, sandbox)),
    ...leaseFaults(machine, boot),
    ...differs("ports", host.heldPorts, sandboxes.flatMap(portsOf).toSorted()),
    ...differs("ports led by the proxy", host.servedPorts, sandboxes.flatMap(proxiedPortsOf).toSorted()),
    ...differs(
      "resolvers",
      [...resolving].toSorted(),
      sandboxes
        .filter((s) => s.resolverPort !== undefined)
        .map((s) => s.id)
        .toSorted(),
    ),
    ...fileFaults(machine, sandboxes),
    ...storeFaults(machine, boot),
    ...processFaults(machine, sandboxes),
  ];
  const sysctls = machine.kernel.host.sysctls.get("net.ipv4.ip_forward");
  return sysctls === "1" ? faults : [...faults, "ip_forward is off"];
}

function differs(what: string, found: unknown, wanted: unknown): string[] {
  const [is, should] = [JSON.stringify(found), JSON.stringify(wanted)];
  return is === should ? [] : [`${what}: ${is} instead of ${should}`];
}

function hostLinks(machine: Machine, { engine }: Boot): string[] {
  const bridges = engine
    .networks()
    .filter((n) => n.driver === "bridge")
    .map((n) => n.options["com.docker.network.bridge.name"] ?? `nd-${n.id.slice(0, 12)}`);
  const outer = engine
    .sandboxes()
    .flatMap((s) => s.endpoints)
    .flatMap((e) => e.hostInterface ?? []);
  const others = [...machine.kernel.host.links.values()]
    .filter((l) => l.alias === "theirs")
    .map((l) => l.name);
  return ["lo", ...bridges, ...outer, ...others].toSorted();
}

/** Links, addresses and default routes inside a sandbox: what its endpoints say, and in one of ours nothing else. */
function stackFaults(machine: Machine, sandbox: SandboxView): string[] {
  if (sandbox.netns.kind === "host") return [];
  const { links, routes, redirect } = machine.kernel.netns(sandbox.id);
  const inner = sandbox.endpoints.flatMap((e) => e.interfaceName ?? []);
  // Endpoints come in the order of the gateway choice.
  const first4 = sandbox.endpoints.find((e) => e.gateway4 !== undefined);
  const first6 = sandbox.endpoints.find((e) => e.gateway6 !== undefined);
  const wanted = [
    ...(first4 === undefined ? [] : [`0.0.0.0/0 ${first4.gateway4} ${first4.interfaceName}`]),
    ...(first6 === undefined ? [] : [`::/0 ${first6.gateway6} ${first6.interfaceName}`]),
  ];
  const found = [...routes.values()].map((r) => `${r.destination} ${r.via} ${r.link}`);
  // In somebody else's namespace there may be links and routes of theirs.
  if (sandbox.netns.kind !== "own")
    return differs(
      "links",
      inner.filter((name) => !links.has(name)),
      [],
    );
  return [
    ...differs(`links of ${sandbox.name}`, [...links.keys()].toSorted(), ["lo", ...inner].toSorted()),
    ...differs(`routes of ${sandbox.name}`, found.toSorted(), wanted.toSorted()),
    ...(sandbox.resolverPort === undefined ? [] : differs("redirect", redirect, sandbox.resolverPort)),
  ];
}

function leaseFaults(machine: Machine, { engine }: Boot): string[] {
  const networks = engine.networks();
  const pools = networks.flatMap((n) => n.ipam.pools.map((p) => p.subnet as string));
  const stored = machine.store.leases.loadLeases().filter((l) => l.state !== "released");
  const faults = [
    ...differs(
      "pools",
      machine.store.leases
        .loadPools()
        .map((p) => p.subnet as string)
        .toSorted(),
      pools.toSorted(),
    ),
    ...differs(
      "states of leases",
      stored.map((l) => l.state).filter((state) => state !== "bound"),
      [],
    ),
  ];
  for (const network of networks) {
    const wanted = [
      ...network.ipam.pools.flatMap((p) =>
        p.gateway === undefined ? [] : [`${addressOf(p.gateway)} gateway:${network.id}`],
      ),
      ...network.ipam.pools.flatMap((p) =>
        Object.entries(p.auxAddresses).map(([name, ip]) => `${ip} aux:${name}`),
      ),
      ...network.endpoints.flatMap((e) =>
        [e.ipv4, e.ipv6].flatMap((cidr) => (cidr === undefined ? [] : [`${addressOf(cidr)} ${e.id}`])),
      ),
    ].toSorted();
    const subnets = network.ipam.pools.map((p) => p.subnet);
    const inStore = stored.filter((l) => subnets.includes(l.subnet)).map((l) => `${l.address} ${l.clientId}`);
    const inMemory = engine.leases(network.id).map((l) => `${l.address} ${l.clientId}`);
    faults.push(...differs(`stored leases of ${network.name}`, inStore.toSorted(), wanted));
    faults.push(...differs(`leases of ${network.name}`, inMemory.toSorted(), wanted));
  }
  return faults;
}

function portsOf(sandbox: SandboxView): string[] {
  return sandbox.bindings.flatMap(({ hostIp, hostPort, count, protocol }) =>
    // Open at the sandbox's own address: no port of the host's.
    Array.from({ length: hostPort === 0 ? 0 : count }, (_, i) => `${hostIp}:${hostPort + i}/${protocol}`),
  );
}

/** The firewall's part is compared by reconcile. */
function proxiedPortsOf({ bindings, endpoints }: SandboxView): string[] {
  return bindings.flatMap(({ hostIp, hostPort, containerPort, count, protocol, endpointId }) => {
    if (hostPort === 0) return [];
    const endpoint = endpoints.find((e) => e.id === endpointId);
    const own = familyOf(hostIp) === 4 ? endpoint?.ipv4 : endpoint?.ipv6;
    const target = own ?? (familyOf(hostIp) === 4 ? endpoint?.ipv6 : endpoint?.ipv4);
    const loopback6 = hostIp === "::1" || hostIp === "::";
    if (target === undefined || protocol === "sctp" || (own !== undefined && !loopback6)) return [];
    return Array.from(
      { length: count },
      (_, i) => `${hostIp}:${hostPort + i}/${protocol} → ${addressOf(target)} ${containerPort + i}`,
    );
  });
}

function fileFaults(machine: Machine, sandboxes: readonly SandboxView[]): string[] {
  const ids = sandboxes.map((s) => s.id as string).toSorted();
  const logs = readdirSync(join(machine.stateDir, "logs")).map((name) => name.replace(/\.log$/, ""));
  return [
    ...differs("files", readdirSync(join(machine.runDir, "sandboxes")).toSorted(), ids),
    ...differs(
      "logs of nobody",
      logs.filter((id) => !ids.includes(id)),
      [],
    ),
    ...ids
      .filter((id) => !existsSync(join(machine.runDir, "sandboxes", id, "hosts")))
      .map((id) => `no hosts of ${id}`),
  ];
}

function storeFaults(machine: Machine, { engine }: Boot): string[] {
  const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);
  const plain = (rows: readonly object[]): unknown => JSON.parse(JSON.stringify(rows));
  const networks = engine
    .networks()
    .map(({ endpoints: _, usage: _u, peerings: _p, policies: _o, ...network }) => network);
  const sandboxes = engine.sandboxes().map(({ endpoints: _, resolver: _r, ...sandbox }) => sandbox);
  const endpoints = engine
    .networks()
    .flatMap((n) => n.endpoints)
    .map(({ sandboxName: _, ...endpoint }) => endpoint);
  return [
    ...differs(
      "stored networks",
      sortedKeys(machine.store.networks().toSorted(byId)),
      sortedKeys(plain(networks.toSorted(byId))),
    ),
    ...differs(
      "stored sandboxes",
      sortedKeys(machine.store.sandboxes().toSorted(byId)),
      sortedKeys(plain(sandboxes.toSorted(byId))),
    ),
    ...differs(
      "stored endpoints",
      sortedKeys(machine.store.endpoints().toSorted(byId)),
      sortedKeys(plain(endpoints.toSorted(byId))),
    ),
  ];
}

/** The same value with the keys of every object in order, so that texts compare. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortedKeys(inner)]));
}

function processFaults(machine: Machine, sandboxes: readonly SandboxView[]): string[] {
  const running = [...machine.processes.running.values()].flatMap((p) =>
    p.sandbox === undefined ? [] : [`${p.sandbox} ${p.pid}`],
  );
  const known = sandboxes.filter((s) => s.state === "running").map((s) => `${s.id} ${s.status?.pid}`);
  return differs("processes", running.toSorted(), known.toSorted());
}

/** The kernel, leases, ports and files of a machine as one text: equal texts, equal machines. */
export function pictureOf(machine: Machine, boot: Boot): string {
  const { kernel } = machine;
  const netns = (key: string): unknown => {
    const { links, routes, redirect } = kernel.netns(key);
    return {
      links: [...links.values()]
        .map(({ peer: _, index: __, addresses, ...l }) => ({ ...l, addresses: [...addresses].toSorted() }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      routes: [...routes.values()].map((route) => JSON.stringify(route)).toSorted(),
      redirect,
    };
  };
  const leases = machine.store.leases.loadLeases().filter((l) => l.state !== "released");
  return JSON.stringify(
    sortedKeys({
      namespaces: [HOST_NETNS, ...[...kernel.pins.keys()].toSorted()].map((key) => [key, netns(key)]),
      firewall: [...(kernel.firewall?.values() ?? [])].map((e) => JSON.stringify(e)).toSorted(),
      networks: machine.store.networks(),
      sandboxes: machine.store.sandboxes(),
      endpoints: machine.store.endpoints(),
      leases: leases.map((l) => `${l.address} ${l.clientId}`).toSorted(),
      pools: machine.store.leases.loadPools(),
      intents: machine.store.intents(),
      ports: boot.host.heldPorts,
      resolving: [...boot.resolving].toSorted(),
      files: readdirSync(join(machine.runDir, "sandboxes")).toSorted(),
      logs: readdirSync(join(machine.stateDir, "logs")).toSorted(),
      processes: [...machine.processes.running.keys()],
      // A network whose removal failed comes last: nobody is promised an order.
      views: [boot.engine.networks().toSorted((a, b) => (a.id < b.id ? -1 : 1)), boot.engine.sandboxes()],
    }),
    undefined,
    1,
  );
}
