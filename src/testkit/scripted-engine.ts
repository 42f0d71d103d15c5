import { parseSubnet, tryParseCidr } from "../base/cidr.ts";
import type { Cidr } from "../base/cidr.ts";
import { NetError } from "../base/errors.ts";
import type { Engine, NetworkView, SandboxView } from "../engine/contract.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { NetdockEvent } from "../model/events.ts";
import { newCounters } from "../services/dns/metrics.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";

/** An engine without networks: it writes down what it is asked and answers as the test says. */
export interface ScriptedEngine extends Engine {
  /** Method names with their arguments, in order. */
  readonly calls: readonly (readonly [method: string, ...args: readonly unknown[]])[];
  /** How many subscriptions stand. */
  readonly subscribers: number;
  emit(event: Partial<NetdockEvent>): void;
}

/** `script` answers in place of the defaults: one network `backend`, one sandbox `web` on it, everything succeeds. */
export function scriptedEngine(script: Partial<Engine> = {}): ScriptedEngine {
  const calls: [string, ...unknown[]][] = [];
  const listeners = new Set<(event: NetdockEvent) => void>();
  const history: NetdockEvent[] = [];
  const known: Engine = {
    networkDrivers: () => ["bridge", "host", "none"],
    createNetwork: async (request) =>
      sampleNetwork({ name: request.name, driver: request.driver ?? "bridge" }),
    networks: () => [sampleNetwork()],
    network: (ref) => named("network", ref, [sampleNetwork()]),
    removeNetwork: async () => undefined,
    pruneNetworks: async () => ["backend"],
    leases: () => [],
    peer: async () => sampleNetwork(),
    unpeer: async () => undefined,
    setPolicy: async () => sampleNetwork(),
    clearPolicy: async () => undefined,
    connect: async () => sampleEndpoint(),
    disconnect: async () => undefined,
    setLink: async () => undefined,
    setPartition: async () => undefined,
    partition: () => ({ cut: [], groups: [] }),
    publish: async () => sampleSandbox(),
    unpublish: async () => sampleSandbox(),
    allow: async () => sampleSandbox(),
    createSandbox: async (request) => sampleSandbox({ name: request.name ?? "calm_otter" }),
    sandboxes: () => [sampleSandbox()],
    sandbox: (ref) => named("sandbox", ref, [sampleSandbox()]),
    startProcess: async () => sampleSandbox({ state: "running" }),
    adoptProcess: async () => sampleSandbox({ state: "running" }),
    reportExit: async () => undefined,
    stopProcess: async () => undefined,
    removeSandbox: async () => undefined,
    logPath: () => "/nonexistent/netdock.log",
    sandboxFiles: () => ({ resolvConf: "/r/resolv.conf", hosts: "/r/hosts", hostname: "/r/hostname" }),
    subscribe: (listener, since) => {
      if (since !== undefined) {
        for (const event of history.filter(({ seq }) => seq > since)) listener(event);
      }
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    reconcile: async ({ dryRun }) => ({ differences: [], repaired: !dryRun }),
    resolverMetrics: () => newCounters().read(),
    containers: noContainers,
    examine: async () => ({ findings: [], flows: 0 }),
    withdraw: async () => undefined,
    close: async () => undefined,
    ...script,
  };
  const recorded = Object.fromEntries(
    Object.entries(known).map(([method, run]) => [
      method,
      (...args: unknown[]): unknown => {
        calls.push([method, ...args]);
        return (run as (...given: unknown[]) => unknown)(...args);
      },
    ]),
  ) as unknown as Engine;
  return {
    ...recorded,
    containers: known.containers,
    calls,
    get subscribers() {
      return listeners.size;
    },
    emit: (event) => {
      const whole: NetdockEvent = {
        seq: history.length + 1,
        time: "2026-01-31T12:00:00.000Z",
        type: "network",
        action: "create",
        id: hexId(1),
        attributes: {},
        ...event,
      };
      history.push(whole);
      for (const listener of [...listeners]) listener(whole);
    },
  };
}

function named<T extends { readonly name: string; readonly id: string }>(
  kind: string,
  ref: string,
  things: readonly T[],
): T {
  const found = things.find(({ name, id }) => name === ref || id.startsWith(ref));
  if (found !== undefined) return found;
  throw new NetError("not_found", `${kind}.inspect`, {
    message: `${kind} ${ref} does not exist`,
    subject: ref,
  });
}

/** Nothing of containers is scripted: their tests have an engine of a machine in memory. */
const noContainers = {
  list: () => [],
  find: (ref: string) => named("container", ref, []),
} as unknown as Engine["containers"];

function hexId(number: number): string {
  return number.toString(16).padStart(64, "a");
}

function cidr(text: string): Cidr {
  const parsed = tryParseCidr(text);
  if (parsed === undefined) throw new Error(`${text} is no CIDR`);
  return parsed;
}

export function sampleEndpoint(change: Partial<Endpoint> = {}): Endpoint {
  return {
    id: hexId(3) as EndpointId,
    networkId: hexId(1) as NetworkId,
    sandboxId: hexId(2) as SandboxId,
    aliases: ["web"],
    ipv4: cidr("10.5.0.7/24"),
    gwPriority: 0,
    interfaceName: "eth0",
    options: {},
    ...change,
  };
}

export function sampleNetwork(change: Partial<NetworkView> = {}): NetworkView {
  return {
    id: hexId(1) as NetworkId,
    name: "backend",
    driver: "bridge",
    scope: "local",
    created: "2026-01-31T12:00:00.000Z",
    internal: false,
    enableIPv4: true,
    enableIPv6: false,
    ipam: {
      driver: "default",
      options: {},
      pools: [{ subnet: parseSubnet("10.5.0.0/24"), gateway: cidr("10.5.0.1/24"), auxAddresses: {} }],
    },
    usage: [{ subnet: parseSubnet("10.5.0.0/24"), inUse: 4, available: 252 }],
    options: {},
    labels: {},
    predefined: false,
    peerings: [],
    policies: [],
    endpoints: [{ ...sampleEndpoint(), sandboxName: "web" }],
    ...change,
  };
}

export function sampleSandbox(change: Partial<SandboxView> = {}): SandboxView {
  return {
    id: hexId(2) as SandboxId,
    name: "web",
    hostname: "web",
    domainname: "",
    created: "2026-01-31T12:00:00.000Z",
    labels: {},
    netns: { kind: "own" },
    netnsPath: "/run/netdock/netns/web",
    ports: [],
    bindings: [],
    dns: { servers: [], search: [], options: [] },
    extraHosts: [],
    sysctls: {},
    state: "created",
    autoRemove: false,
    endpoints: [{ ...sampleEndpoint(), networkName: "backend", driver: "bridge" }],
    ...change,
  };
}
