import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorText, NetError } from "../base/errors.ts";
import { bridgeDriver } from "../drivers/bridge/driver.ts";
import { hostDriver } from "../drivers/host/driver.ts";
import { noneDriver } from "../drivers/none/driver.ts";
import type { Engine } from "../engine/contract.ts";
import { startEngine } from "../engine/controller.ts";
import { createNameSource } from "../engine/names.ts";
import type { JournalStep } from "../engine/journal.ts";
import { defaultPools, type DefaultPool } from "../ipam/default-pools.ts";
import { createDefaultIpam } from "../ipam/default.ts";
import { LEASE_LIMITS } from "../ipam/lease-pool.ts";
import { createNullIpam } from "../ipam/null.ts";
import type { SandboxId } from "../model/ids.ts";
import type { NameSource } from "../model/resolver.ts";
import type { Store } from "../model/store.ts";
import { parseResolvConf } from "../plan/files/resolv-conf.ts";
import { newCounters } from "../services/dns/metrics.ts";
import { openStore } from "../store/open.ts";
import { fakeProxy, FakeHost, KILLED, killed } from "./fake-host.ts";
import { FakeKernel } from "./fake-kernel.ts";
import { FakeProcesses } from "./fake-processes.ts";

/** A daemon that runs on a machine. */
export interface Boot {
  readonly engine: Engine;
  readonly host: FakeHost;
  /** The embedded resolver: sandboxes it serves, and what it may ask. */
  readonly resolving: ReadonlySet<SandboxId>;
  readonly names: NameSource;
  /** Transactions so far; the n-th from now fails as on a full disk, in its commit, or is where the daemon dies. */
  readonly transactions: { count: number; failAfter: number | undefined; dieAfter: number | undefined };
  /** Lines at `warn` and `error`. */
  readonly complaints: readonly string[];
  /** Journal steps passed. */
  readonly steps: readonly JournalStep[];
  /** Dies at the n-th time from now that this step is reached; the operation then rejects. */
  dieAt(step: JournalStep, nth?: number): void;
  /** Dies before the n-th kernel step from now. */
  dieAtKernelStep(nth: number): void;
  readonly dead: boolean;
  /** Dies here and now. */
  kill(): void;
}

export interface MachineOptions {
  readonly pools?: readonly DefaultPool[];
}

/**
 * A machine in memory on which the engine runs with its real drivers, IPAM and store. Kernel, processes, store and files stay
 * when the daemon dies; a daemon that died does nothing any more, whatever its code still tries.
 */
export class Machine {
  readonly kernel: FakeKernel = new FakeKernel();
  readonly processes: FakeProcesses = new FakeProcesses();
  readonly store: Store = openStore({ path: ":memory:" });
  readonly dir: string = mkdtempSync(join(tmpdir(), "netdock-machine-"));
  /** Milliseconds since the epoch. */
  now: number = Date.UTC(2026, 0, 1);
  resolvConf: string = "nameserver 192.0.2.53\nsearch example.org\n";
  /** Where the next daemon dies while it starts. */
  dieAtBoot:
    | { readonly step: JournalStep; readonly nth: number }
    | { readonly kernelStep: number }
    | undefined;
  /** Put on each host before its daemon starts. */
  prepare: (host: FakeHost) => void = () => undefined;
  readonly #pools: readonly DefaultPool[];

  constructor(options: MachineOptions = {}) {
    this.#pools = options.pools ?? defaultPools(Uint8Array.of(1, 2, 3, 4, 5));
    this.#makeDirs();
  }

  get runDir(): string {
    return join(this.dir, "run");
  }

  get stateDir(): string {
    return join(this.dir, "state");
  }

  /** Starts a daemon on what is there. */
  async boot(): Promise<Boot> {
    const host = new FakeHost(this.kernel);
    this.prepare(host);
    const clock = { now: () => this.now };
    const resolving = new Set<SandboxId>();
    const complaints: string[] = [];
    const steps: JournalStep[] = [];
    let dead = false;
    const start = this.dieAtBoot;
    let armed: { readonly step: JournalStep; left: number } | undefined;
    if (start !== undefined && "step" in start) armed = { step: start.step, left: start.nth };
    let names: NameSource | undefined;
    const kill = (): void => {
      dead = true;
      host.die();
      this.#keepFiles();
    };
    if (start !== undefined && "kernelStep" in start) host.interrupt = { nth: start.kernelStep, now: kill };
    const complain = (facts: object, message: string): void => {
      if (!dead) complaints.push(`${message} ${JSON.stringify(facts)}`);
    };
    const transactions: Boot["transactions"] = { count: 0, failAfter: undefined, dieAfter: undefined };
    const store = failing(
      mortal(this.store, () => dead),
      { transactions, kill },
    );
    const leases = mortal(this.store.leases, () => dead);
    const engine = await startEngine({
      host,
      store,
      drivers: [bridgeDriver(), hostDriver(), noneDriver()],
      ipam: [
        createDefaultIpam({ store: leases, clock, pools: this.#pools, limits: LEASE_LIMITS }),
        createNullIpam(),
      ],
      processes: mortal(this.processes, () => dead),
      proxy: fakeProxy,
      resolver: (state) => {
        names = createNameSource(state, () => parseResolvConf(this.resolvConf));
        return {
          start(sandbox) {
            if (resolving.has(sandbox)) throw new Error(`the resolver of ${sandbox} runs already`);
            resolving.add(sandbox);
          },
          stop: (sandbox) => {
            resolving.delete(sandbox);
            return Promise.resolve();
          },
          metrics: () => newCounters().read(),
          metricsOf: (sandbox) => (resolving.has(sandbox) ? newCounters().read() : undefined),
          close: () => {
            resolving.clear();
            return Promise.resolve();
          },
        };
      },
      clock,
      log: { info: () => undefined, warn: complain, error: complain },
      paths: { runDir: this.runDir, stateDir: this.stateDir },
      defaultBridge: "netdock0",
      hostResolvConf: () => parseResolvConf(this.resolvConf),
      onStep(step) {
        if (dead) throw killed();
        steps.push(step);
        if (armed?.step !== step || --armed.left > 0) return;
        kill();
        throw killed();
      },
    });
    return {
      engine,
      host,
      resolving,
      names: names as unknown as NameSource,
      transactions,
      complaints,
      steps,
      dieAt: (step, nth = 1) => void (armed = { step, left: nth }),
      dieAtKernelStep: (nth) => void (host.interrupt = { nth, now: kill }),
      get dead() {
        return dead;
      },
      kill,
    };
  }

  /** A dead daemon's code still runs here: what it does to files must not be seen by the next. */
  #keepFiles(): void {
    for (const dir of [this.runDir, this.stateDir]) renameSync(dir, `${dir}.kept`);
    this.#makeDirs();
  }

  #makeDirs(): void {
    mkdirSync(join(this.runDir, "sandboxes"), { recursive: true });
    mkdirSync(join(this.stateDir, "logs"), { recursive: true });
  }

  /** The next daemon after one that died. */
  async reboot(): Promise<Boot> {
    // Whatever the dead one still had under way runs into its own end.
    await this.quiet();
    for (const dir of [this.runDir, this.stateDir]) {
      if (!existsSync(`${dir}.kept`)) continue;
      rmSync(dir, { recursive: true });
      renameSync(`${dir}.kept`, dir);
    }
    return this.boot();
  }

  /** Pulls the plug: nothing stays but what is on disk. Boot next. */
  async powerCycle(): Promise<void> {
    await this.quiet();
    const { pins, host, foreign } = this.kernel;
    pins.clear();
    foreign.clear();
    for (const name of host.links.keys()) if (name !== "lo") host.links.delete(name);
    host.routes.clear();
    host.sysctls.clear();
    this.kernel.firewall = undefined;
    this.processes.running.clear();
    for (const dir of [this.runDir, `${this.runDir}.kept`]) rmSync(dir, { recursive: true, force: true });
    if (existsSync(`${this.stateDir}.kept`)) {
      rmSync(this.stateDir, { recursive: true });
      renameSync(`${this.stateDir}.kept`, this.stateDir);
    }
    this.#makeDirs();
  }

  /** Lets everything run that is under way: promises, and links on their way out. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  [Symbol.dispose](): void {
    this.store.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Whether an operation failed because its daemon died in it. */
export function isKilled(error: unknown): boolean {
  return errorText(error) === KILLED;
}

/** A part that refuses every call once its daemon is dead. `close` is left out: the store is the machine's. */
function mortal<T extends object>(part: T, isDead: () => boolean): T {
  return new Proxy(part, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        if (isDead()) throw killed();
        if (key === "close") return undefined;
        return (value as (...given: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

function failing(
  store: Store,
  by: { readonly transactions: Boot["transactions"]; readonly kill: () => void },
): Store {
  const { transactions } = by;
  const transaction: Store["transaction"] = (durability, run) =>
    store.transaction(durability, () => {
      transactions.count += 1;
      const result = run();
      if (transactions.dieAfter !== undefined && --transactions.dieAfter === 0) {
        by.kill();
        throw killed();
      }
      if (transactions.failAfter === undefined || --transactions.failAfter > 0) return result;
      transactions.failAfter = undefined;
      throw new NetError("unavailable", "store.transaction", { message: "the disk is full (injected)" });
    });
  return new Proxy(store, {
    get: (target, key) =>
      key === "transaction" ? transaction : (Reflect.get(target, key, target) as unknown),
  });
}
