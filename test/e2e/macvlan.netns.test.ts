import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ip } from "../../src/base/ip.ts";
import { needs } from "../../src/testkit/kernel.ts";
import { HOST, MatrixWorld, OUTSIDE } from "./matrix-world.ts";

/** How long a busy machine may take for what gets through, and how long we wait for what does not. */
const ARRIVES_MS = 5000;
const LOST_MS = 150;

/** The wire's own subnets; the outside plays the router. */
const LAN = [
  { subnet: "198.51.100.0/24", ipRange: "198.51.100.128/25", gateway: OUTSIDE[4] },
  { subnet: "2001:db8::/64", gateway: OUTSIDE[6] },
] as const;

let world: MatrixWorld;

beforeAll(async () => {
  world = await MatrixWorld.start({ brNetfilter: false });
});
beforeEach((context) => {
  needs(context, "macvlan");
});
afterEach(() => world.clear());
afterAll(() => world[Symbol.asyncDispose]());

async function lan(name: string, options: Record<string, string>): Promise<void> {
  const all = { parent: "wire0", ...options };
  await world.engine.createNetwork({
    name,
    driver: "macvlan",
    enableIPv6: true,
    ipam: { config: LAN },
    options: all,
  });
}

async function member(name: string, network: string, wish: object = {}): Promise<void> {
  await world.engine.createSandbox({ name, networks: [{ network, ...wish }] });
}

/** Where the server saw the question come from, or `lost`. */
function seen(from: string, server: string, ip: string, timeoutMs: number = ARRIVES_MS): string {
  const at = { ip: ip as Ip, port: 80 };
  const outcome = world.ask({ protocol: "tcp", from, server, at, to: at, timeoutMs });
  return outcome.kind === "arrived" ? outcome.from : "lost";
}

describe("members of the LAN", () => {
  test("have addresses and a MAC of their own there, and reach each other and the router both ways", async () => {
    await lan("lan", {});
    await member("a", "lan", { mac: "02:00:00:00:00:0a" });
    await member("b", "lan");
    const [a4, a6, b4] = [world.address("a", 4), world.address("a", 6), world.address("b", 4)];
    expect([a4, b4]).toEqual(["198.51.100.128", "198.51.100.129"]);
    expect(seen("a", "outside", OUTSIDE[4])).toBe(a4);
    expect(seen("a", "outside", OUTSIDE[6])).toBe(a6);
    expect(seen("outside", "a", a4)).toBe(OUTSIDE[4]);
    expect(seen("a", "b", b4)).toBe(a4);
    expect(world.outside.sh(`ip neighbour show ${a4}`)).toContain("02:00:00:00:00:0a");
    expect(world.defaults("a")).toEqual(["eth0", "eth0"]);
    // What the parent sends itself never comes back to its own macvlan links.
    expect(seen("a", "host", HOST[4], LOST_MS)).toBe("lost");
    // Nothing of it is on the host.
    expect(world.engine.sandbox("a").endpoints[0]?.hostInterface).toBeUndefined();
  });

  test("in private mode reach the router and not each other", async () => {
    await lan("lan", { macvlan_mode: "private" });
    await member("a", "lan");
    await member("b", "lan");
    expect(seen("a", "outside", OUTSIDE[4])).toBe(world.address("a", 4));
    expect(seen("a", "b", world.address("b", 4), LOST_MS)).toBe("lost");
  });

  test("keep a bridge network beside it, and the default route goes by priority", async () => {
    await lan("lan", {});
    await world.network("red", "4");
    await world.engine.createSandbox({
      name: "a",
      networks: [{ network: "red", gwPriority: 1 }, { network: "lan" }],
      publish: ["8080:80"],
    });
    const [red, eth] = world.engine.sandbox("a").endpoints.map((e) => e.interfaceName);
    expect(world.defaults("a")).toEqual([red, eth]);
    expect(seen("outside", "a", world.engine.sandbox("a").endpoints[1]?.ipv4?.split("/")[0] ?? "")).toBe(
      OUTSIDE[4],
    );
    await world.engine.disconnect("a", "red");
    expect(world.defaults("a")).toEqual([eth, eth]);
    await world.engine.connect("a", { network: "red", gwPriority: 1 });
    expect(world.defaults("a")[0]).not.toBe(eth);
  });

  test("without a gateway named there is no default route, and its address goes to nobody of ours", async () => {
    await world.engine.createNetwork({
      name: "lan",
      driver: "macvlan",
      options: { parent: "wire0" },
      ipam: { config: [{ subnet: "198.51.100.0/24", ipRange: "198.51.100.200/30" }] },
    });
    await member("a", "lan");
    expect(world.defaults("a")).toEqual(["-", "-"]);
    expect(seen("a", "outside", OUTSIDE[4])).toBe("198.51.100.200");
  });
});

test("without a parent the network is a LAN of its own, with no way out", async () => {
  await world.engine.createNetwork({ name: "own", driver: "macvlan" });
  expect(world.engine.network("own").internal).toBe(true);
  await member("a", "own");
  await member("b", "own");
  expect(seen("a", "b", world.address("b", 4))).toBe(world.address("a", 4));
  expect(world.defaults("a")).toEqual(["-", "-"]);
  const links = world.host.sh("ip -o link");
  expect(links.match(/nd[-v][0-9a-f]{12}/g)?.length).toBeGreaterThan(0);
  await world.clear();
  expect(world.host.sh("ip -o link")).not.toMatch(/nd[-v][0-9a-f]{12}/);
});

test("a link deleted in the sandbox is made anew by a reconcile", async () => {
  await lan("lan", {});
  await member("a", "lan");
  world.ip("a", "link delete eth0");
  await world.engine.reconcile({ dryRun: false });
  expect(seen("a", "outside", OUTSIDE[4])).toBe(world.address("a", 4));
  expect(world.defaults("a")).toEqual(["eth0", "eth0"]);
});

describe("is refused", () => {
  test.each([
    [{ parent: "eth77" }, "options.parent", "the host has no such link"],
    [{ parent: "lo" }, "options.parent", "loopback leads to no LAN"],
    [{ parent: "a/b" }, "options.parent", "write 1 to 15 letters"],
    [{ parent: "wire0", macvlan_mode: "bidge" }, "options.macvlan_mode", "use one of bridge, private"],
    [{ parent: "wire0", "com.docker.network.bridge.name": "x" }, "options.com.docker", "is not an option"],
    [{ parent: "wire0", "com.docker.network.driver.mtu": "1000" }, "options.com.docker", "1280"],
  ])("%j", async (options, field, words) => {
    const made = world.engine.createNetwork({ name: "x", driver: "macvlan", enableIPv6: true, options });
    await expect(made).rejects.toMatchObject({
      code: "invalid",
      field: expect.stringContaining(field) as unknown,
      message: expect.stringContaining(words) as unknown,
    });
    expect(world.engine.networks().filter(({ predefined }) => !predefined)).toEqual([]);
  });

  test("a second network on the parent of one in passthru mode", async () => {
    await lan("first", { macvlan_mode: "passthru" });
    const second = world.engine.createNetwork({
      name: "second",
      driver: "macvlan",
      options: { parent: "wire0" },
    });
    await expect(second).rejects.toMatchObject({
      code: "conflict",
      value: "wire0",
      message: expect.stringContaining("network first is on parent wire0 already") as unknown,
    });
  });
});
