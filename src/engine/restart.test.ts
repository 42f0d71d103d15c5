import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseIp } from "../base/ip.ts";
import { Machine, type Boot } from "../testkit/machine.ts";
import { emptyNetns } from "../testkit/fake-kernel.ts";
import { OPERATIONS, populate } from "../testkit/operations.ts";
import { faultsOf, pictureOf } from "../testkit/soundness.ts";
import { JOURNAL_STEPS } from "./journal.ts";

let machine: Machine;
let boot: Boot;

beforeEach(async () => {
  machine = new Machine();
  boot = await machine.boot();
});

afterEach(async () => {
  await machine.quiet();
  expect(await faultsOf(machine, boot)).toEqual([]);
  machine[Symbol.dispose]();
});

const filesOf = (name: string): string[] =>
  Object.values(boot.engine.sandboxFiles(name)).map((path) => readFileSync(path, "utf8"));

describe("a daemon that is started again", () => {
  test("finds everything as it left it, whether it was stopped or killed", async () => {
    await populate(boot.engine);
    const before = pictureOf(machine, boot);
    const files = filesOf("web");
    await boot.engine.close();
    boot = await machine.boot();
    expect(pictureOf(machine, boot)).toBe(before);
    boot.kill();
    boot = await machine.reboot();
    expect(pictureOf(machine, boot)).toBe(before);
    expect(filesOf("web")).toEqual(files);
    expect(boot.complaints).toEqual([]);
  });

  test("does nothing to the kernel but hold and serve ports and open resolvers, where nothing is wrong", async () => {
    await populate(boot.engine);
    await boot.engine.close();
    boot = await machine.boot();
    const ports = boot.host.heldPorts.length + boot.host.servedPorts.length;
    const resolvers = boot.resolving.size;
    // A resolver is opened and its redirect written.
    expect(boot.host.steps).toBe(ports + 2 * resolvers);
  });

  test("goes on with the addresses, ports and numbers that were next", async () => {
    await populate(boot.engine);
    boot.kill();
    boot = await machine.reboot();
    const taken = boot.engine.sandboxes().flatMap((s) => s.endpoints.map((e) => e.ipv4));
    const made = await boot.engine.createSandbox({ networks: [{ network: "back" }], publish: ["80"] });
    expect(taken).not.toContain(made.endpoints[0]?.ipv4);
  });

  test("says which port another process took, and leads to the sandbox all the same", async () => {
    await populate(boot.engine);
    boot.kill();
    machine.prepare = (host) => host.busyPorts.push({ ip: parseIp("0.0.0.0"), port: 8080, protocol: "tcp" });
    boot = await machine.reboot();
    expect(boot.complaints).toEqual([expect.stringContaining("a published port could not be held again")]);
    expect(boot.engine.sandbox("web").bindings.map((b) => b.hostPort)).toContain(8080);
    // Made whole for the check at the end.
    await boot.engine.removeSandbox("web", { force: true });
  });

  test("makes everything anew after the machine lost power", async () => {
    await populate(boot.engine);
    await boot.engine.createSandbox({
      name: "tuned",
      networks: [{ network: "front" }],
      sysctls: { "net.ipv4.tcp_keepalive_time": "60" },
    });
    const links = [...machine.kernel.host.links.keys()].toSorted();
    boot.kill();
    await machine.powerCycle();
    boot = await machine.boot();
    expect([...machine.kernel.host.links.keys()].toSorted()).toEqual(links);
    expect(boot.engine.sandboxes().map((s) => [s.name, s.state])).toEqual([
      ["web", "exited"],
      ["app", "exited"],
      ["mute", "created"],
      ["tuned", "created"],
    ]);
    const { sysctls } = machine.kernel.netns(boot.engine.sandbox("tuned").id);
    expect(sysctls.get("net.ipv4.tcp_keepalive_time")).toBe("60");
    expect(boot.resolving.size).toBe(4);
    await boot.engine.startProcess("web", { command: ["/bin/true"], env: [] });
  });

  test("takes in the host's new resolvers", async () => {
    await boot.engine.createSandbox({ name: "s" });
    expect(filesOf("s").join()).toContain("nameserver 192.0.2.53");
    await boot.engine.close();
    machine.resolvConf = "nameserver 198.51.100.7\n";
    boot = await machine.boot();
    expect(filesOf("s").join()).toContain("nameserver 198.51.100.7");
  });
});

describe("the very first start", () => {
  const predefined = (): string[] =>
    boot.engine.networks().map((n) => `${n.name} ${n.driver} ${n.predefined}`);

  test("makes the predefined networks", () => {
    expect(predefined()).toEqual(["bridge bridge true", "host host true", "none none true"]);
    expect(boot.engine.network("bridge").ipam.pools[0]).toMatchObject({
      subnet: "172.17.0.0/16",
      gateway: "172.17.0.1/16",
    });
  });

  test("killed at any step, is finished by the next", async () => {
    const steps = JOURNAL_STEPS.filter((step) => step.startsWith("network.create:"));
    for (const step of steps) {
      for (const nth of [1, 2, 3]) {
        using fresh = new Machine();
        fresh.dieAtBoot = { step, nth };
        await expect(fresh.boot()).rejects.toThrow("dead");
        fresh.dieAtBoot = undefined;
        const next = await fresh.reboot();
        expect([step, nth, await faultsOf(fresh, next)]).toEqual([step, nth, []]);
        expect(next.engine.networks()).toHaveLength(3);
      }
    }
  });
});

describe("a start that is itself cut short", () => {
  const some = OPERATIONS.filter(({ name }) =>
    ["network.remove", "sandbox.create", "endpoint.detach"].includes(name),
  );
  test.each(some.map(({ name, run }) => [name, run] as const))(
    "after %s was, is done by the one after it, from any step",
    async (_, run) => {
      for (let kernelStep = 1, done = false; !done; kernelStep++) {
        using other = new Machine();
        const first = await other.boot();
        await populate(first.engine);
        // Half-way, wherever that is.
        first.dieAtKernelStep(2);
        await run(first.engine).catch(() => undefined);
        if (!first.dead) first.kill();
        other.dieAtBoot = { kernelStep };
        const second = await other.reboot().catch(() => undefined);
        other.dieAtBoot = undefined;
        done = second !== undefined && !second.dead;
        const last = second === undefined || second.dead ? await other.reboot() : second;
        expect([kernelStep, await faultsOf(other, last)]).toEqual([kernelStep, []]);
      }
    },
  );
});

describe("somebody else's namespace", () => {
  const path = "/run/netns/theirs";

  beforeEach(() => {
    const theirs = emptyNetns(false);
    const [lo] = [...theirs.links.values()];
    if (lo !== undefined) theirs.links.set("eth0", { ...lo, name: "eth0", index: 2, up: true });
    machine.kernel.foreign.set(path, theirs);
  });

  test("gets a link beside theirs, and nothing of ours is left in it", async () => {
    const theirs = machine.kernel.foreign.get(path);
    await boot.engine.createNetwork({ name: "n" });
    const made = await boot.engine.createSandbox({
      name: "s",
      netns: { path },
      networks: [{ network: "n" }],
    });
    expect(made.endpoints[0]?.interfaceName).toBe("eth1");
    expect(theirs?.links.get("lo")?.up).toBe(true);
    expect(theirs?.redirect).toBe(made.resolverPort);
    await boot.engine.connect("s", { network: "bridge" });
    expect([...(theirs?.links.keys() ?? [])]).toEqual(["lo", "eth0", "eth1", "eth2"]);
    await expect(boot.engine.connect("s", { network: "none" })).rejects.toThrow("none");
    await boot.engine.removeSandbox("s", { force: false });
    expect([...(theirs?.links.keys() ?? [])]).toEqual(["lo", "eth0"]);
    expect([theirs?.redirect, theirs?.routes.size]).toEqual([undefined, 0]);
  });

  test("a wish for a link name of theirs is refused", async () => {
    const networks = [{ network: "bridge", interfaceName: "eth0" }];
    await expect(boot.engine.createSandbox({ netns: { path }, networks })).rejects.toThrow(
      "networks[0].interfaceName: the sandbox has a link named eth0 already",
    );
    expect(machine.kernel.pins.size).toBe(0);
  });

  test("is left clean by a daemon that died in the removal", async () => {
    await boot.engine.createNetwork({ name: "n" });
    await boot.engine.createSandbox({ name: "s", netns: { path }, networks: [{ network: "n" }] });
    boot.dieAt("sandbox.remove:committed");
    await expect(boot.engine.removeSandbox("s", { force: false })).rejects.toThrow("dead");
    boot = await machine.reboot();
    const theirs = machine.kernel.foreign.get(path);
    expect([...(theirs?.links.keys() ?? [])]).toEqual(["lo", "eth0"]);
    expect(theirs?.redirect).toBeUndefined();
  });

  test("that is gone after a restart is complained of, and the rest runs on", async () => {
    await boot.engine.createSandbox({ name: "s", netns: { path } });
    await boot.engine.createSandbox({ name: "t" });
    boot.kill();
    await machine.powerCycle();
    boot = await machine.boot();
    expect(boot.complaints.join("\n")).toContain("namespace could not be opened");
    const { differences } = await boot.engine.reconcile({ dryRun: true });
    expect(differences.map((d) => d.text)).toEqual(["the namespace of sandbox s is gone"]);
    machine.kernel.foreign.set(path, emptyNetns(false));
    await boot.engine.reconcile({ dryRun: false });
  });
});
