import { afterEach, describe, expect, test } from "vitest";
import { isNetError } from "../base/errors.ts";
import { Machine, type Boot } from "../testkit/machine.ts";
import { OPERATIONS, populate } from "../testkit/operations.ts";
import { faultsOf, pictureOf } from "../testkit/soundness.ts";

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

describe.each(OPERATIONS)("$name", ({ name, run, done }) => {
  /** The processes of a sandbox that is removed by force end first, and nothing brings them back. */
  const isFinal = name === "sandbox.remove";

  test("refused by the kernel at any step, leaves everything as it was", async () => {
    const counted = await populated();
    const from = counted.boot.host.steps;
    await run(counted.boot.engine);
    const count = counted.boot.host.steps - from;
    expect(count).toBeGreaterThan(0);
    const { machine, boot } = await populated();
    for (let nth = 1; nth <= count; nth++) {
      const before = pictureOf(machine, boot);
      boot.host.failAfter = nth;
      await expect(run(boot.engine), `step ${nth}`).rejects.toSatisfy((e) => isNetError(e, "kernel"));
      expect(boot.host.failAfter).toBeUndefined();
      if (!isFinal) expect(pictureOf(machine, boot), `step ${nth}`).toBe(before);
      expect(await faultsOf(machine, boot), `step ${nth}`).toEqual([]);
    }
    expect(boot.complaints).toEqual([]);
    await run(boot.engine);
    expect(done(boot.engine)).toBe(true);
    expect(await faultsOf(machine, boot)).toEqual([]);
  });

  test("refused by the store at any transaction, leaves everything as it was", async () => {
    const counted = await populated();
    const from = counted.boot.transactions.count;
    await run(counted.boot.engine);
    const count = counted.boot.transactions.count - from;
    expect(count).toBeGreaterThan(0);
    const { machine, boot } = await populated();
    for (let nth = 1; nth <= count; nth++) {
      const before = pictureOf(machine, boot);
      boot.transactions.failAfter = nth;
      await expect(run(boot.engine), `transaction ${nth}`).rejects.toSatisfy((e) =>
        isNetError(e, "unavailable"),
      );
      if (!isFinal) expect(pictureOf(machine, boot), `transaction ${nth}`).toBe(before);
      expect(await faultsOf(machine, boot), `transaction ${nth}`).toEqual([]);
    }
    expect(boot.complaints).toEqual([]);
    await run(boot.engine);
    expect(done(boot.engine)).toBe(true);
  });
});

test("a command that cannot be started leaves nothing of its sandbox", async () => {
  const { machine, boot } = await populated();
  const before = pictureOf(machine, boot);
  const request = {
    networks: [{ network: "front" }],
    publish: ["8085:80"],
    process: { command: ["/missing"], env: [] },
  };
  await expect(boot.engine.createSandbox(request)).rejects.toThrow("there is no such program");
  expect(pictureOf(machine, boot)).toBe(before);
});

test("a sandbox that fails after its process started leaves nothing that this one started", async () => {
  const { machine, boot } = await populated();
  const before = pictureOf(machine, boot);
  machine.processes.forks = true;
  boot.transactions.failAfter = 2;
  await expect(boot.engine.createSandbox({ process: { command: ["a"], env: [] } })).rejects.toThrow(
    "the disk is full",
  );
  expect(machine.processes.requests).toHaveLength(3);
  expect(pictureOf(machine, boot)).toBe(before);
});

test("a command that cannot be started leaves its sandbox as it was", async () => {
  const { machine, boot } = await populated();
  await boot.engine.createSandbox({ name: "idle", networks: [{ network: "front" }] });
  const before = pictureOf(machine, boot).replace(/"logs": \[[^\]]*\]/, "");
  await expect(boot.engine.startProcess("idle", { command: ["/missing"], env: [] })).rejects.toThrow(
    "there is no such program",
  );
  // Its log may stay: it belongs to the sandbox.
  expect(pictureOf(machine, boot).replace(/"logs": \[[^\]]*\]/, "")).toBe(before);
});
