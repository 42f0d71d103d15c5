import type { Clock } from "../base/clock.ts";
import { errorText, invalid, NetError } from "../base/errors.ts";
import { UndoStack } from "../base/undo.ts";
import type { Driver } from "../model/driver.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { Host } from "../model/host.ts";
import type { SandboxId } from "../model/ids.ts";
import type { IpamDriver } from "../model/ipam.ts";
import type { Network } from "../model/network.ts";
import type { Processes } from "../model/process.ts";
import type { PortProxy } from "../model/proxy.ts";
import type { ResolverService } from "../model/resolver.ts";
import type { Durability, Store } from "../model/store.ts";
import type { ZoneKeeper } from "../model/zones.ts";
import type { ResolvConf } from "../plan/files/resolv-conf.ts";
import type { GatewayCandidate } from "../plan/gateway.ts";
import { EventHub } from "./events.ts";
import { SandboxFileStore } from "./files.ts";
import { HostResolvConf } from "./host-resolv-conf.ts";
import type { JournalStep } from "./journal.ts";
import { Gate, KeyedLock } from "./lock.ts";
import type { NameState } from "./name-state.ts";
import { PortTable } from "./ports.ts";
import { State } from "./state.ts";

/** Where the engine writes what an operator should read; pino's shape. */
export interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Everything the controller stands on, handed in by `app/` (or a test). */
export interface EngineParts {
  readonly host: Host;
  readonly store: Store;
  readonly drivers: readonly Driver[];
  readonly ipam: readonly IpamDriver[];
  readonly processes: Processes;
  readonly proxy: PortProxy;
  /** Answers by the names of this state, whose changes it may follow. */
  readonly resolver: (names: NameState) => ResolverService;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: whatever firewall with zones runs, it is not this host's. */
  readonly zones?: ZoneKeeper | undefined;
  /** `runDir` lives as long as the machine is up, `stateDir` for ever. */
  readonly paths: { readonly runDir: string; readonly stateDir: string };
  /** Makes the predefined networks' bridge under this name; `netdock0` unless a test plays several hosts in one place. */
  readonly defaultBridge: string;
  /** The host's resolv.conf. */
  readonly hostResolvConf: () => ResolvConf;
  /** Called at each journal step; the crash tests kill the process in it. */
  readonly onStep?: ((step: JournalStep) => void) | undefined;
}

/** What the operations share: parts, state, indexes, locks. It decides nothing. */
export class Core {
  readonly host: Host;
  readonly store: Store;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly log: Log;
  readonly zones: ZoneKeeper | undefined;
  readonly paths: EngineParts["paths"];
  readonly defaultBridge: string;
  readonly state: State = new State();
  readonly events: EventHub;
  readonly files: SandboxFileStore;
  readonly ports: PortTable;
  readonly lock: KeyedLock = new KeyedLock();
  /** Operations go through side by side, a reconcile alone. */
  readonly gate: Gate = new Gate();
  readonly resolver: ResolverService;
  /** Sandboxes whose embedded resolver runs. */
  readonly resolving: Set<SandboxId> = new Set();
  /** Kernel work that callers need not wait for; awaited by what depends on it and by close(). */
  readonly background: Set<Promise<void>> = new Set();
  readonly #drivers: ReadonlyMap<string, Driver>;
  readonly #ipam: ReadonlyMap<string, IpamDriver>;
  readonly #onStep: ((step: JournalStep) => void) | undefined;
  readonly #resolvConf: HostResolvConf;

  constructor(parts: EngineParts) {
    this.host = parts.host;
    this.store = parts.store;
    this.processes = parts.processes;
    this.clock = parts.clock;
    this.log = parts.log;
    this.zones = parts.zones;
    this.paths = parts.paths;
    this.defaultBridge = parts.defaultBridge;
    this.#resolvConf = new HostResolvConf(parts.hostResolvConf, parts.clock);
    this.#drivers = new Map(parts.drivers.map((d) => [d.name, d]));
    this.#ipam = new Map(parts.ipam.map((d) => [d.name, d]));
    this.#onStep = parts.onStep;
    this.events = new EventHub(parts.clock, (error) => {
      parts.log.error({ error: errorText(error) }, "a subscriber of events failed");
    });
    this.files = new SandboxFileStore(parts.paths);
    this.ports = new PortTable(parts, (id) => this.state.sandboxes.get(id)?.name ?? id);
    this.resolver = parts.resolver(this.state);
  }

  step(step: JournalStep): void {
    this.#onStep?.(step);
  }

  driver(name: string): Driver {
    const driver = this.#drivers.get(name);
    if (driver !== undefined) return driver;
    throw invalid(
      "driver",
      name,
      `there is no such network driver; there are ${listed(this.#drivers)}`,
      "network.create",
    );
  }

  driverNames(): string[] {
    return [...this.#drivers.keys()];
  }

  driverOf(network: Network): Driver {
    return this.driver(network.driver);
  }

  ipam(name: string): IpamDriver {
    const driver = this.#ipam.get(name);
    if (driver !== undefined) return driver;
    const right = `there is no such IPAM driver; there are ${listed(this.#ipam)}`;
    throw invalid("ipam.driver", name, right, "network.create");
  }

  ipamOf(network: Network): IpamDriver {
    return this.ipam(network.ipam.driver);
  }

  network(id: Network["id"]): Network {
    const network = this.state.networks.get(id);
    if (network === undefined) {
      throw new NetError("internal", "engine.network", {
        message: `network ${id} is referred to and does not exist`,
      });
    }
    return network;
  }

  candidates(endpoints: readonly Endpoint[]): GatewayCandidate[] {
    return endpoints.map((endpoint) => ({ endpoint, network: this.network(endpoint.networkId) }));
  }

  /** The host's resolvers and domains, as they were a second ago at most. */
  resolvConf(): ResolvConf {
    return this.#resolvConf.get();
  }

  forgetResolvConf(): void {
    this.#resolvConf.forget();
  }

  /** One store transaction in which addresses may be granted: when it fails, IPAM's memory is as before, too. */
  commit<T>(durability: Durability, run: () => T): T {
    const open = [...this.#ipam.values()].map((ipam) => ipam.begin());
    try {
      const result = this.store.transaction(durability, run);
      for (const transaction of open) transaction.commit();
      return result;
    } catch (error) {
      for (const transaction of open) transaction.rollback();
      throw error;
    }
  }

  undoStack(op: string): UndoStack {
    return new UndoStack((error) => {
      this.log.error({ op, error: errorText(error) }, "could not take back a step; the next reconcile will");
    });
  }

  /**
   * Runs kernel work behind the caller's back; a failure is logged, and reconcile mends it. What `task` does before its first
   * await is done when this returns. The promise resolves with the end of the work, and never rejects.
   */
  later(op: string, task: () => Promise<void>): Promise<void> {
    const run = task()
      .catch((error: unknown) => this.log.error({ op, error: errorText(error) }, "background work failed"))
      .finally(() => this.background.delete(run));
    this.background.add(run);
    return run;
  }

  /** Resolves when the background work of now has ended. Later work is not waited for: there may be no end to it. */
  async settled(): Promise<void> {
    if (this.background.size > 0) await Promise.all(this.background);
  }
}

function listed(map: ReadonlyMap<string, unknown>): string {
  return [...map.keys()].join(", ");
}
