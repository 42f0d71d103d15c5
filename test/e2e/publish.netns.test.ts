import { afterAll, beforeAll, expect, test } from "vitest";
import { askAt, idle, server } from "./serve.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface Binding {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
}

async function bindings(sandbox: string): Promise<readonly Binding[]> {
  const [view] = JSON.parse(await world.netdockOk("inspect", sandbox)) as [{ bindings: readonly Binding[] }];
  return view.bindings;
}

test("-P publishes what is exposed at free ports, and leaves what is published where it is", async () => {
  const exposed = ["--expose", "80", "--expose", "80/udp", "--expose", "443"];
  await server(world, "all", "-P", ...exposed, "-p", "8443:443");
  const published = await bindings("all");
  const at = (protocol: string, port: number): number =>
    published.find((b) => b.protocol === protocol && b.containerPort === port)?.hostPort ?? 0;
  expect(published.filter((b) => b.containerPort === 443).map((b) => b.hostPort)).toEqual([8443, 8443]);
  for (const protocol of ["tcp", "udp"]) {
    const answer = await askAt(world.outside, protocol, "192.0.2.1", at(protocol, 80));
    expect(answer.stdout).toMatch(/^all /);
  }
  await world.netdockOk("rm", "-f", "all");
});

test("a network without IPv4 has address, default route and published ports by IPv6 alone", async () => {
  await world.netdockOk("network", "create", "--ipv4=false", "--ipv6", "six");
  await server(world, "web6", "--network", "six", "-p", "8086:80", "-p", "127.0.0.1:8087:80");
  await idle(world, "mate6", "--network", "six");
  const { stdout } = await world.exec("web6", ["sh", "-c", "ip -o addr show eth0; ip route; ip -6 route"]);
  expect(stdout).not.toMatch(/inet |^default via \d/m);
  expect(stdout).toMatch(/^default via fd[0-9a-f:]+ dev eth0/m);
  const address = /inet6 (fd[0-9a-f:]+)/.exec(stdout)?.[1] ?? "";
  // By name, and out by the host's own address.
  const script = "getent ahostsv6 web6 && ping -c1 -W2 web6 && ping -c1 -W2 fd00:2::2";
  const asked = await world.exec("mate6", ["sh", "-c", script]);
  expect(asked).toMatchObject({ code: 0, stdout: expect.stringContaining(address) as string });
  const answer = await askAt(world.outside, "tcp", "fd00:2::1", 8086);
  expect(answer.stdout).toBe("web6 fd00:2::2\n");
  expect((await askAt(world.host, "tcp", "::1", 8086)).stdout).toMatch(/^web6 fd/);
  // Asked for by address, the proxy leads from IPv4 to IPv6, too.
  expect((await askAt(world.host, "tcp", "127.0.0.1", 8087)).stdout).toMatch(/^web6 fd/);
  await world.netdockOk("rm", "-f", "web6", "mate6");
});

test("point-to-point subnets /31 and /127 have both their addresses in use", async () => {
  const subnets = ["--subnet", "10.31.0.0/31", "--subnet", "fd31::/127"];
  await world.netdockOk("network", "create", "--ipv6", ...subnets, "pair");
  await server(world, "peer", "--network", "pair", "-p", "8088:80");
  const { stdout } = await world.exec("peer", ["ip", "-o", "addr", "show", "eth0", "scope", "global"]);
  expect(stdout).toContain("inet 10.31.0.1/31");
  expect(stdout).toContain("inet6 fd31::1/127");
  const script = "ping -c1 -W2 10.31.0.0 && ping -c1 -W2 fd31:: && ping -c1 -W2 192.0.2.2";
  expect(await world.exec("peer", ["sh", "-c", script])).toMatchObject({ code: 0 });
  expect((await askAt(world.outside, "tcp", "192.0.2.1", 8088)).stdout).toMatch(/^peer /);
  expect((await askAt(world.outside, "tcp", "fd00:2::1", 8088)).stdout).toBe("peer fd00:2::2\n");
  const full = await world.netdock(["run", "--rm", "--network", "pair", "--", "true"]);
  expect(full.code).toBe(125);
  expect(full.stderr).toContain("10.31.0.0/31");
  await world.netdockOk("rm", "-f", "peer");
});
