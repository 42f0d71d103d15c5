import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultPools } from "../ipam/default-pools.ts";
import { parseCidr } from "../base/cidr.ts";
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

const MTU = "com.docker.network.driver.mtu";

const subnets = (name: string): string[] => boot.engine.network(name).ipam.pools.map((p) => p.subnet);

describe("createNetwork()", () => {
  test("takes Docker's defaults", async () => {
    const made = await boot.engine.createNetwork({ name: "n" });
    expect(made).toMatchObject({
      name: "n",
      driver: "bridge",
      scope: "local",
      created: "2026-01-01T00:00:00.000Z",
      internal: false,
      enableIPv4: true,
      enableIPv6: false,
      ipam: {
        driver: "default",
        options: {},
        pools: [{ subnet: "172.18.0.0/16", gateway: "172.18.0.1/16", auxAddresses: {} }],
      },
      options: {},
      labels: {},
      predefined: false,
      endpoints: [],
    });
    expect(made.id).toMatch(/^[0-9a-f]{64}$/);
    expect(boot.engine.network("n")).toEqual(made);
  });

  test("gives IPv6 networks a unique local subnet", async () => {
    await boot.engine.createNetwork({ name: "n", enableIPv6: true });
    await boot.engine.createNetwork({ name: "six", enableIPv6: true, enableIPv4: false });
    expect(subnets("n")).toEqual(["172.18.0.0/16", "fd01:203:405::/64"]);
    expect(subnets("six")).toEqual(["fd01:203:405:1::/64"]);
  });

  test("keeps clear of the host's routes, and asks for them only when a pool is left to it", async () => {
    let asked = 0;
    boot.host.takenPrefixes = () => {
      asked++;
      return [{ prefix: parseCidr("172.18.0.0/15"), why: "route by eth0" }];
    };
    await boot.engine.createNetwork({ name: "n" });
    expect([asked, subnets("n")]).toEqual([1, ["172.20.0.0/16"]]);
    await boot.engine.createNetwork({ name: "own", ipam: { config: [{ subnet: "10.9.0.0/24" }] } });
    expect(asked).toBe(1);
    const two = [{ subnet: "10.7.0.0/24" }, { subnet: "10.8.0.0/24" }];
    await boot.engine.createNetwork({ name: "two", enableIPv6: true, ipam: { config: two } });
    expect([asked, subnets("two")]).toEqual([2, ["10.7.0.0/24", "10.8.0.0/24", "fd01:203:405::/64"]]);
    await boot.engine.createNetwork({ name: "sized", ipam: { config: [{ subnet: "0.0.0.0/28" }] } });
    expect(asked).toBe(3);
  });

  test.each([
    { what: "a tunnel's", uplink: 1420, request: {}, mtu: "1420" },
    { what: "Ethernet's", uplink: 1500, request: {}, mtu: undefined },
    { what: "jumbo frames'", uplink: 9000, request: {}, mtu: undefined },
    { what: "none", uplink: undefined, request: {}, mtu: undefined },
    {
      what: "a tunnel's, but the user's word counts",
      uplink: 1420,
      request: { options: { [MTU]: "1300" } },
      mtu: "1300",
    },
    { what: "a tunnel's, but nothing leaves", uplink: 1420, request: { internal: true }, mtu: undefined },
    { what: "too small for IPv6", uplink: 1200, request: { enableIPv6: true }, mtu: undefined },
  ])("takes the uplink's MTU where that is less than Ethernet's: $what", async ({ uplink, request, mtu }) => {
    boot.host.uplinkMtuBytes = uplink;
    const made = await boot.engine.createNetwork({ name: "n", ...request });
    expect(made.options[MTU]).toBe(mtu);
    const bridge = [...machine.kernel.host.links.values()].find(({ name }) => name.startsWith("nd-"));
    expect(bridge?.mtuBytes).toBe(mtu === undefined ? 1500 : Number(mtu));
  });

  test("an internal network leads nowhere", async () => {
    await boot.engine.createNetwork({ name: "n", internal: true });
    const made = await boot.engine.createSandbox({ networks: [{ network: "n" }] });
    expect(made.endpoints[0]?.gateway4).toBeUndefined();
    expect(machine.kernel.netns(made.id).routes.size).toBe(0);
    expect(boot.names.upstreams(made.id)).toBeUndefined();
  });

  test("hands out addresses of the next pool when one is full", async () => {
    const config = [{ subnet: "10.7.0.0/30" }, { subnet: "10.8.0.0/30" }];
    await boot.engine.createNetwork({ name: "n", ipam: { config } });
    const networks = [{ network: "n" }];
    for (const address of ["10.7.0.2/30", "10.8.0.2/30"]) {
      expect((await boot.engine.createSandbox({ networks })).endpoints[0]?.ipv4).toBe(address);
    }
    await expect(boot.engine.createSandbox({ networks })).rejects.toThrow(
      "no address is free in 10.8.0.0/30",
    );
  });

  test("has room for more networks than Docker's 31", async () => {
    for (let i = 0; i < 40; i++) await boot.engine.createNetwork({ name: `n${i}` });
    expect(subnets("n39")).toEqual(["10.0.9.0/24"]);
    expect(defaultPools(Uint8Array.of(1, 2, 3, 4, 5)).length).toBeGreaterThan(2);
  });
});

// Docker's TestBridgeIPAMStatus, as a network shows it.
test("how full the pools are is shown, and follows who comes and goes", async () => {
  const config = [{ subnet: "10.7.0.0/29", ipRange: "10.7.0.4/30" }, { subnet: "fd07::/64" }];
  await boot.engine.createNetwork({ name: "n", enableIPv6: true, ipam: { config } });
  const usage = (): number[][] =>
    boot.engine.network("n").usage.map(({ inUse, available }) => [inUse, available]);
  // The gateway is the first address of the range, and more than 2^53 is not told apart.
  const many = Number.MAX_SAFE_INTEGER;
  expect(usage()).toEqual([
    [3, 2],
    [2, many],
  ]);
  await boot.engine.createSandbox({ name: "a", networks: [{ network: "n" }] });
  await boot.engine.createSandbox({ name: "b", networks: [{ network: "n", ipv4: "10.7.0.2" }] });
  expect(usage()).toEqual([
    [5, 1],
    [4, many],
  ]);
  await boot.engine.removeSandbox("a", { force: true });
  await boot.engine.disconnect("b", "n");
  expect(usage()).toEqual([
    [3, 2],
    [2, many],
  ]);
});

describe("references", () => {
  test("by full id, exact name, unique prefix, in this order", async () => {
    const first = await boot.engine.createNetwork({ name: "first" });
    const byPrefix = await boot.engine.createNetwork({ name: first.id.slice(0, 8) });
    const byId = await boot.engine.createNetwork({ name: byPrefix.id });
    expect(boot.engine.network(first.id.slice(0, 8)).id).toBe(byPrefix.id);
    expect(boot.engine.network(byPrefix.id).id).toBe(byPrefix.id);
    expect(boot.engine.network(first.id.slice(0, 12)).id).toBe(first.id);
    expect(boot.engine.network(byId.id).name).toBe(byPrefix.id);
  });

  test("a prefix of several is ambiguous", async () => {
    for (let i = 0; i < 20; i++) await boot.engine.createNetwork({ name: `n${i}` });
    const initials = boot.engine.networks().map((n) => n.id.slice(0, 1));
    const twice = initials.find((c, i) => initials.indexOf(c) !== i) ?? "";
    expect(() => boot.engine.network(twice)).toThrow(
      /network . is ambiguous \(\d+ matches found based on ID prefix\)/,
    );
  });
});

describe("pruneNetworks()", () => {
  test("removes what nobody uses", async () => {
    for (const name of ["used", "b", "a"]) await boot.engine.createNetwork({ name });
    await boot.engine.createSandbox({ networks: [{ network: "used" }] });
    expect(await boot.engine.pruneNetworks()).toEqual(["b", "a"]);
    expect(boot.engine.networks().map((n) => n.name)).toEqual(["bridge", "host", "none", "used"]);
  });
});

describe("leases()", () => {
  test("lists who has which address", async () => {
    const config = [{ subnet: "10.7.0.0/24", auxAddresses: { router: "10.7.0.5" } }];
    await boot.engine.createNetwork({ name: "n", ipam: { config } });
    const { endpoints } = await boot.engine.createSandbox({ name: "s", networks: [{ network: "n" }] });
    expect(boot.engine.leases("n").map((l) => [l.address, l.clientId, l.hostname])).toEqual([
      ["10.7.0.1", `gateway:${boot.engine.network("n").id}`, undefined],
      ["10.7.0.2", endpoints[0]?.id, "s"],
      ["10.7.0.5", "aux:router", undefined],
    ]);
  });
});
