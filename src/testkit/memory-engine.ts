import { makeCidr, parseSubnet } from "../base/cidr.ts";
import { NetError } from "../base/errors.ts";
import { ipFromBigint, parseIp } from "../base/ip.ts";
import type { Difference, Engine, Finding, NetworkView, SandboxView } from "../engine/contract.ts";
import { parsePublish } from "../engine/publish.ts";
import type { EndpointRequest } from "../model/endpoint.ts";
import type { NetdockEvent } from "../model/events.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { PortBinding } from "../model/ports.ts";
import type { ProcessSpec } from "../model/process.ts";
import type { SandboxRequest } from "../model/sandbox.ts";

/** How a process of the memory engine lives: it runs on, or ends with a code (at once or when the test says). */
export type Life = { readonly exitCode: number; readonly after: Promise<void> | undefined } | undefined;

/**
 * An engine that keeps networks and sandboxes in memory and touches no kernel, for tests of its clients: names are unique,
 * networks in use stay, events are told. Processes are numbers; `life` decides what becomes of each.
 */
export class MemoryEngine {
  readonly networks: Map<string, Network> = new Map();
  readonly sandboxes: Map<string, SandboxView> = new Map();
  readonly events: NetdockEvent[] = [];
  /** Refuses a call by throwing; `subject` is the name of the thing. */
  refuse: (method: keyof Engine, subject: string) => void = () => undefined;
  life: (process: ProcessSpec, sandbox: string) => Life = () => undefined;
  /** The pid every process says it has; absent: numbers no process can have (above PID_MAX_LIMIT). */
  pid: number | undefined;
  /** What the doctor finds. */
  findings: readonly Finding[] = [];
  /** What reconcile finds. */
  differences: readonly Difference[] = [];
  /** File that every process writes its output to. */
  log: string = "/nonexistent/netdock.log";
  /** Most sandboxes that were being made at the same time. */
  peak = 0;
  #making = 0;
  #count = 0;
  readonly #listeners = new Set<(event: NetdockEvent) => void>();

  constructor() {
    for (const name of ["bridge", "host", "none"]) this.#addNetwork({ name, driver: name }, true);
  }

  /** The part of the contract that the clients use, bound to this memory. */
  engine(): Partial<Engine> {
    return {
      networks: () => [...this.networks.values()].map((network) => this.#view(network)),
      network: (ref) => this.#view(this.#find("network", this.networks, ref)),
      createNetwork: async (request) => {
        this.refuse("createNetwork", request.name);
        if ([...this.networks.values()].some(({ name }) => name === request.name))
          throw taken("network", request.name);
        return this.#view(this.#addNetwork(request, false));
      },
      removeNetwork: async (ref) => {
        const network = this.#view(this.#find("network", this.networks, ref));
        this.refuse("removeNetwork", network.name);
        if (network.endpoints.length > 0) {
          const names = network.endpoints.map(({ sandboxName }) => sandboxName).join(", ");
          throw new NetError("in_use", "network.remove", {
            message: `network ${network.name} is in use by ${names}`,
          });
        }
        this.networks.delete(network.id);
      },
      sandboxes: () => [...this.sandboxes.values()],
      sandbox: (ref) => this.#find("sandbox", this.sandboxes, ref),
      createSandbox: (request) => this.#createSandbox(request),
      startProcess: async (ref, process) => {
        const view = this.#find("sandbox", this.sandboxes, ref);
        this.refuse("startProcess", view.name);
        return this.#run(view, process);
      },
      adoptProcess: async (ref, { pid, spec }) => {
        const view = this.#find("sandbox", this.sandboxes, ref);
        return this.#put({ ...view, state: "running", process: spec, status: status(pid) });
      },
      reportExit: async (ref, exitCode) => this.#die(this.#find("sandbox", this.sandboxes, ref).id, exitCode),
      stopProcess: async (ref, { signal }) => {
        const view = this.#find("sandbox", this.sandboxes, ref);
        this.refuse("stopProcess", view.name);
        if (view.state === "running") this.#die(view.id, 128 + signal);
      },
      removeSandbox: async (ref, { force }) => {
        const view = this.#find("sandbox", this.sandboxes, ref);
        this.refuse("removeSandbox", view.name);
        if (view.state === "running" && !force) {
          throw new NetError("in_use", "sandbox.remove", {
            message: `${view.name} runs`,
            remedy: "use --force",
          });
        }
        this.sandboxes.delete(view.id);
      },
      logPath: () => this.log,
      examine: async () => ({ findings: this.findings, flows: 4 }),
      reconcile: async ({ dryRun }) => ({ differences: this.differences, repaired: !dryRun }),
      subscribe: (listener, since) => {
        if (since !== undefined) for (const event of this.events.slice(since)) listener(event);
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
    };
  }

  /** Resolves with the first event of this action, be it past or to come. */
  told(action: string): Promise<NetdockEvent> {
    const past = this.events.find((event) => event.action === action);
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve) => {
      const listener = (event: NetdockEvent): void => {
        if (event.action !== action) return;
        this.#listeners.delete(listener);
        resolve(event);
      };
      this.#listeners.add(listener);
    });
  }

  #addNetwork(request: Parameters<Engine["createNetwork"]>[0], predefined: boolean): Network {
    const subnet = parseSubnet(request.ipam?.config?.[0]?.subnet ?? `10.${++this.#count}.0.0/16`);
    const network = {
      id: hexId(++this.#count, "b") as NetworkId,
      name: request.name,
      driver: request.driver ?? "bridge",
      scope: "local" as const,
      created: TIME,
      internal: request.internal ?? false,
      enableIPv4: request.enableIPv4 ?? true,
      enableIPv6: request.enableIPv6 ?? false,
      ipam: { driver: "default", options: {}, pools: [{ subnet, auxAddresses: {} }] },
      options: request.options ?? {},
      labels: request.labels ?? {},
      predefined,
    };
    this.networks.set(network.id, network);
    return network;
  }

  #view(network: Network): NetworkView {
    const endpoints = [...this.sandboxes.values()].flatMap((sandbox) =>
      sandbox.endpoints
        .filter(({ networkId }) => networkId === network.id)
        .map((endpoint) => ({ ...endpoint, sandboxName: sandbox.name })),
    );
    return { ...network, usage: [], peerings: [], policies: [], endpoints };
  }

  async #createSandbox(request: SandboxRequest): Promise<SandboxView> {
    const name = request.name ?? "calm_otter";
    this.#making++;
    this.peak = Math.max(this.peak, this.#making);
    try {
      // As the real engine: several requests are under way at once.
      await nextTurn();
      this.refuse("createSandbox", name);
      if ([...this.sandboxes.values()].some((other) => other.name === name)) throw taken("sandbox", name);
      const view = this.#put(this.#newSandbox(name, request));
      return request.process === undefined ? view : this.#run(view, request.process);
    } finally {
      this.#making--;
    }
  }

  #newSandbox(name: string, request: SandboxRequest): SandboxView {
    const id = hexId(++this.#count, "c") as SandboxId;
    const endpoints = (request.networks ?? [{ network: "bridge" }]).map((endpoint) =>
      this.#endpoint(id, endpoint),
    );
    const ports = (request.publish ?? []).map((text, i) => parsePublish(text, `publish[${i}]`));
    const bindings = ports.map((port): PortBinding => ({
      protocol: port.protocol,
      containerPort: port.containerPort,
      count: port.count,
      hostIp: port.hostIp ?? parseIp("0.0.0.0"),
      hostPort: port.hostPort ?? 40_000 + ++this.#count,
      endpointId: (endpoints[0]?.id ?? "") as EndpointId,
    }));
    return {
      id,
      name,
      hostname: request.hostname ?? name,
      domainname: request.domainname ?? "",
      created: TIME,
      labels: request.labels ?? {},
      netns: request.netns === undefined ? { kind: "own" } : { kind: "path", path: "/run/netns/x" },
      netnsPath: `/run/netdock/netns/${name}`,
      ports,
      bindings,
      dns: { servers: [], search: [], options: [] },
      extraHosts: [],
      sysctls: request.sysctls ?? {},
      state: "created",
      autoRemove: request.autoRemove ?? false,
      endpoints,
    };
  }

  #endpoint(sandboxId: SandboxId, request: EndpointRequest): SandboxView["endpoints"][number] {
    const network = this.#find("network", this.networks, request.network);
    const ipv4 =
      request.ipv4 === undefined
        ? ipFromBigint(BigInt(0x0a_00_00_00 + ++this.#count), 4)
        : parseIp(request.ipv4);
    return {
      id: hexId(++this.#count, "d") as EndpointId,
      networkId: network.id,
      sandboxId,
      networkName: network.name,
      driver: network.driver,
      aliases: request.aliases ?? [],
      ipv4: makeCidr(ipv4, 16),
      gwPriority: request.gwPriority ?? 0,
      options: request.options ?? {},
    };
  }

  #run(view: SandboxView, process: ProcessSpec): SandboxView {
    const running = this.#put({
      ...view,
      state: "running",
      process,
      status: status(this.pid ?? 5_000_000 + ++this.#count),
    });
    this.#emit("start", view.id, {});
    const life = this.life(process, view.name);
    // Never before the caller has its answer, as a real process cannot.
    if (life !== undefined) void (life.after ?? nextTurn()).then(() => this.#die(view.id, life.exitCode));
    return running;
  }

  #die(id: string, exitCode: number): void {
    const view = this.sandboxes.get(id);
    if (view?.state !== "running") return;
    if (view.autoRemove) this.sandboxes.delete(id);
    else
      this.#put({
        ...view,
        state: "exited",
        status: { ...(view.status ?? status(0)), exitCode, finishedAt: TIME },
      });
    this.#emit("die", id, { name: view.name, exitCode: String(exitCode) });
  }

  #put(view: SandboxView): SandboxView {
    this.sandboxes.set(view.id, view);
    return view;
  }

  #emit(action: string, id: string, attributes: Record<string, string>): void {
    const event: NetdockEvent = {
      seq: this.events.length + 1,
      time: TIME,
      type: "sandbox",
      action,
      id,
      attributes,
    };
    this.events.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  #find<T extends { readonly id: string; readonly name: string }>(
    kind: string,
    things: ReadonlyMap<string, T>,
    ref: string,
  ): T {
    const found = [...things.values()].find(({ id, name }) => name === ref || id.startsWith(ref));
    if (found !== undefined) return found;
    throw new NetError("not_found", `${kind}.inspect`, {
      message: `${kind} ${ref} does not exist`,
      subject: ref,
    });
  }
}

const TIME = "2026-01-31T12:00:00.000Z";

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function status(pid: number): { pid: number; startTicks: number; startedAt: string } {
  return { pid, startTicks: 1, startedAt: TIME };
}

function taken(kind: string, name: string): NetError {
  return new NetError("conflict", `${kind}.create`, {
    message: `${kind} ${name} exists already`,
    subject: name,
  });
}

function hexId(number: number, letter: string): string {
  return letter.repeat(48) + number.toString(16).padStart(16, "0");
}
