import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askAt, askFrom, idle, probe, server } from "./serve.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
  await world.netdockOk("network", "create", "four");
  await world.netdockOk("network", "create", "--ipv6", "dual");
  const ports = ["-p", "8080:80", "-p", "8080:80/udp", "-p", "[::1]:8081:80", "-p", "[::1]:8081:80/udp"];
  await server(world, "old", "--network", "four", ...ports);
  await server(world, "new", "--network", "dual", "-p", "[::1]:8082:80");
  await idle(world, "mate", "--network", "four");
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

describe("a sandbox without IPv6", () => {
  test.each(["tcp", "udp"])("is reached by the host's IPv6 addresses over %s", async (protocol) => {
    expect((await askAt(world.outside, protocol, "fd00:2::1", 8080)).stdout).toMatch(/^old /);
    expect((await askAt(world.host, protocol, "fd00:2::1", 8080)).stdout).toMatch(/^old /);
    expect((await askAt(world.host, protocol, "::1", 8080)).stdout).toMatch(/^old /);
  });

  test.each(["tcp", "udp"])("still sees IPv4 clients by their own addresses over %s", async (protocol) => {
    expect((await askAt(world.outside, protocol, "192.0.2.1", 8080)).stdout).toContain("192.0.2.2");
    expect((await askFrom(world, "mate", protocol, "192.0.2.1", 8080)).stdout).toMatch(/^old /);
  });
});

describe("a port of [::1]", () => {
  test.each(["tcp", "udp"])("is reached from the host and from nowhere else, over %s", async (protocol) => {
    expect((await askAt(world.host, protocol, "::1", 8081)).stdout).toMatch(/^old /);
    expect((await askAt(world.host, protocol, "fd00:2::1", 8081)).code).toBe(1);
    expect((await askAt(world.outside, protocol, "fd00:2::1", 8081)).code).toBe(1);
    expect((await askAt(world.host, protocol, "127.0.0.1", 8081)).code).toBe(1);
  });

  test("leads to a sandbox's IPv6 address where it has one", async () => {
    expect((await askAt(world.host, "tcp", "::1", 8082)).stdout).toMatch(/^new fd/);
  });
});

test("what flows both ways comes through whole, and each end by itself", async () => {
  await world.netdockOk(
    ...["run", "-d", "--name", "cat", "--network", "four", "-p", "8090:80", "--"],
    ...[process.execPath, "-e", COUNTER],
  );
  const text = await world.host.ok([process.execPath, "-e", SENDER, "::1", "8090"]);
  expect(text).toBe("4194304\n");
  await world.netdockOk("rm", "-f", "cat");
});

/** Says how many bytes came before the other side's end, and ends then. */
const COUNTER = `require("node:net").createServer({ allowHalfOpen: true }, (socket) => {
  let count = 0;
  socket.on("data", (data) => (count += data.length)).on("end", () => socket.end(count + "\\n"));
}).listen(80)`;

/** Sends 4 MiB, ends its side and prints the answer; tries again while nobody listens yet. */
const SENDER = `const dial = () => {
  const socket = require("node:net").connect({ host: process.argv[1], port: Number(process.argv[2]), allowHalfOpen: true });
  let answer = "";
  socket.on("connect", () => socket.end(Buffer.alloc(4 << 20)));
  socket.on("data", (data) => (answer += data));
  socket.on("error", () => undefined);
  socket.on("close", () => (answer === "" ? setTimeout(dial, 20) : process.stdout.write(answer)));
};
dial()`;

test("an allow-list keeps others out here, too", async () => {
  await server(
    world,
    "choosy",
    "--network",
    "four",
    "-p",
    "8095:80,from=192.0.2.2/32",
    "-p",
    "8096:80,from=fd00:2::2/128",
  );
  expect((await askAt(world.outside, "tcp", "fd00:2::1", 8095)).code).toBe(1);
  expect((await askAt(world.outside, "tcp", "192.0.2.1", 8095)).stdout).toMatch(/^choosy /);
  expect((await askAt(world.outside, "tcp", "fd00:2::1", 8096)).stdout).toMatch(/^choosy /);
  expect((await askAt(world.outside, "tcp", "192.0.2.1", 8096)).code).toBe(1);
  await world.netdockOk("rm", "-f", "choosy");
});

test("a port published live is served, and refused when it is withdrawn", async () => {
  await idle(world, "live", "--network", "four");
  await world.netdockOk("port", "add", "live", "8097:80");
  // Nobody listens in the sandbox: a connection is taken, and ended.
  expect((await askAt(world.host, "tcp", "::1", 8097)).stderr).toMatch(/ECONNRESET|closed/);
  await world.netdockOk("port", "rm", "live", "8097:80");
  expect((await askAt(world.host, "tcp", "::1", 8097)).stderr).toContain("ECONNREFUSED");
  await world.netdockOk("rm", "-f", "live");
});

test("a port whose server is gone refuses, and takes nobody's connections in vain", async () => {
  await idle(world, "deaf", "--network", "four", "-p", "8091:80");
  const asked = await askAt(world.host, "tcp", "::1", 8091);
  expect(asked).toMatchObject({ code: 1, stderr: expect.stringMatching(/ECONNRESET|closed/) as string });
  await world.netdockOk("rm", "-f", "deaf");
  expect((await askAt(world.host, "tcp", "::1", 8091)).stderr).toContain("ECONNREFUSED");
});

test("the next daemon serves the ports again, and nothing keeps them when the sandbox is gone", async () => {
  await world.stopDaemon("SIGKILL");
  await world.startDaemon();
  expect((await askAt(world.host, "tcp", "::1", 8081)).stdout).toMatch(/^old /);
  expect((await askAt(world.outside, "udp", "fd00:2::1", 8080)).stdout).toMatch(/^old /);
  await world.netdockOk("rm", "-f", "old");
  const free = world.host.spawn(probe("serve", "tcp", "::", "8080", "other"));
  try {
    await new Promise((resolve) => free.stdout?.once("data", resolve));
    expect((await askAt(world.host, "tcp", "::1", 8080)).stdout).toMatch(/^other /);
  } finally {
    free.kill("SIGKILL");
  }
});
