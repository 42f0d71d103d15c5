import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Ip } from "../../src/base/ip.ts";
import { needsCommand } from "../../src/testkit/lab.ts";
import { HOST, MatrixWorld, OUTSIDE } from "./matrix-world.ts";

/** Docker's tests of interfaces, families and addresses, on one host; docs/docker-cases.md says which is which. */
let world: MatrixWorld;

const SYSCTLS = "com.docker.network.endpoint.sysctls";
const IFNAME = "com.docker.network.endpoint.ifname";

beforeAll(async () => {
  world = await MatrixWorld.start({ brNetfilter: true });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

afterEach(() => world.clear());

const sysctl = (sandbox: string, key: string): string =>
  world.visit(sandbox)(() => readFileSync(`/proc/sys/net/${key}`, "utf8").trim());

describe("a link's name", () => {
  test("may be given by option or field, and the others are numbered around it", async () => {
    for (const name of ["a", "b", "c"]) await world.network(name, "4");
    await world.engine.createSandbox({
      name: "s",
      networks: [
        { network: "a", options: { [IFNAME]: "foo0" } },
        { network: "b" },
        { network: "c", interfaceName: "eth9" },
      ],
    });
    const names = (): string[] =>
      [...world.ip("s", "-o link").matchAll(/^\d+: ([^:@]+)/gm)].map(([, name]) => name as string).toSorted();
    expect(names()).toEqual(["eth0", "eth9", "foo0", "lo"]);
    await world.engine.disconnect("s", "a");
    await world.engine.connect("s", { network: "a", options: { [IFNAME]: "bar0" } });
    expect(names()).toEqual(["bar0", "eth0", "eth9", "lo"]);
  });

  test("that another link has already is refused, and the sandbox stays as it was", async () => {
    for (const name of ["a", "b"]) await world.network(name, "4");
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
    world.ip("s", "link add eth1 type veth peer name eth7");
    await expect(world.engine.connect("s", { network: "b", interfaceName: "eth1" })).rejects.toThrow("eth1");
    expect(world.engine.sandbox("s").endpoints.map((e) => e.networkName)).toEqual(["a"]);
    await world.engine.connect("s", { network: "b", interfaceName: "eth2" });
    expect(world.engine.sandbox("s").endpoints.map((e) => e.interfaceName)).toEqual(["eth0", "eth2"]);
  });
});

describe("sysctls of an endpoint", () => {
  test("are set for each endpoint alone, at its own link, also when it joins later", async () => {
    for (const name of ["a", "b"]) await world.network(name, "46");
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
    await world.network("a", "46", { ipam: { config } });
    const off = { [SYSCTLS]: "net.ipv6.conf.IFNAME.disable_ipv6=1" };
    await world.engine.createSandbox({ name: "s", networks: [{ network: "a", options: off }] });
    expect(world.engine.sandbox("s").endpoints[0]).toMatchObject({ ipv4: "10.61.0.2/24" });
    expect(world.engine.sandbox("s").endpoints[0]).not.toHaveProperty("ipv6");
    expect(world.ip("s", "-6 -o address show")).not.toMatch(/eth0/);
    expect(world.engine.network("a").usage[1]?.inUse).toBe(2);
    await world.engine.createSandbox({ name: "t", networks: [{ network: "a" }] });
    expect(world.engine.sandbox("t").endpoints[0]?.ipv6).toBe("fd61::2/64");
  });
});

describe("families", () => {
  test("a network without IPv6 gives its members no IPv6 address, though the host has IPv6", async () => {
    await world.network("four", "4");
    await world.engine.createSandbox({ name: "s", networks: [{ network: "four" }] });
    expect(world.ip("s", "-6 -o address show dev eth0")).toBe("");
    expect(sysctl("s", "ipv6/conf/lo/disable_ipv6")).toBe("0");
    expect(world.defaults("s")).toEqual(["eth0", "-"]);
  });

  test("a sandbox on a network of each family has both, each by its own link", async () => {
    await world.network("four", "4");
    await world.network("six", "6");
    await world.engine.createSandbox({
      name: "s",
      networks: [
        { network: "four", interfaceName: "four" },
        { network: "six", interfaceName: "six" },
      ],
    });
    expect(world.defaults("s")).toEqual(["four", "six"]);
    expect(world.ip("s", "-4 -o address show dev six")).toBe("");
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
    await world.network("long", "6", { ipam: { config: [pool] } });
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
    await world.network("open", "46");
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
    expect(world.ip("s", "-4 -o address show dev eth0")).toContain(endpoints[0]?.ipv4);
    await expect(
      world.engine.createSandbox({ networks: [{ network: "open", ipv4: "198.18.0.1" }] }),
    ).rejects.toThrow("198.18.0.1 cannot be used on network open");
  });

  test("a network shows the gateway that its bridge has, as an address that can be read", async () => {
    await world.network("dual", "46");
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
    await world.network("a", "4");
    const process = { command, env: [`PATH=${globalThis.process.env["PATH"]}`] };
    const macs = (): string[] =>
      ["chosen", "one", "two"].map(
        (name) => / link\/ether (\S+)/.exec(world.ip(name, "link show eth0"))?.[1] ?? "",
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
    for (const name of ["a", "b"]) await world.network(name, "4");
    await world.engine.createSandbox({ name: "s", networks: [{ network: "a" }] });
    await world.engine.connect("s", { network: "b", mac: WISHED });
    expect(world.ip("s", "link show eth1")).toContain(`link/ether ${WISHED}`);
    expect(world.ip("s", "link show eth0")).not.toContain(WISHED);
  });
});

// What follows the last announcement of one shows that it was the last one.
test.for([1, 2, 3])("an address is announced %i times where the network says so", async (times, context) => {
  needsCommand(context, "tcpdump", "tcpdump");
  const option = "com.docker.network.advertise_addr_";
  const options = { [`${option}nmsgs`]: String(times), [`${option}ms`]: "100" };
  await world.network("told", "4", { options, ipam: { config: [{ subnet: "10.62.0.0/24" }] } });
  await world.engine.createSandbox({ name: "mate", networks: [{ network: "told" }] });
  const netns = `--net=${world.engine.sandbox("mate").netnsPath}`;
  const argv = [netns, "tcpdump", "-lnq", "-i", "eth0", "arp"];
  const child = spawn("nsenter", argv, { stdio: ["ignore", "pipe", "pipe"] });
  try {
    await once(child.stderr, "data");
    const heard = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const counts = new Map<string, number>();
    const until = async (ip: string): Promise<void> => {
      while ((counts.get(ip) ?? 0) < times) {
        const { value, done } = await heard.next();
        if (done === true) throw new Error("tcpdump ended");
        const own = /who-has (\S+) tell \1,/.exec(value)?.[1];
        if (own !== undefined) counts.set(own, (counts.get(own) ?? 0) + 1);
      }
    };
    for (const n of [7, 8]) {
      await world.engine.createSandbox({ networks: [{ network: "told", ipv4: `10.62.0.${n}` }] });
      await until(`10.62.0.${n}`);
    }
    expect([7, 8].map((n) => counts.get(`10.62.0.${n}`))).toEqual([times, times]);
  } finally {
    const ended = once(child, "exit");
    child.kill();
    await ended;
  }
});
