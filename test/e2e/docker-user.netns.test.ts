import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askAt, askFrom, probe, server } from "./serve.ts";
import { World } from "./world.ts";

/**
 * Beside the tables of a dockerd: the policy of FORWARD is drop, and DOCKER-USER is the place it leaves to others. A bridge with
 * a listener behind it stands for Docker's containers. What iptables-nft would make is made with nft.
 */
let world: World;
let listeners: readonly ChildProcess[] = [];
let lines: AsyncIterator<string>;

const DOCKER_TABLE = `
table ip filter {
  chain DOCKER-USER {
    ip saddr 192.0.2.66 counter drop
    counter return
  }
  chain FORWARD {
    type filter hook forward priority filter; policy drop;
    counter jump DOCKER-USER
    oifname "docker0" ct state related,established counter accept
    iifname "docker0" oifname != "docker0" counter accept
  }
}`;

beforeAll(async () => {
  world = await World.start();
  await world.host
    .sh(`ip link add docker0 type bridge && ip addr add 172.30.0.1/24 dev docker0 && ip link set docker0 up
    ip netns add box && ip link add vethd type veth peer name eth0 netns box
    ip link set vethd master docker0 up && ip -n box link set eth0 up && ip -n box link set lo up
    ip -n box addr add 172.30.0.2/24 dev eth0 && ip -n box route add default via 172.30.0.1`);
  await world.startDaemon();
  await world.netdockOk("network", "create", "red");
  await server(world, "web", "--network", "red", "-p", "8080:80");
  const follow = world.host.spawn([process.execPath, "src/app/main.ts", "events", "--since", "0", "--json"]);
  lines = createInterface({ input: follow.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  await lines.next();
  const outside = world.outside.spawn(probe("serve", "tcp", "192.0.2.2", "7000", "outside"));
  const box = world.host.spawn([
    "ip",
    "netns",
    "exec",
    "box",
    ...probe("serve", "tcp", "172.30.0.2", "80", "box"),
  ]);
  listeners = [outside, box];
  for (const one of listeners) await once(one.stdout as NodeJS.ReadableStream, "data");
});

afterAll(async () => {
  for (const one of listeners) one.kill("SIGKILL");
  await world?.[Symbol.asyncDispose]();
});

/** Until the daemon says that it mended something. */
async function mended(): Promise<void> {
  for (;;) {
    const line = await lines.next();
    if (line.done === true) throw new Error("the daemon ended");
    if ((JSON.parse(line.value) as { action: string }).action === "reconcile") return;
  }
}

const rules = (): Promise<string> =>
  world.host.sh("nft list chain ip filter DOCKER-USER; nft list chain ip filter NETDOCK 2>/dev/null || true");

async function ways(): Promise<Record<string, boolean>> {
  return {
    out: (await askFrom(world, "web", "tcp", "192.0.2.2", 7000)).code === 0,
    published: (await askAt(world.outside, "tcp", "192.0.2.1", 8080)).code === 0,
    intoDocker: (await askFrom(world, "web", "tcp", "172.30.0.2", 80)).code === 0,
  };
}

test("rules of ours appear in DOCKER-USER as soon as it is there, behind the user's and before the return", async () => {
  await world.host.run(["nft", "-f", "-"], { input: DOCKER_TABLE });
  await mended();
  const text = (await rules()).replaceAll(/ packets \d+ bytes \d+/g, "");
  expect(text).toBe(`table ip filter {
	chain DOCKER-USER {
		ip saddr 192.0.2.66 counter drop
		iifname "nd-*" jump NETDOCK comment "netdock"
		iifname "netdock0" jump NETDOCK comment "netdock"
		oifname "nd-*" jump NETDOCK comment "netdock"
		oifname "netdock0" jump NETDOCK comment "netdock"
		counter return
	}
}
table ip filter {
	chain NETDOCK {
		oifname "nd-*" accept comment "netdock"
		oifname "netdock0" accept comment "netdock"
		oifname "wire0" accept comment "netdock"
	}
}
`);
});

test("traffic of ours passes Docker's policy, and Docker's containers stay closed to it", async () => {
  expect(await ways()).toEqual({ out: true, published: true, intoDocker: false });
  const { findings } = JSON.parse((await world.netdock(["doctor", "--json"])).stdout) as {
    findings: { check: string }[];
  };
  expect(findings.filter(({ check }) => check === "filter")).toEqual([]);
});

test("what is flushed there is put back", async () => {
  await world.host.sh("nft flush chain ip filter DOCKER-USER");
  await mended();
  expect(await ways()).toEqual({ out: true, published: true, intoDocker: false });
  await world.host.sh("nft flush chain ip filter NETDOCK");
  await mended();
  expect(await ways()).toEqual({ out: true, published: true, intoDocker: false });
});

test("a network with a name of the user's has rules as long as it is there", async () => {
  await world.netdockOk("network", "create", "-o", "com.docker.network.bridge.name=blue0", "blue");
  expect(await rules()).toContain('iifname "blue0" jump NETDOCK');
  expect(JSON.parse(await world.netdockOk("reconcile", "--dry-run", "--json"))).toMatchObject({
    differences: [],
  });
  await world.netdockOk("network", "rm", "blue");
  expect(await rules()).not.toContain("blue0");
});
