import { afterEach, describe, expect, test } from "vitest";
import type { Engine, NetworkView, SandboxView } from "./contract.ts";
import { JOURNAL_STEPS, type JournalStep } from "./journal.ts";
import { isKilled, Machine, type Boot } from "../testkit/machine.ts";
import { faultsOf } from "../testkit/soundness.ts";

/** One operation of each kind, on a machine with two networks, a bystander and a sandbox. */
interface Operation {
  readonly name: string;
  readonly run: (engine: Engine) => Promise<unknown>;
  /** What must be when it was cut short: as if never begun, or done. */
  readonly undone: (engine: Engine) => boolean;
  readonly done: (engine: Engine) => boolean;
}

const networkOf = (engine: Engine, name: string): NetworkView | undefined =>
  engine.networks().find((network) => network.name === name);
const sandboxOf = (engine: Engine, name: string): SandboxView | undefined =>
  engine.sandboxes().find((sandbox) => sandbox.name === name);
const on = (engine: Engine, name: string): string | undefined =>
  sandboxOf(engine, name)
    ?.endpoints.map((e) => e.networkName)
    .toSorted()
    .join();

const OPERATIONS: readonly Operation[] = [
  {
    name: "network.create",
    run: (engine) =>
      engine.createNetwork({ name: "new", enableIPv6: true, ipam: { config: [{ subnet: "10.9.0.0/24" }] } }),
    undone: (engine) => networkOf(engine, "new") === undefined,
    done: (engine) => networkOf(engine, "new")?.ipam.pools.length === 2,
  },
  {
    name: "network.remove",
    run: (engine) => engine.removeNetwork("empty"),
    undone: (engine) => networkOf(engine, "empty") !== undefined,
    done: (engine) => networkOf(engine, "empty") === undefined,
  },
  {
    name: "sandbox.create",
    run: (engine) =>
      engine.createSandbox({
        name: "new",
        networks: [{ network: "front" }, { network: "back", gwPriority: 1 }],
        publish: ["8081:80", "127.0.0.1::53/udp"],
        process: { command: ["/bin/sleep", "1"], env: [] },
      }),
    undone: (engine) => sandboxOf(engine, "new") === undefined,
    done: (engine) => sandboxOf(engine, "new")?.state === "running" && on(engine, "new") === "back,front",
  },
  {
    name: "endpoint.attach",
    run: (engine) => engine.connect("web", { network: "back", gwPriority: 5 }),
    undone: (engine) => on(engine, "web") === "front",
    done: (engine) => on(engine, "web") === "back,front",
  },
  {
    name: "endpoint.detach",
    run: (engine) => engine.disconnect("app", "back"),
    undone: (engine) => on(engine, "app") === "back,front",
    done: (engine) => on(engine, "app") === "front",
  },
  {
    name: "endpoint.detach the only one",
    run: (engine) => engine.disconnect("web", "front"),
    undone: (engine) => on(engine, "web") === "front",
    done: (engine) => on(engine, "web") === "" && sandboxOf(engine, "web")?.bindings.length === 0,
  },
  {
    name: "sandbox.remove",
    run: (engine) => engine.removeSandbox("app", { force: true }),
    undone: (engine) => sandboxOf(engine, "app") !== undefined,
    done: (engine) => sandboxOf(engine, "app") === undefined,
  },
];

async function populate(engine: Engine): Promise<void> {
  await engine.createNetwork({ name: "front", enableIPv6: true });
  await engine.createNetwork({ name: "back" });
  await engine.createNetwork({ name: "empty" });
  const process = { command: ["/bin/sleep", "9"], env: [] };
  await engine.createSandbox({
    name: "web",
    networks: [{ network: "front" }],
    publish: ["8080:80"],
    process,
  });
  await engine.createSandbox({
    name: "app",
    networks: [{ network: "front" }, { network: "back", gwPriority: 1 }],
    publish: ["9000-9002:9000-9002/udp", "443"],
    process,
  });
}

const machines: Machine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine[Symbol.dispose]();
});

async function populated(): Promise<{ machine: Machine; boot: Boot }> {
  const machine = new Machine();
  machines.push(machine);
  const boot = await machine.boot();
  await populate(boot.engine);
  return { machine, boot };
}

const reached = new Set<JournalStep>();

describe.each(OPERATIONS)("$name", ({ run, undone, done }) => {
  test("leaves a sound machine", async () => {
    const { machine, boot } = await populated();
    expect(await faultsOf(machine, boot)).toEqual([]);
    await run(boot.engine);
    expect(done(boot.engine)).toBe(true);
    expect(await faultsOf(machine, boot)).toEqual([]);
    expect(boot.complaints).toEqual([]);
  });

  test("killed at any of its steps, is finished or taken back by the next start", async () => {
    const first = await populated();
    const before = first.boot.steps.length;
    await run(first.boot.engine);
    const steps = first.boot.steps.slice(before);
    expect(steps.length).toBeGreaterThan(2);
    for (const step of steps) {
      reached.add(step);
      const { machine, boot } = await populated();
      boot.dieAt(step);
      await expect(run(boot.engine)).rejects.toSatisfy(isKilled);
      const next = await machine.reboot();
      expect(await faultsOf(machine, next), step).toEqual([]);
      expect([step, undone(next.engine) !== done(next.engine)]).toEqual([step, true]);
      expect([step, next.complaints]).toEqual([step, []]);
      // What was taken back can be done again, and what was finished is.
      if (undone(next.engine)) {
        await run(next.engine);
        expect(done(next.engine)).toBe(true);
      }
      expect(await faultsOf(machine, next), step).toEqual([]);
    }
  });

  test("killed at any step of the kernel, likewise", async () => {
    const first = await populated();
    const before = first.boot.host.steps;
    await run(first.boot.engine);
    const count = first.boot.host.steps - before;
    for (let nth = 1; nth <= count; nth++) {
      const { machine, boot } = await populated();
      boot.dieAtKernelStep(nth);
      await expect(run(boot.engine)).rejects.toSatisfy(isKilled);
      const next = await machine.reboot();
      expect(await faultsOf(machine, next), `${nth}`).toEqual([]);
      expect([nth, undone(next.engine) !== done(next.engine)]).toEqual([nth, true]);
    }
  });
});

test("every journal step was one of those", () => {
  expect(JOURNAL_STEPS.filter((step) => !reached.has(step))).toEqual([]);
});
