import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressOn, askAt, askFrom, idle, server } from "./serve.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
  await world.netdockOk("network", "create", "red");
  await world.netdockOk("network", "create", "blue");
  await server(world, "web", "--network", "red");
  await idle(world, "stranger", "--network", "blue");
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function published(sandbox: string): Promise<unknown> {
  return JSON.parse(await world.netdockOk("port", "ls", "--json", sandbox));
}

describe("a port added live", () => {
  test.each(["tcp", "udp"])(
    "is reached over %s from outside, the host and the own network",
    async (protocol) => {
      expect((await askAt(world.outside, protocol, "192.0.2.1", 8080)).code).toBe(1);
      await world.netdockOk("port", "add", "web", `8080:80/${protocol}`);
      expect((await askAt(world.outside, protocol, "192.0.2.1", 8080)).stdout).toMatch(
        /^web (::ffff:)?192\.0\.2\.2\n$/,
      );
      expect((await askAt(world.host, protocol, "127.0.0.1", 8080)).stdout).toMatch(/^web /);
      expect((await askFrom(world, "web", protocol, "192.0.2.1", 8080)).stdout).toMatch(/^web /);
      expect((await askFrom(world, "stranger", protocol, "192.0.2.1", 8080)).stdout).toMatch(/^web /);
      await world.netdockOk("port", "rm", "web", `8080:80/${protocol}`);
      expect((await askAt(world.outside, protocol, "192.0.2.1", 8080)).code).toBe(1);
      expect(await published("web")).toEqual([]);
    },
  );

  test("a taken one is refused with its holder's name, and nothing changes", async () => {
    await idle(world, "holder", "--network", "blue", "-p", "7000:80");
    const refused = await world.netdock(["port", "add", "web", "8081:80", "7000:80"]);
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toContain("port 0.0.0.0:7000/tcp is already published by sandbox holder");
    expect(await published("web")).toEqual([]);
    expect((await askAt(world.outside, "tcp", "192.0.2.1", 8081)).code).toBe(1);
    // Nor is the good one held any more.
    await world.netdockOk("port", "add", "holder", "8081:80");
    await world.netdockOk("rm", "-f", "holder");
  });

  test("outlives the daemon, and a flushed table", async () => {
    await world.netdockOk("port", "add", "web", "8082:80");
    await world.stopDaemon("SIGKILL");
    expect((await askAt(world.outside, "tcp", "192.0.2.1", 8082)).stdout).toMatch(/^web /);
    await world.host.sh("nft delete table inet netdock");
    await world.startDaemon();
    expect((await askAt(world.outside, "tcp", "192.0.2.1", 8082)).stdout).toMatch(/^web /);
    const rows = (await published("web")) as { hostIp: string }[];
    expect(rows.find(({ hostIp }) => hostIp === "0.0.0.0")).toMatchObject({
      hostPort: 8082,
      containerPort: 80,
    });
    await world.netdockOk("port", "rm", "web", "80");
  });
});

describe("a port with an allow-list", () => {
  /** The outside asks from another of its addresses. */
  async function askFromSource(source: string, address: string, port: number): Promise<string> {
    const length = address.includes(":") ? 128 : 32;
    await world.outside.sh(`ip route replace ${address}/${length} dev wire0 src ${source}`);
    return (await askAt(world.outside, "tcp", address, port)).stdout;
  }

  beforeAll(async () => {
    await world.outside.sh("ip addr add 192.0.2.66/24 dev wire0; ip addr add fd00:2::66/64 dev wire0 nodad");
    await world.netdockOk("network", "create", "--ipv6", "dual");
    await server(world, "shy", "--network", "dual", "-p", "8090:80,from=192.0.2.66,from=fd00:2::66");
    await idle(world, "mate", "--network", "dual");
  });

  test.each([
    ["192.0.2.66", "192.0.2.1", /^shy (::ffff:)?192\.0\.2\.66\n$/],
    ["192.0.2.2", "192.0.2.1", /^$/],
    ["fd00:2::66", "fd00:2::1", /^shy fd00:2::66\n$/],
    ["fd00:2::2", "fd00:2::1", /^$/],
  ])("asked by %s at %s", async (source, address, answer) => {
    expect(await askFromSource(source, address, 8090)).toMatch(answer);
  });

  test("lets in the host, and judges sandboxes by their own addresses", async () => {
    for (const address of ["127.0.0.1", "192.0.2.1", "fd00:2::1"]) {
      expect((await askAt(world.host, "tcp", address, 8090)).stdout).toMatch(/^shy /);
    }
    expect((await askFrom(world, "mate", "tcp", "192.0.2.1", 8090)).code).toBe(1);
    expect((await askFrom(world, "stranger", "tcp", "192.0.2.1", 8090)).code).toBe(1);
    const stranger = await addressOn(world, "stranger", "blue");
    await world.netdockOk("port", "add", "shy", `8091:80,from=${stranger}`);
    expect((await askFrom(world, "stranger", "tcp", "192.0.2.1", 8091)).stdout).toMatch(/^shy /);
    expect((await askFrom(world, "mate", "tcp", "192.0.2.1", 8091)).code).toBe(1);
  });

  test("is changed in place: who is let in, from the next connection on", async () => {
    await world.netdockOk("port", "add", "shy", "8092:80,from=192.0.2.66");
    expect(await askFromSource("192.0.2.2", "192.0.2.1", 8092)).toBe("");
    await world.netdockOk("port", "allow", "shy", "8092:80,from=192.0.2.2,from=fd00:2::2");
    expect(await askFromSource("192.0.2.2", "192.0.2.1", 8092)).toMatch(/^shy /);
    expect(await askFromSource("fd00:2::2", "fd00:2::1", 8092)).toMatch(/^shy /);
    expect(await askFromSource("192.0.2.66", "192.0.2.1", 8092)).toBe("");
    await world.netdockOk("port", "allow", "shy", "8092:80");
    expect(await askFromSource("192.0.2.66", "192.0.2.1", 8092)).toMatch(/^shy /);
    await world.netdockOk("port", "rm", "shy", "8092:80");
  });

  test("holds for UDP and for every port of a range", async () => {
    await world.netdockOk(
      "port",
      "add",
      "shy",
      "9079-9080:79-80/udp,from=192.0.2.0/26",
      "9079-9080:79-80,from=192.0.2.0/26",
    );
    for (const protocol of ["tcp", "udp"]) {
      await world.outside.sh("ip route replace 192.0.2.1/32 dev wire0 src 192.0.2.66");
      expect((await askAt(world.outside, protocol, "192.0.2.1", 9080)).code).toBe(1);
      await world.outside.sh("ip route replace 192.0.2.1/32 dev wire0 src 192.0.2.2");
      expect((await askAt(world.outside, protocol, "192.0.2.1", 9080)).stdout).toMatch(/^shy /);
    }
  });

  test("is shown, outlives the daemon, and goes with the port", async () => {
    await world.stopDaemon("SIGKILL");
    await world.startDaemon();
    const report = await world.netdockOk("reconcile", "--dry-run", "--json");
    expect(JSON.parse(report)).toMatchObject({ differences: [] });
    expect(await askFromSource("192.0.2.2", "192.0.2.1", 8090)).toBe("");
    const rows = (await published("shy")) as { hostPort: number }[];
    expect(rows.find((row) => row.hostPort === 8090)).toMatchObject({
      from: ["192.0.2.66/32", "fd00:2::66/128"],
    });
    await world.netdockOk("port", "rm", "shy", "8090:80");
    await world.netdockOk("port", "add", "shy", "8090:80");
    expect(await askFromSource("192.0.2.2", "192.0.2.1", 8090)).toMatch(/^shy /);
  });
});
