import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isNetError } from "../base/errors.ts";
import { Machine, type Boot } from "../testkit/machine.ts";
import { faultsOf } from "../testkit/soundness.ts";

let machine: Machine;
let boot: Boot;

beforeEach(async () => {
  machine = new Machine();
  boot = await machine.boot();
});

afterEach(async () => {
  await machine.quiet();
  expect(await faultsOf(machine, boot)).toEqual([]);
  expect(boot.complaints).toEqual([]);
  machine[Symbol.dispose]();
});

/** `ok` or the code of the refusal, for each. */
async function outcomes(all: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(all);
  return settled.map((r) =>
    r.status === "fulfilled" ? "ok" : isNetError(r.reason) ? r.reason.code : String(r.reason),
  );
}

describe("at the same time", () => {
  test("two networks of one name: one is made", async () => {
    const make = (): Promise<unknown> => boot.engine.createNetwork({ name: "n" });
    expect(await outcomes([make(), make(), make()])).toEqual(["ok", "conflict", "conflict"]);
  });

  test("two networks of one bridge name: the second is told who has it", async () => {
    const options = { "com.docker.network.bridge.name": "br0" };
    const first = boot.engine.createNetwork({ name: "n1", options });
    await expect(boot.engine.createNetwork({ name: "n2", options })).rejects.toThrow(
      "network n1 has the same bridge name br0",
    );
    await first;
  });

  test("two sandboxes of one name: one is made", async () => {
    const make = (): Promise<unknown> => boot.engine.createSandbox({ name: "s" });
    expect(await outcomes([make(), make()])).toEqual(["ok", "conflict"]);
  });

  test("two sandboxes on one port or address: one has it", async () => {
    await boot.engine.createNetwork({ name: "n", ipam: { config: [{ subnet: "10.7.0.0/24" }] } });
    const port = (): Promise<unknown> => boot.engine.createSandbox({ publish: ["80:80"] });
    expect(await outcomes([port(), port()])).toEqual(["ok", "conflict"]);
    const address = (): Promise<unknown> =>
      boot.engine.createSandbox({ networks: [{ network: "n", ipv4: "10.7.0.9" }] });
    expect(await outcomes([address(), address()])).toEqual(["ok", "conflict"]);
  });

  test("a network is removed twice: once is enough", async () => {
    await boot.engine.createNetwork({ name: "n" });
    const remove = (): Promise<unknown> => boot.engine.removeNetwork("n");
    expect(await outcomes([remove(), remove()])).toEqual(["ok", "not_found"]);
  });

  test("a network is removed and joined: whoever came first", async () => {
    await boot.engine.createNetwork({ name: "n" });
    await boot.engine.createSandbox({ name: "s" });
    const { engine } = boot;
    expect(await outcomes([engine.removeNetwork("n"), engine.connect("s", { network: "n" })])).toEqual([
      "ok",
      "not_found",
    ]);
    await engine.createNetwork({ name: "n" });
    expect(await outcomes([engine.connect("s", { network: "n" }), engine.removeNetwork("n")])).toEqual([
      "ok",
      "in_use",
    ]);
  });

  test("a connect that waited finds its network gone", async () => {
    const { engine } = boot;
    for (const name of ["n", "m"]) await engine.createNetwork({ name });
    await engine.createSandbox({ name: "s", networks: [{ network: "m" }] });
    // The disconnect holds the sandbox while the network goes.
    const all = [
      engine.disconnect("s", "m"),
      engine.connect("s", { network: "n" }),
      engine.removeNetwork("n"),
    ];
    expect(await outcomes(all)).toEqual(["ok", "not_found", "ok"]);
  });

  test("a name is free again once its removal is done, and not before", async () => {
    const { engine } = boot;
    await engine.createNetwork({ name: "n" });
    const removal = engine.removeNetwork("n");
    await expect(engine.createNetwork({ name: "n" })).rejects.toThrow("network with name n already exists");
    await removal;
    await engine.createNetwork({ name: "n" });
  });

  test("a removal that fails leaves name and network as they were", async () => {
    const { engine } = boot;
    const { id } = await engine.createNetwork({ name: "n" });
    boot.host.failAfter = 1;
    const removal = engine.removeNetwork("n");
    await expect(engine.createNetwork({ name: "n" })).rejects.toThrow("already exists");
    await expect(removal).rejects.toThrow("injected");
    expect(engine.network("n").id).toBe(id);
  });

  test("a sandbox is removed while it is joined to another network", async () => {
    const { engine } = boot;
    await engine.createNetwork({ name: "n" });
    await engine.createSandbox({ name: "s" });
    const all = [engine.connect("s", { network: "n" }), engine.removeSandbox("s", { force: false })];
    expect(await outcomes(all)).toEqual(["ok", "ok"]);
    expect(engine.network("n").endpoints).toEqual([]);
  });

  test("a sandbox is asked for by name before it is made: its failure is everybody's", async () => {
    const { engine } = boot;
    await engine.createNetwork({ name: "n" });
    boot.host.failAfter = 2;
    const all = [engine.createSandbox({ name: "s" }), engine.connect("s", { network: "n" })];
    expect(await outcomes(all)).toEqual(["kernel", "not_found"]);
  });

  test("reconcile sees no operation half done", async () => {
    const { engine } = boot;
    await engine.createNetwork({ name: "n" });
    const made = Array.from({ length: 5 }, (_, i) =>
      engine.createSandbox({ name: `s${i}`, networks: [{ network: "n" }] }),
    );
    const looks = [engine.reconcile({ dryRun: true })];
    const more = engine.createSandbox({ name: "late" });
    await Promise.all([...made, more]);
    for (const look of await Promise.all(looks)) expect(look.differences).toEqual([]);
  });
});

describe("right after one another", () => {
  test("a sandbox and its network are removed: the bridge goes after the last link", async () => {
    const { engine } = boot;
    await engine.createNetwork({ name: "n" });
    await engine.createSandbox({ name: "s", networks: [{ network: "n" }] });
    await engine.removeSandbox("s", { force: false });
    await engine.removeNetwork("n");
    expect([...machine.kernel.host.links.keys()]).toEqual(["lo", "netdock0"]);
  });

  test("a process that stays behind keeps the namespace, and its link goes all the same", async () => {
    const { engine } = boot;
    const { id } = await engine.createSandbox({ name: "s" });
    machine.kernel.kept.add(id);
    await engine.removeSandbox("s", { force: false });
    await machine.quiet();
    expect([...machine.kernel.host.links.keys()]).toEqual(["lo", "netdock0"]);
  });

  test("a network waits for the last link of a sandbox that is gone already", async () => {
    const { engine } = boot;
    await engine.createNetwork({ name: "n" });
    await engine.createSandbox({ name: "s", networks: [{ network: "n" }] });
    const order: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    boot.host.deletion = async (name) => {
      if (name.startsWith("ndv")) await promise;
      order.push(name.slice(0, 3));
    };
    await engine.removeSandbox("s", { force: false });
    const removal = engine.removeNetwork("n");
    await machine.quiet();
    expect(order).toEqual([]);
    resolve();
    await removal;
    expect(order).toEqual(["ndv", "nd-"]);
  });

  test("a live connect waits for the link that had the address, too", async () => {
    const { engine } = boot;
    await engine.createNetwork({ name: "n", ipam: { config: [{ subnet: "10.7.0.0/24" }] } });
    const wish = { network: "n", ipv4: "10.7.0.9" };
    await engine.createSandbox({ name: "old", networks: [wish] });
    await engine.createSandbox({ name: "s" });
    const { promise, resolve } = Promise.withResolvers<void>();
    boot.host.deletion = () => promise;
    await engine.removeSandbox("old", { force: false });
    let joined = false;
    const joining = engine.connect("s", wish).then(() => (joined = true));
    await machine.quiet();
    expect(joined).toBe(false);
    resolve();
    await joining;
    // An address that nobody named is another one, and need not wait.
    await engine.removeSandbox("s", { force: false });
    boot.host.deletion = () => new Promise(() => undefined);
    await engine.createSandbox({ name: "t", networks: [{ network: "n" }] });
    boot.host.deletion = () => Promise.resolve();
  });

  test("an address asked for by name waits for the link that had it", async () => {
    const { engine, host } = boot;
    await engine.createNetwork({ name: "n", ipam: { config: [{ subnet: "10.7.0.0/24" }] } });
    const wish = { networks: [{ network: "n", ipv4: "10.7.0.9" }] };
    const first = await engine.createSandbox(wish);
    machine.kernel.kept.add(first.id);
    await engine.removeSandbox(first.id, { force: false });
    const links = (): string[] => host.observe("host").links.map((l) => l.name);
    const old = first.endpoints[0]?.hostInterface ?? "";
    expect(links()).toContain(old);
    await engine.createSandbox(wish);
    expect(links()).not.toContain(old);
  });

  test("close waits for what was begun and refuses what comes", async () => {
    const { engine } = boot;
    const making = engine.createSandbox({ name: "s" });
    const closing = engine.close();
    await making;
    await closing;
    await expect(engine.createSandbox({ name: "t" })).rejects.toThrow("the daemon is ending");
    boot = await machine.boot();
    expect(boot.engine.sandbox("s").state).toBe("created");
  });
});
