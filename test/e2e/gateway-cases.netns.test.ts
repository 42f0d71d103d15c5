import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { HOST, MatrixWorld, OUTSIDE } from "./matrix-world.ts";
import type { Ip } from "../../src/base/ip.ts";

/** Docker's tests of gateways and interfaces, on one host; docs/docker-cases.md says which is which. */
let world: MatrixWorld;

const SYSCTLS = "com.docker.network.endpoint.sysctls";
const IFNAME = "com.docker.network.endpoint.ifname";

beforeAll(async () => {
  world = await MatrixWorld.start({ brNetfilter: true });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Each case begins without sandboxes and networks of its own. */
afterEach(async () => {
  const { engine } = world;
  for (const { id } of engine.sandboxes()) await engine.removeSandbox(id, { force: true });
  for (const { name, predefined } of engine.networks()) if (!predefined) await engine.removeNetwork(name);
});

/** What `ip` prints inside a sandbox. */
function ip(sandbox: string, args: string): string {
  return world.host.sh(`nsenter --net=${world.engine.sandbox(sandbox).netnsPath} ip ${args}`);
}

/** The default routes as `via LINK`, IPv4 first; `-` where there is none. */
function defaults(sandbox: string): string[] {
  return [4, 6].map((family) => {
    const text = ip(sandbox, `-${family} route show default`);
    return /default via \S+ dev (\S+)/.exec(text)?.[1] ?? "-";
  });
}

const sysctl = (sandbox: string, key: string): string =>
  world.visit(sandbox)(() => readFileSync(`/proc/sys/net/${key}`, "utf8").trim());

/** A network of these families; `wan` is outside of every pool here. */
async function network(name: string, families: "4" | "6" | "46", more: object = {}): Promise<void> {
  await world.engine.createNetwork({
    name,
    enableIPv4: families.includes("4"),
    enableIPv6: families.includes("6"),
    ...more,
  });
}

describe("the default route", () => {
  test("is where the priorities say after each of nine steps, on five networks", async () => {
    for (const n of [1, 2, 3, 4, 5]) await network(`n${n}`, "46");
    const join = (n: number, gwPriority: number): object => ({
      network: `n${n}`,
      gwPriority,
      interfaceName: `n${n}`,
    });
    await world.engine.createSandbox({ name: "s", networks: [join(1, 0)] as never });
    const course: readonly [string, number | undefined, string][] = [
      ["n2", 100, "n2"],
      ["n3", -100, "n2"],
      ["n4", 0, "n2"],
      ["n5", 200, "n5"],
      ["n5", undefined, "n2"],
      ["n2", undefined, "n1"],
      ["n1", undefined, "n4"],
      ["n4", undefined, "n3"],
    ];
    expect(defaults("s")).toEqual(["n1", "n1"]);
    for (const [name, priority, gateway] of course) {
      if (priority === undefined) await world.engine.disconnect("s", name);
      else await world.engine.connect("s", join(Number(name.slice(1)), priority) as never);
      expect([name, ...defaults("s")]).toEqual([name, gateway, gateway]);
    }
    await world.engine.disconnect("s", "n3");
    expect(defaults("s")).toEqual(["-", "-"]);
  });

  test("of a sandbox made with several networks is that of the highest priority, whatever their order", async () => {
    for (const name of ["a", "b", "c"]) await network(name, "4");
    const networks = [
      { network: "a", interfaceName: "a" },
      { network: "b", interfaceName: "b", gwPriority: 10 },
      { network: "c", interfaceName: "c", gwPriority: -1 },
    ];
    for (const list of [networks, networks.toReversed()]) {
      const { name } = await world.engine.createSandbox({ networks: list });
      expect(defaults(name)).toEqual(["b", "-"]);
      const tied = await world.engine.createSandbox({
        networks: list.map(({ network: n, interfaceName }) => ({ network: n, interfaceName })),
      });
      // Equals: by name.
      expect(defaults(tied.name)).toEqual(["a", "-"]);
    }
  });
});

// Docker's TestGatewaySelection, with what a client outside meets after each step.
test("published ports move between the gateways of IPv4 and IPv6 with each network that comes and goes", async () => {
  await network("four", "4");
  await network("six", "6");
  await network("dual", "46");
  await network("inner", "46", { internal: true });
  await world.engine.createSandbox({
    name: "s",
    networks: [{ network: "four", interfaceName: "four" }],
    publish: ["8080:80"],
  });
  /** By which of the sandbox's links what is sent to the host's port comes in, for each family. */
  const led = (): string[] =>
    ([4, 6] as const).map((family) => {
      for (const { interfaceName, ipv4, ipv6 } of world.engine.sandbox("s").endpoints) {
        const cidr = family === 4 ? ipv4 : ipv6;
        if (cidr === undefined) continue;
        const at = { ip: cidr.split("/")[0] as Ip, port: 80 };
        const to = { ip: HOST[family] as Ip, port: 8080 };
        const asked = { protocol: "tcp", from: "outside", server: "s", at, to, timeoutMs: 500 } as const;
        if (world.ask(asked).kind === "arrived") return interfaceName as string;
      }
      return "-";
    });
  const join = (name: string, gwPriority = 0): Promise<unknown> =>
    world.engine.connect("s", { network: name, interfaceName: name, gwPriority });
  const leave = (name: string): Promise<unknown> => world.engine.disconnect("s", name);
  const course: readonly [() => Promise<unknown>, string, string][] = [
    // To a sandbox without IPv6 the proxy leads, which answers by IPv4 alone (test/e2e/proxy).
    [() => Promise.resolve(), "four", "-"],
    [() => join("six"), "four", "six"],
    [() => join("inner", 9), "four", "six"],
    [() => join("dual", 1), "dual", "dual"],
    [() => leave("four"), "dual", "dual"],
    [() => leave("dual"), "-", "six"],
    [() => join("four"), "four", "six"],
    [() => leave("six"), "four", "-"],
  ];
  for (const [step, four, six] of course) {
    await step();
    expect([defaults("s"), led()]).toEqual([
      [four, six],
      [four, six],
    ]);
  }
});

describe("a link's name", () => {
  test("may be given by option or field, and the others are numbered around it", async () => {
    for (const name of ["a", "b", "c"]) await network(name, "4");
    await world.engine.createSandbox({
      name: "s",
      networks: [
        { network: "a", options: { [IFNAME]: "foo0" } },
        { network: "b" },
        { network: "c", interfaceName: "eth9" },
      ],
    });
    const names = (): string[] =>
      [...ip("s", "-o link").matchAll(/^\d+: ([^:@]+)/gm)].map(([, name]) => name as string).toSorted();
    expect(names()).toEqual(["eth0", "eth9", "foo0", "lo"]);
    await world.engine.disconnect("s", "a");
    await world.engine.connect("s", { network: "a", options: { [IFNAME]: "bar0" } });
    expect(names()).toEqual(["bar0", "eth0", "eth9", "lo"]);
  });

  test("that another link has already is refused, and the sandbox stays as it was", async () => {
    for (const name of ["a", "b"]) await network(name, "4");
    await world.engine.createSandbox({ name: "s", networks: [{ network: "a" }] });
    for (const [interfaceName, other] of [
      ["eth0", "b"],
      ["lo", "b"],
    ] as const) {
      await expect(world.engine.connect("s", { network: other, interfaceName })).rejects.toThrow(
        interfaceName,
      );
    }
    // A link that somebody else made in the sandbox.
    ip("s", "link add eth1 type veth peer name eth7");
    await expect(world.engine.connect("s", { network: "b", interfaceName: "eth1" })).rejects.toThrow("eth1");
    expect(world.engine.sandbox("s").endpoints.map((e) => e.networkName)).toEqual(["a"]);
    await world.engine.connect("s", { network: "b", interfaceName: "eth2" });
    expect(world.engine.sandbox("s").endpoints.map((e) => e.interfaceName)).toEqual(["eth0", "eth2"]);
  });
});

describe("sysctls of an endpoint", () => {
  test("are set for each endpoint alone, at its own link, also when it joins later", async () => {
    for (const name of ["a", "b"]) await network(name, "46");
    const option = (text: string): object => ({ options: { [SYSCTLS]: text } });
    await world.engine.createSandbox({
      name: "s",
      networks: [
        {
          network: "a",
          ...option("net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.ifname.rp_filter=2"),
        },
      ],
    });
    const late = option("net.ipv6.conf.IFNAME.accept_ra=2");
    await world.engine.connect("s", { network: "b", ...late });
    expect(sysctl("s", "ipv4/conf/eth0/log_martians")).toBe("1");
    expect(sysctl("s", "ipv4/conf/eth0/rp_filter")).toBe("2");
    expect(sysctl("s", "ipv4/conf/eth1/log_martians")).toBe("0");
    expect(sysctl("s", "ipv6/conf/eth1/accept_ra")).toBe("2");
  });

  test("that turn IPv6 off give its address to nobody, and the next asker has it", async () => {
    const config = [{ subnet: "10.61.0.0/24" }, { subnet: "fd61::/64" }];
    await network("a", "46", { ipam: { config } });
    const off = { [SYSCTLS]: "net.ipv6.conf.IFNAME.disable_ipv6=1" };
    await world.engine.createSandbox({ name: "s", networks: [{ network: "a", options: off }] });
    expect(world.engine.sandbox("s").endpoints[0]).toMatchObject({ ipv4: "10.61.0.2/24" });
    expect(world.engine.sandbox("s").endpoints[0]).not.toHaveProperty("ipv6");
    expect(ip("s", "-6 -o address show")).not.toMatch(/eth0/);
    expect(world.engine.network("a").usage[1]?.inUse).toBe(2);
    await world.engine.createSandbox({ name: "t", networks: [{ network: "a" }] });
    expect(world.engine.sandbox("t").endpoints[0]?.ipv6).toBe("fd61::2/64");
  });
});

describe("families", () => {
  test("a network without IPv6 gives its members no IPv6 address, though the host has IPv6", async () => {
    await network("four", "4");
    await world.engine.createSandbox({ name: "s", networks: [{ network: "four" }] });
    expect(ip("s", "-6 -o address show dev eth0")).toBe("");
    expect(sysctl("s", "ipv6/conf/lo/disable_ipv6")).toBe("0");
    expect(defaults("s")).toEqual(["eth0", "-"]);
  });

  test("a sandbox on a network of each family has both, each by its own link", async () => {
    await network("four", "4");
    await network("six", "6");
    await world.engine.createSandbox({
      name: "s",
      networks: [
        { network: "four", interfaceName: "four" },
        { network: "six", interfaceName: "six" },
      ],
    });
    expect(defaults("s")).toEqual(["four", "six"]);
    expect(ip("s", "-4 -o address show dev six")).toBe("");
    for (const family of [4, 6] as const) {
      const at = { ip: OUTSIDE[family] as Ip, port: 80 };
      const asked = { protocol: "tcp", from: "s", server: "outside", at, to: at, timeoutMs: 5000 } as const;
      expect(world.ask(asked)).toEqual({ kind: "arrived", from: HOST[family] });
    }
  });

  test.each<[string, { subnet: string; ipRange: string; gateway?: string }, readonly string[]]>([
    [
      "at the end of a /64",
      { subnet: "fd64:1::/64", ipRange: "fd64:1::ffff:ffff:ffff:fffc/126", gateway: "fd64:1::1" },
      ["c", "d", "e", "f"].map((digit) => `fd64:1::ffff:ffff:ffff:fff${digit}/64`),
    ],
    [
      "that ends at the 64-bit limit of a /56",
      { subnet: "fd64:2::/56", ipRange: "fd64:2::ffff:ffff:ffff:fffe/127", gateway: "fd64:2::1" },
      ["fd64:2::ffff:ffff:ffff:fffe/56", "fd64:2::ffff:ffff:ffff:ffff/56"],
    ],
    [
      "that begins there",
      { subnet: "fd64:3::/56", ipRange: "fd64:3:0:1::/127", gateway: "fd64:3::1" },
      ["fd64:3:0:1::/56", "fd64:3:0:1::1/56"],
    ],
  ])("an IPv6 range %s gives out its addresses, all of them and no others", async (_, pool, all) => {
    await network("long", "6", { ipam: { config: [pool] } });
    const networks = [{ network: "long" }];
    for (const [i, address] of all.entries()) {
      const { endpoints } = await world.engine.createSandbox({ name: `s${i}`, networks });
      expect(endpoints[0]?.ipv6).toBe(address);
    }
    expect(world.engine.network("long").usage[0]?.available).toBe(0);
    await expect(world.engine.createSandbox({ networks })).rejects.toThrow("no address is free");
    const at = { ip: world.address("s1", 6), port: 80 };
    const asked = { from: "s0", server: "s1", protocol: "tcp", timeoutMs: 5000, at, to: at } as const;
    expect(world.ask(asked)).toMatchObject({ kind: "arrived" });
  });

  test("a static address is had on a network whose subnet nobody chose", async () => {
    await network("open", "46");
    const [four, six] = world.engine
      .network("open")
      .ipam.pools.map(({ subnet }) => subnet.split("/")[0] ?? "");
    const wish = { ipv4: four?.replace(/\.0$/, ".77"), ipv6: `${six}77` };
    const { endpoints } = await world.engine.createSandbox({
      name: "s",
      networks: [{ network: "open", ...wish }],
    });
    expect(endpoints[0]?.ipv4).toMatch(/\.77\/\d+$/);
    expect(endpoints[0]?.ipv6).toMatch(/::77\/64$/);
    expect(ip("s", "-4 -o address show dev eth0")).toContain(endpoints[0]?.ipv4);
    await expect(
      world.engine.createSandbox({ networks: [{ network: "open", ipv4: "198.18.0.1" }] }),
    ).rejects.toThrow("198.18.0.1 cannot be used on network open");
  });

  test("a network shows the gateway that its bridge has, as an address that can be read", async () => {
    await network("dual", "46");
    const { id, ipam } = world.engine.network("dual");
    const onBridge = world.host.sh(`ip -o address show dev nd-${id.slice(0, 12)}`);
    expect(ipam.pools).toHaveLength(2);
    for (const { gateway } of ipam.pools) expect(onBridge).toContain(` ${gateway} `);
  });
});

describe("MAC addresses", () => {
  const WISHED = "02:00:00:00:77:01";
  const command = ["sleep", "1000"];

  test("of sandboxes that are started again: the wished-for one stays, and no two are the same", async () => {
    await network("a", "4");
    const process = { command, env: [`PATH=${globalThis.process.env["PATH"]}`] };
    const macs = (): string[] =>
      ["chosen", "one", "two"].map(
        (name) => / link\/ether (\S+)/.exec(ip(name, "link show eth0"))?.[1] ?? "",
      );
    for (const name of ["chosen", "one", "two"]) {
      const wish = name === "chosen" ? { mac: WISHED } : {};
      await world.engine.createSandbox({ name, networks: [{ network: "a", ...wish }], process });
    }
    const before = macs();
    expect(before[0]).toBe(WISHED);
    expect(new Set(before).size).toBe(3);
    for (const name of ["chosen", "one", "two"]) {
      await world.engine.stopProcess(name, { timeoutSeconds: 5, signal: 9 });
    }
    for (const name of ["two", "one", "chosen"]) await world.engine.startProcess(name, process);
    expect(macs()).toEqual(before);
  });

  test("may be wished for when a network is joined, and are had there and nowhere else", async () => {
    for (const name of ["a", "b"]) await network(name, "4");
    await world.engine.createSandbox({ name: "s", networks: [{ network: "a" }] });
    await world.engine.connect("s", { network: "b", mac: WISHED });
    expect(ip("s", "link show eth1")).toContain(`link/ether ${WISHED}`);
    expect(ip("s", "link show eth0")).not.toContain(WISHED);
  });
});
