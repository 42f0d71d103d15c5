import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Machine, type Boot } from "../testkit/machine.ts";
import { faultsOf } from "../testkit/soundness.ts";

let machine: Machine;
let boot: Boot;

beforeEach(async () => {
  machine = new Machine();
  boot = await machine.boot();
  await boot.engine.createNetwork({ name: "front" });
  await boot.engine.createNetwork({ name: "back", enableIPv6: true });
});

afterEach(async () => {
  await machine.quiet();
  expect(await faultsOf(machine, boot)).toEqual([]);
  expect(boot.complaints).toEqual([]);
  machine[Symbol.dispose]();
});

const file = (name: string, which: "resolvConf" | "hosts" | "hostname"): string =>
  readFileSync(boot.engine.sandboxFiles(name)[which], "utf8");

describe("createSandbox()", () => {
  test("without a word joins the default network under a readable name", async () => {
    const made = await boot.engine.createSandbox({});
    expect(made.name).toMatch(/^[a-z]+-[a-z]+$/);
    expect(made).toMatchObject({
      hostname: made.id.slice(0, 12),
      domainname: "",
      labels: {},
      netns: { kind: "own" },
      netnsPath: `/fake/netns/${made.id}`,
      ports: [],
      bindings: [],
      state: "created",
      autoRemove: false,
    });
    expect(made.endpoints).toHaveLength(1);
    expect(made.endpoints[0]).toMatchObject({
      networkName: "bridge",
      driver: "bridge",
      aliases: [made.name],
      ipv4: "172.17.0.2/16",
      gateway4: "172.17.0.1",
      gwPriority: 0,
      interfaceName: "eth0",
    });
    expect(made.endpoints[0]?.mac).toMatch(/^[0-9a-f]([26ae])(:[0-9a-f]{2}){5}$/);
    expect(boot.engine.sandbox(made.name)).toEqual(made);
  });

  test("joins networks in their order, with links numbered so", async () => {
    const networks = [{ network: "back" }, { network: "front" }, { network: "bridge" }];
    const { id } = await boot.engine.createSandbox({ networks });
    expect([...machine.kernel.netns(id).links.keys()]).toEqual(["lo", "eth0", "eth1", "eth2"]);
    const inside = machine.kernel.netns(id).links.get("eth0");
    expect([...(inside?.addresses ?? [])]).toEqual(["172.19.0.2/16", "fd01:203:405::2/64"]);
  });

  test("leaves a link name to the one that asks for it", async () => {
    const networks = [{ network: "back" }, { network: "front", interfaceName: "eth0" }];
    const { endpoints } = await boot.engine.createSandbox({ networks });
    expect(Object.fromEntries(endpoints.map((e) => [e.networkName, e.interfaceName]))).toEqual({
      back: "eth1",
      front: "eth0",
    });
  });

  test("takes the link name from Docker's option, and the network's prefix", async () => {
    await boot.engine.createNetwork({
      name: "lan",
      options: { "com.docker.network.container_iface_prefix": "lan" },
    });
    const options = { "com.docker.network.endpoint.ifname": "wan0" };
    const networks = [{ network: "lan" }, { network: "front", options }];
    const { endpoints } = await boot.engine.createSandbox({ networks });
    expect(new Set(endpoints.map((e) => e.interfaceName))).toEqual(new Set(["lan0", "wan0"]));
  });

  test("keeps address and MAC that are asked for", async () => {
    const wish = { network: "back", ipv4: "172.19.0.77", ipv6: "fd01:203:405::7", mac: "02-00-00-00-00-77" };
    const { endpoints } = await boot.engine.createSandbox({ networks: [wish] });
    expect(endpoints[0]).toMatchObject({
      ipv4: "172.19.0.77/16",
      ipv6: "fd01:203:405::7/64",
      mac: "02:00:00:00:00:77",
    });
  });

  test("on no network has loopback only", async () => {
    const { id, endpoints } = await boot.engine.createSandbox({ networks: [] });
    expect(endpoints).toEqual([]);
    expect([...machine.kernel.netns(id).links.keys()]).toEqual(["lo"]);
    await boot.engine.createSandbox({ name: "n", networks: [{ network: "none" }] });
    expect(boot.engine.sandbox("n").endpoints[0]).toMatchObject({ networkName: "none", driver: "none" });
  });

  test("on the host's network makes nothing", async () => {
    const made = await boot.engine.createSandbox({ networks: [{ network: "host" }] });
    expect(made.netns).toEqual({ kind: "host" });
    expect(machine.kernel.pins.size).toBe(0);
  });

  test("sets sysctls before the first link is there", async () => {
    const sysctls = { "net.ipv4.conf.default.rp_filter": "2" };
    const { id } = await boot.engine.createSandbox({ sysctls });
    expect(Object.fromEntries(machine.kernel.netns(id).sysctls)).toEqual(sysctls);
  });
});

describe("the files of a sandbox", () => {
  test("on the default network name the host's resolvers", async () => {
    await boot.engine.createSandbox({ name: "s", hostname: "web", domainname: "shop.test" });
    expect(file("s", "resolvConf")).toBe("nameserver 192.0.2.53\nsearch example.org\n");
    expect(file("s", "hosts")).toContain("172.17.0.2\tweb.shop.test web");
    expect(file("s", "hostname")).toBe("web\n");
    expect(boot.resolving.size).toBe(0);
  });

  test("on a network of one's own name the embedded resolver", async () => {
    const extraHosts = ["db:10.0.0.5", "host:host-gateway"];
    await boot.engine.createSandbox({ name: "s", networks: [{ network: "front" }], extraHosts });
    expect(file("s", "resolvConf")).toBe("nameserver 127.0.0.11\nsearch example.org\noptions ndots:0\n");
    expect(file("s", "hosts")).toContain("10.0.0.5\tdb\n172.17.0.1\thost\n");
  });

  test("a host that gets other name servers: running sandboxes' questions go to those from then on", async () => {
    const { id } = await boot.engine.createSandbox({ networks: [{ network: "front" }] });
    expect(boot.names.upstreams(id)?.servers).toEqual(["192.0.2.53"]);
    machine.resolvConf = "nameserver 198.51.100.7\noptions ndots:2\n";
    machine.now += 1000;
    expect(boot.names.upstreams(id)?.servers).toEqual(["198.51.100.7"]);
    expect(boot.names.keepsShortNames(id)).toBe(true);
    machine.resolvConf = "";
    machine.now += 1000;
    expect(boot.names.upstreams(id)).toBeUndefined();
  });

  test("follow connects and disconnects", async () => {
    await boot.engine.createSandbox({ name: "s" });
    await boot.engine.connect("s", { network: "front" });
    expect(file("s", "resolvConf")).toContain("nameserver 127.0.0.11");
    expect(file("s", "hosts")).toContain("172.18.0.2\t");
    await boot.engine.disconnect("s", "front");
    expect(file("s", "hosts")).not.toContain("172.18.0.2");
  });

  test("are gone with it, and so is its log", async () => {
    const process = { command: ["/bin/true"], env: [] };
    const { id } = await boot.engine.createSandbox({ name: "s", process });
    const paths = [...Object.values(boot.engine.sandboxFiles("s")), boot.engine.logPath("s")];
    expect(paths.map((path) => existsSync(path))).toEqual([true, true, true, true]);
    await boot.engine.removeSandbox(id, { force: true });
    expect(paths.map((path) => existsSync(path))).toEqual([false, false, false, false]);
  });
});

describe("the embedded resolver", () => {
  test("starts with the first network of one's own, once, and stays", async () => {
    const { id } = await boot.engine.createSandbox({ name: "s" });
    expect([boot.resolving.has(id), boot.engine.sandbox("s").resolver]).toEqual([false, undefined]);
    await boot.engine.connect("s", { network: "front" });
    expect(boot.engine.sandbox("s").resolver).toMatchObject({ queries: 0, local: 0 });
    const port = boot.engine.sandbox("s").resolverPort;
    expect(machine.kernel.netns(id).redirect).toBe(port);
    await boot.engine.connect("s", { network: "back" });
    await boot.engine.disconnect("s", "front");
    expect(boot.resolving.has(id)).toBe(true);
    expect(boot.engine.sandbox("s").resolverPort).toBe(port);
    await boot.engine.removeSandbox("s", { force: false });
    expect(boot.resolving.has(id)).toBe(false);
  });

  test("knows members by name as soon as they are there, and no longer", async () => {
    const asker = await boot.engine.createSandbox({ networks: [{ network: "front" }] });
    await boot.engine.createSandbox({ name: "db", networks: [{ network: "front", aliases: ["store"] }] });
    expect(boot.names.lookup(asker.id, "store")).toEqual(["172.18.0.3"]);
    await boot.engine.disconnect("db", "front");
    expect(boot.names.lookup(asker.id, "store")).toBeUndefined();
    await boot.engine.connect("db", { network: "front", aliases: ["db2"] });
    expect(boot.names.lookup(asker.id, "db2.front")).toHaveLength(1);
    await boot.engine.removeSandbox("db", { force: false });
    expect(boot.names.lookup(asker.id, "db")).toBeUndefined();
  });
});

describe("removeSandbox()", () => {
  test("makes its name, address and port free at once", async () => {
    const request = { name: "s", networks: [{ network: "front", ipv4: "172.18.0.9" }], publish: ["80:80"] };
    await boot.engine.createSandbox(request);
    await boot.engine.removeSandbox("s", { force: false });
    await boot.engine.createSandbox(request);
  });

  test("gives an address back last, not first", async () => {
    const networks = [{ network: "front" }];
    const first = await boot.engine.createSandbox({ networks });
    await boot.engine.removeSandbox(first.id, { force: false });
    const second = await boot.engine.createSandbox({ networks });
    expect(second.endpoints[0]?.ipv4).not.toBe(first.endpoints[0]?.ipv4);
  });

  test("tells in the order in which it happened", async () => {
    const told: string[] = [];
    boot.engine.subscribe((e) => told.push(`${e.type} ${e.action} ${e.attributes["name"]}`));
    await boot.engine.createSandbox({ name: "s", networks: [{ network: "front" }, { network: "back" }] });
    await boot.engine.removeSandbox("s", { force: false });
    expect(told).toEqual([
      "sandbox create s",
      "network connect front",
      "network connect back",
      "network disconnect front",
      "network disconnect back",
      "sandbox destroy s",
    ]);
  });
});
