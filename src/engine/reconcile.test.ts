import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Machine, type Boot } from "../testkit/machine.ts";
import { populate } from "../testkit/operations.ts";
import { faultsOf, pictureOf } from "../testkit/soundness.ts";

let machine: Machine;
let boot: Boot;

beforeEach(async () => {
  machine = new Machine();
  boot = await machine.boot();
  await populate(boot.engine);
});

afterEach(async () => {
  vi.useRealTimers();
  expect(await faultsOf(machine, boot)).toEqual([]);
  machine[Symbol.dispose]();
});

const texts = async (dryRun: boolean): Promise<string[]> =>
  (await boot.engine.reconcile({ dryRun })).differences.map((d) => d.text);

describe("reconcile()", () => {
  test("says what others did, changes nothing on a dry run, and mends it otherwise", async () => {
    const before = pictureOf(machine, boot);
    machine.kernel.apply({ op: "link.set", netns: "host", name: "netdock0", set: { up: false } });
    machine.kernel.firewall?.delete([...machine.kernel.firewall.keys()][0] ?? "");
    const web = boot.engine.sandbox("web");
    machine.kernel.netns(web.id).routes.clear();
    const told = [
      "link netdock0 is down",
      "route 0.0.0.0/0 by 172.18.0.1 is missing",
      "route ::/0 by fd01:203:405::1 is missing",
      "table inet netdock lacks 1 elements and has 0 too many",
    ];
    const damaged = pictureOf(machine, boot);
    expect(await texts(true)).toEqual(told);
    expect(pictureOf(machine, boot)).toBe(damaged);
    expect(await texts(false)).toEqual(told);
    expect(pictureOf(machine, boot)).toBe(before);
    expect(await texts(false)).toEqual([]);
  });

  test("tells of what it mended, once", async () => {
    const told: string[] = [];
    boot.engine.subscribe((e) => told.push(`${e.type} ${e.action} ${e.attributes["differences"] ?? ""}`));
    machine.kernel.firewall = undefined;
    await boot.engine.reconcile({ dryRun: true });
    await boot.engine.reconcile({ dryRun: false });
    await boot.engine.reconcile({ dryRun: false });
    expect(told).toEqual(["daemon reconcile 1"]);
  });

  test("makes a namespace anew that somebody took away, with all that was in it", async () => {
    const { id } = boot.engine.sandbox("app");
    const before = pictureOf(machine, boot);
    machine.kernel.deleteNetns(id);
    expect((await texts(false))[0]).toBe("the namespace of sandbox app is gone");
    expect(pictureOf(machine, boot)).toBe(before);
    // The sockets of the old namespace are of no use.
    expect(boot.resolving.has(id)).toBe(true);
    expect(machine.kernel.netns(id).redirect).toBe(boot.engine.sandbox("app").resolverPort);
  });

  test("drops namespaces and files of nobody", async () => {
    machine.kernel.createNetns("stray");
    expect(await texts(true)).toEqual(["namespace stray belongs to nothing"]);
    expect(await texts(false)).toEqual(["namespace stray belongs to nothing"]);
  });

  test("leaves alone what is not ours, and says so where it is in the way", async () => {
    machine.kernel.apply({
      op: "link.create",
      netns: "host",
      link: { name: "docker0", kind: { type: "bridge" }, up: true, alias: "theirs" },
    });
    expect(await texts(false)).toEqual([]);
    expect(machine.kernel.host.links.has("docker0")).toBe(true);
    machine.kernel.apply({ op: "link.delete", netns: "host", name: "netdock0" });
    machine.kernel.apply({
      op: "link.create",
      netns: "host",
      link: { name: "netdock0", kind: { type: "dummy" }, up: true, alias: "theirs" },
    });
    expect(await texts(false)).toEqual(["link netdock0 exists and is not ours"]);
    expect(machine.kernel.host.links.get("netdock0")?.addresses.size).toBe(0);
    machine.kernel.apply({ op: "link.delete", netns: "host", name: "netdock0" });
    await boot.engine.reconcile({ dryRun: false });
  });

  test("a step that cannot be mended keeps nothing else from being", async () => {
    for (const name of machine.kernel.host.links.keys()) {
      if (name.startsWith("ndv")) machine.kernel.apply({ op: "link.delete", netns: "host", name });
    }
    boot.host.failAfter = 1;
    await boot.engine.reconcile({ dryRun: false });
    expect(boot.complaints.filter((line) => line.includes("injected"))).toHaveLength(1);
    const left = await texts(false);
    expect(left.filter((text) => text.startsWith("link"))).toHaveLength(1);
  });
});

describe("what others do while the daemon runs", () => {
  test("is gathered, then mended", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    machine.kernel.firewall = undefined;
    for (let i = 0; i < 10; i++) boot.host.tell({ kind: "firewall" });
    await vi.advanceTimersByTimeAsync(99);
    expect(machine.kernel.firewall).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(machine.kernel.firewall).toBeDefined();
  });

  test("in a sandbox is mended there, and the rest of the machine not looked at", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const before = pictureOf(machine, boot);
    const [web, app] = [boot.engine.sandbox("web").id, boot.engine.sandbox("app").id];
    machine.kernel.netns(web).routes.clear();
    machine.kernel.netns(web).redirect = undefined;
    machine.kernel.netns(app).routes.clear();
    for (let i = 0; i < 10; i++) boot.host.tellOf(web);
    await vi.advanceTimersByTimeAsync(100);
    expect(machine.kernel.netns(web).routes.size).toBe(2);
    expect(machine.kernel.netns(web).redirect).toBe(boot.engine.sandbox("web").resolverPort);
    expect(machine.kernel.netns(app).routes.size).toBe(0);
    boot.host.tellOf(app);
    await vi.advanceTimersByTimeAsync(100);
    expect(pictureOf(machine, boot)).toBe(before);
  });

  test("in a sandbox that is gone meanwhile is nothing to mend", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { id } = boot.engine.sandbox("web");
    boot.host.tellOf(id);
    await boot.engine.removeSandbox(id, { force: true });
    await vi.advanceTimersByTimeAsync(100);
    expect(boot.complaints).toEqual([]);
  });

  test("on a route by a link of ours is looked at", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    machine.kernel.firewall = undefined;
    boot.host.tell({ kind: "route", link: "netdock0" });
    await vi.advanceTimersByTimeAsync(100);
    expect(machine.kernel.firewall).toBeDefined();
  });

  test("on other routes is nobody's business here", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    boot.host.tell({ kind: "route" });
    expect(vi.getTimerCount()).toBe(0);
    await vi.runAllTimersAsync();
  });

  test("is not looked at any more once the engine is closed", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    boot.host.tell({ kind: "firewall" });
    await boot.engine.close();
    expect(vi.getTimerCount()).toBe(0);
    boot = await machine.boot();
  });
});

describe("withdraw()", () => {
  test("is refused while anybody has anything here", async () => {
    await expect(boot.engine.withdraw()).rejects.toThrow("there are 3 sandboxes and 4 networks of users");
  });

  test("takes everything out of the kernel; the next start makes it again", async () => {
    for (const { id } of boot.engine.sandboxes()) await boot.engine.removeSandbox(id, { force: true });
    await boot.engine.pruneNetworks();
    await boot.engine.withdraw();
    expect([...machine.kernel.host.links.keys()]).toEqual(["lo"]);
    expect(machine.kernel.firewall).toBeUndefined();
    await boot.engine.close();
    boot = await machine.boot();
    expect([...machine.kernel.host.links.keys()]).toEqual(["lo", "netdock0"]);
  });
});
