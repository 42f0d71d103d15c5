import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Machine, type Boot } from "../testkit/machine.ts";
import { faultsOf } from "../testkit/soundness.ts";

const SLEEP = { command: ["/bin/sleep", "9"], env: [] };

let machine: Machine;
let boot: Boot;
let told: string[];

function listen(): void {
  boot.engine.subscribe((event) => {
    const { name, exitCode } = event.attributes;
    told.push([event.type, event.action, name, exitCode].filter((word) => word !== undefined).join(" "));
  });
}

beforeEach(async () => {
  machine = new Machine();
  boot = await machine.boot();
  told = [];
  listen();
});

afterEach(async () => {
  vi.useRealTimers();
  await machine.quiet();
  expect(await faultsOf(machine, boot)).toEqual([]);
  expect(boot.complaints).toEqual([]);
  machine[Symbol.dispose]();
});

const run = (name: string, but: object = {}): ReturnType<typeof boot.engine.createSandbox> =>
  boot.engine.createSandbox({ name, process: SLEEP, ...but });
const pidOf = (name: string): number => boot.engine.sandbox(name).status?.pid ?? 0;

describe("a process", () => {
  test("runs, ends with its code, and its sandbox stays", async () => {
    const made = await run("s");
    expect(made).toMatchObject({
      state: "running",
      process: SLEEP,
      status: { startTicks: made.status!.pid * 7 },
    });
    machine.now += 5000;
    machine.processes.exit(pidOf("s"), 3);
    await machine.quiet();
    expect(boot.engine.sandbox("s")).toMatchObject({
      state: "exited",
      status: { exitCode: 3, startedAt: "2026-01-01T00:00:00.000Z", finishedAt: "2026-01-01T00:00:05.000Z" },
    });
    expect(told).toEqual([
      "sandbox create s",
      "network connect bridge",
      "sandbox start s",
      "sandbox die s 3",
    ]);
  });

  test("is started in the sandbox's namespace with its files and its log", async () => {
    const { id, netnsPath } = await run("s", { hostname: "web", domainname: "example.org" });
    const [request] = machine.processes.requests;
    expect(request).toMatchObject({ sandboxId: id, netnsPath, hostname: "web", domainname: "example.org" });
    for (const path of Object.values(request?.files ?? {})) expect(existsSync(path)).toBe(true);
    expect(request?.stdio).toEqual({ kind: "log", path: boot.engine.logPath("s") });
    expect(existsSync(boot.engine.logPath("s"))).toBe(true);
  });

  test("on the host's network enters no namespace", async () => {
    await run("s", { networks: [{ network: "host" }] });
    expect(machine.processes.requests[0]?.netnsPath).toBeUndefined();
  });

  test("can be followed by another", async () => {
    await run("s");
    machine.processes.exit(pidOf("s"), 0);
    await machine.quiet();
    const first = pidOf("s");
    await boot.engine.startProcess("s", SLEEP);
    expect(boot.engine.sandbox("s")).toMatchObject({ state: "running" });
    expect(pidOf("s")).not.toBe(first);
    // A late word about the first does not touch the second.
    await boot.engine.reportExit("s", 1);
    expect(boot.engine.sandbox("s").state).toBe("running");
  });

  test("takes its sandbox with it where that was asked for", async () => {
    await run("s", { autoRemove: true });
    machine.processes.exit(pidOf("s"), 0);
    await machine.quiet();
    expect(boot.engine.sandboxes()).toEqual([]);
    expect(told.slice(3)).toEqual(["sandbox die s 0", "network disconnect bridge", "sandbox destroy s"]);
  });

  test("that has ended leaves no name behind", async () => {
    await boot.engine.createNetwork({ name: "n" });
    const networks = [{ network: "n" }];
    const asker = await run("a", { networks });
    await run("b", { networks });
    expect(boot.names.lookup(asker.id, "b")).toHaveLength(1);
    machine.processes.exit(pidOf("b"), 0);
    await machine.quiet();
    expect(boot.names.lookup(asker.id, "b")).toBeUndefined();
    await boot.engine.startProcess("b", SLEEP);
    expect(boot.names.lookup(asker.id, "b")).toHaveLength(1);
  });

  test("is ended by the removal of its sandbox, and told of", async () => {
    await run("s");
    await boot.engine.removeSandbox("s", { force: true });
    expect(machine.processes.running.size).toBe(0);
    expect(told.slice(3)).toEqual(["sandbox die s 137", "network disconnect bridge", "sandbox destroy s"]);
  });

  test("descendants that left its group are ended, too", async () => {
    const { id } = await run("s");
    machine.processes.start(id);
    machine.processes.exit(pidOf("s"), 0);
    await boot.engine.removeSandbox("s", { force: true });
    expect(machine.processes.running.size).toBe(0);
  });
});

describe("stopProcess()", () => {
  test("asks first", async () => {
    await run("s");
    await boot.engine.stopProcess("s", { timeoutSeconds: 10, signal: 15 });
    expect(boot.engine.sandbox("s")).toMatchObject({ state: "exited", status: { exitCode: 143 } });
  });

  test("ends by force what does not listen, when the time is over", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    machine.processes.stubborn = true;
    await run("s");
    const stopping = boot.engine.stopProcess("s", { timeoutSeconds: 10, signal: 15 });
    await vi.advanceTimersByTimeAsync(9999);
    expect(boot.engine.sandbox("s").state).toBe("running");
    await vi.advanceTimersByTimeAsync(1);
    await stopping;
    expect(boot.engine.sandbox("s")).toMatchObject({ state: "exited", status: { exitCode: 137 } });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("waits for ever where the time is negative", async () => {
    machine.processes.stubborn = true;
    await run("s");
    const stopping = boot.engine.stopProcess("s", { timeoutSeconds: -1, signal: 15 });
    await machine.quiet();
    expect(boot.engine.sandbox("s").state).toBe("running");
    machine.processes.exit(pidOf("s"), 0);
    await stopping;
    expect(boot.engine.sandbox("s").status?.exitCode).toBe(0);
  });

  test("of nothing is fine", async () => {
    await boot.engine.createSandbox({ name: "s" });
    await boot.engine.stopProcess("s", { timeoutSeconds: 0, signal: 15 });
    expect(boot.engine.sandbox("s").state).toBe("created");
  });
});

describe("a client's own process", () => {
  test("is watched, and the client's word gives its code", async () => {
    const { id } = await boot.engine.createSandbox({ name: "s" });
    const { pid } = machine.processes.start(id);
    await boot.engine.adoptProcess("s", { pid, spec: SLEEP });
    expect(boot.engine.sandbox("s")).toMatchObject({ state: "running", status: { pid } });
    machine.processes.exit(pid, 4);
    await machine.quiet();
    expect(boot.engine.sandbox("s").state).toBe("exited");
    expect(boot.engine.sandbox("s").status?.exitCode).toBeUndefined();
    await boot.engine.reportExit("s", 4);
    expect(boot.engine.sandbox("s").status?.exitCode).toBe(4);
    await boot.engine.reportExit("s", 5);
    expect(boot.engine.sandbox("s").status?.exitCode).toBe(4);
    expect(told.filter((line) => line.includes("die"))).toEqual(["sandbox die s"]);
  });

  test("may be reported before the watch sees it", async () => {
    const { id } = await boot.engine.createSandbox({ name: "s", autoRemove: true });
    const { pid } = machine.processes.start(id);
    await boot.engine.adoptProcess("s", { pid, spec: SLEEP });
    machine.processes.exit(pid, 4);
    await boot.engine.reportExit("s", 4);
    expect(told.slice(3)).toEqual(["sandbox die s 4", "network disconnect bridge", "sandbox destroy s"]);
  });
});

describe("a daemon that is started again", () => {
  async function restart(): Promise<void> {
    boot.kill();
    boot = await machine.reboot();
    told = [];
    listen();
  }

  test("watches on what runs, and learns of its end", async () => {
    await run("s");
    await restart();
    expect(boot.engine.sandbox("s").state).toBe("running");
    machine.processes.exit(pidOf("s"), 3);
    await machine.quiet();
    expect(boot.engine.sandbox("s").state).toBe("exited");
  });

  test("finds what ended meanwhile", async () => {
    await run("s");
    await run("t", { autoRemove: true });
    boot.kill();
    machine.processes.exit(pidOf("s"), 3);
    machine.processes.exit(pidOf("t"), 3);
    boot = await machine.reboot();
    expect(boot.engine.sandboxes().map((s) => [s.name, s.state])).toEqual([["s", "exited"]]);
  });

  test("is not fooled by another process of the same number", async () => {
    await run("s");
    const pid = pidOf("s");
    boot.kill();
    machine.processes.exit(pid, 0);
    const other = machine.processes.start(undefined);
    machine.processes.running.delete(other.pid);
    machine.processes.running.set(pid, { ...other, pid, startTicks: 1 });
    boot = await machine.reboot();
    expect(boot.engine.sandbox("s").state).toBe("exited");
    expect(machine.processes.running.has(pid)).toBe(true);
  });

  test("removes what ended just before the daemon did", async () => {
    await run("s", { autoRemove: true });
    // The end is written down, and the removal is not begun.
    boot.transactions.dieAfter = 2;
    machine.processes.exit(pidOf("s"), 0);
    await machine.quiet();
    expect(boot.dead).toBe(true);
    boot = await machine.reboot();
    expect(boot.engine.sandboxes()).toEqual([]);
  });

  test("ends a process of which only the beginning was written down", async () => {
    const { id } = await boot.engine.createSandbox({ name: "s" });
    boot.transactions.dieAfter = 2;
    await expect(boot.engine.startProcess("s", SLEEP)).rejects.toThrow("dead");
    expect(machine.processes.running.size).toBe(1);
    boot = await machine.reboot();
    expect(machine.processes.running.size).toBe(0);
    expect(boot.engine.sandbox(id).state).toBe("exited");
    await boot.engine.startProcess("s", SLEEP);
  });
});
