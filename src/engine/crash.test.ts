import { afterEach, describe, expect, test } from "vitest";
import { JOURNAL_STEPS, type JournalStep } from "./journal.ts";
import { isKilled, Machine, type Boot } from "../testkit/machine.ts";
import { OPERATIONS, populate } from "../testkit/operations.ts";
import { faultsOf } from "../testkit/soundness.ts";

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
