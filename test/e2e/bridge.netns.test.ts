import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressOn, askAt, askFrom, endpoints, idle, probe, server } from "./serve.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
  await world.netdockOk("network", "create", "red");
  await world.netdockOk("network", "create", "blue");
  await world.netdockOk("network", "create", "--internal", "vault");
  await server(
    world,
    "web",
    "--network",
    "red",
    "-p",
    "8080:80",
    "-p",
    "8080:80/udp",
    "-p",
    "127.0.0.1:8081:80",
  );
  await idle(world, "mate", "--network", "red");
  await idle(world, "stranger", "--network", "blue");
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

describe("same bridge", () => {
  test.each(["tcp", "udp"])("members talk directly over %s, with their own addresses", async (protocol) => {
    const web = await addressOn(world, "web", "red");
    const mate = await addressOn(world, "mate", "red");
    const answer = await askFrom(world, "mate", protocol, web, 80);
    expect(answer.stdout).toMatch(new RegExp(`^web (::ffff:)?${mate.replaceAll(".", "\\.")}\n$`));
  });

  test("members find each other by name", async () => {
    const { stdout } = await world.exec("mate", ["getent", "hosts", "web"]);
    expect(stdout).toContain(await addressOn(world, "web", "red"));
  });
});

describe("different bridges", () => {
  test.each(["tcp", "udp"])("are isolated for %s, whatever route a member has", async (protocol) => {
    const web = await addressOn(world, "web", "red");
    const answer = await askFrom(world, "stranger", protocol, web, 80);
    expect(answer).toMatchObject({ code: 1, stdout: "" });
  });

  test("do not know each other's names", async () => {
    expect((await world.exec("stranger", ["getent", "hosts", "web"])).code).toBe(2);
  });

  test("reach each other by published ports", async () => {
    const answer = await askFrom(world, "stranger", "tcp", "192.0.2.1", 8080);
    expect(answer.stdout).toMatch(/^web /);
  });
});

describe("the way out", () => {
  test.each(["tcp", "udp"])("leaves by the host's address over %s", async (protocol) => {
    const outside = world.outside.spawn(probe("serve", protocol, "192.0.2.2", "7000", "outside"));
    try {
      await new Promise((resolve) => outside.stdout?.once("data", resolve));
      expect((await askFrom(world, "mate", protocol, "192.0.2.2", 7000)).stdout).toBe("outside 192.0.2.1\n");
    } finally {
      outside.kill("SIGKILL");
    }
  });

  test("an internal network has none, and no published port leads into it", async () => {
    await server(world, "secret", "--network", "vault", "-p", "8090:80");
    expect((await askFrom(world, "secret", "tcp", "192.0.2.1", 8080)).code).toBe(1);
    expect((await world.exec("secret", ["ping", "-c1", "-W1", "192.0.2.2"])).code).not.toBe(0);
    expect((await askAt(world.outside, "tcp", "192.0.2.1", 8090)).code).toBe(1);
    await world.netdockOk("rm", "-f", "secret");
  });
});

describe("a published port", () => {
  test.each(["tcp", "udp"])("is reached from outside over %s, which keeps its address", async (protocol) => {
    const answer = await askAt(world.outside, protocol, "192.0.2.1", 8080);
    expect(answer.stdout).toMatch(/^web (::ffff:)?192\.0\.2\.2\n$/);
  });

  test.each([
    ["tcp", "192.0.2.1", 8080],
    ["udp", "192.0.2.1", 8080],
    ["tcp", "127.0.0.1", 8080],
    ["udp", "127.0.0.1", 8080],
    ["tcp", "127.0.0.1", 8081],
  ])("is reached from the host over %s %s:%d", async (protocol, address, port) => {
    expect((await askAt(world.host, protocol, address, port)).stdout).toMatch(/^web /);
  });

  test.each(["tcp", "udp"])(
    "is reached from its own network over %s, its own sandbox included",
    async (protocol) => {
      expect((await askFrom(world, "mate", protocol, "192.0.2.1", 8080)).stdout).toMatch(/^web /);
      expect((await askFrom(world, "web", protocol, "192.0.2.1", 8080)).stdout).toMatch(/^web /);
    },
  );

  test("on 127.0.0.1 is not reached from outside, nor from a sandbox", async () => {
    expect((await askAt(world.outside, "tcp", "192.0.2.1", 8081)).code).toBe(1);
    await world.outside.sh("ip route add 127.0.0.0/8 via 192.0.2.1 table 99 2>/dev/null || true");
    expect((await askFrom(world, "mate", "tcp", "192.0.2.1", 8081)).code).toBe(1);
  });

  test("opens nothing else: routing to the sandbox's address meets a closed door", async () => {
    const web = await addressOn(world, "web", "red");
    await world.outside.sh(`ip route replace ${web}/32 via 192.0.2.1`);
    expect((await askAt(world.outside, "tcp", web, 80)).code).toBe(1);
    expect((await world.outside.run(["ping", "-c1", "-W1", web])).code).not.toBe(0);
    await world.outside.sh(`ip route del ${web}/32`);
  });

  test("that is taken is refused, naming who holds it", async () => {
    const refused = await world.netdock(["run", "-d", "--name", "late", "-p", "8080:80", "--", "sleep", "9"]);
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain("port 0.0.0.0:8080/tcp is already published by sandbox web");
    const squatter = world.host.spawn(probe("serve", "tcp", "0.0.0.0", "8085", "squatter"));
    try {
      await new Promise((resolve) => squatter.stdout?.once("data", resolve));
      const again = await world.netdock(["run", "-d", "--name", "late", "-p", "8085:80", "--", "sleep", "9"]);
      expect(again.stderr).toMatch(/port 8085\/tcp on 0\.0\.0\.0 is held by \S+ \(pid \d+\)/);
    } finally {
      squatter.kill("SIGKILL");
    }
    expect((await world.netdock(["inspect", "late"])).code).not.toBe(0);
  });

  test("range goes to the same ports of the sandbox, and an ephemeral one is told", async () => {
    await server(world, "many", "--network", "red", "-p", "9000-9009:80-89", "-p", "80");
    expect((await askAt(world.outside, "tcp", "192.0.2.1", 9000)).stdout).toMatch(/^many /);
    const [view] = JSON.parse(await world.netdockOk("inspect", "many")) as [
      { bindings: { hostPort: number; hostIp: string; count: number }[] },
    ];
    const free = view.bindings.find((b) => b.count === 1 && b.hostIp === "0.0.0.0");
    expect((await askAt(world.outside, "tcp", "192.0.2.1", free?.hostPort ?? 0)).stdout).toMatch(/^many /);
    await world.netdockOk("rm", "-f", "many");
    expect((await askAt(world.outside, "tcp", "192.0.2.1", 9000)).code).toBe(1);
  });
});

describe("connect and disconnect, live", () => {
  test("a sandbox joins a second network and leaves it while it runs", async () => {
    await world.netdockOk("network", "connect", "--alias", "visitor", "red", "stranger");
    const web = await addressOn(world, "web", "red");
    expect((await askFrom(world, "stranger", "tcp", web, 80)).stdout).toMatch(/^web /);
    expect((await world.exec("mate", ["getent", "hosts", "visitor"])).code).toBe(0);
    expect((await endpoints(world, "stranger")).map((e) => e.interfaceName).toSorted()).toEqual([
      "eth0",
      "eth1",
    ]);
    await world.netdockOk("network", "disconnect", "red", "stranger");
    expect((await askFrom(world, "stranger", "tcp", web, 80)).code).toBe(1);
    expect((await world.exec("mate", ["getent", "hosts", "visitor"])).code).toBe(2);
    expect(await world.exec("stranger", ["ls", "/sys/class/net"])).toMatchObject({ stdout: "eth0\nlo\n" });
  });

  test("the gateway with the highest priority holds the default route", async () => {
    const route = async (): Promise<string> =>
      (await world.exec("stranger", ["ip", "-4", "route", "show", "default"])).stdout;
    const gateway = async (network: string): Promise<string> => {
      const [view] = JSON.parse(await world.netdockOk("network", "inspect", network)) as [
        { ipam: { pools: { gateway: string }[] } },
      ];
      return (view.ipam.pools[0]?.gateway ?? "").replace(/\/.*/, "");
    };
    expect(await route()).toContain(`via ${await gateway("blue")} `);
    await world.netdockOk("network", "connect", "--gw-priority", "10", "red", "stranger");
    expect(await route()).toContain(`via ${await gateway("red")} `);
    await world.netdockOk("network", "disconnect", "red", "stranger");
    expect(await route()).toContain(`via ${await gateway("blue")} `);
  });
});
