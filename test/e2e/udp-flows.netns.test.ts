import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { needsCommand } from "../../src/testkit/lab.ts";
import { probe, server } from "./serve.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
  await world.netdockOk("network", "create", "--ipv6", "red");
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** A client outside that sends to one port all the time, always from the same one. */
async function talker(
  port: number,
): Promise<{ readonly child: ChildProcess; hears: (word: string) => Promise<void> }> {
  const child = world.outside.spawn(probe("talk", "192.0.2.1", String(port)));
  let heard = "";
  child.stdout?.setEncoding("utf8");
  child.stdout?.on("data", (text: string) => (heard += text));
  const hears = async (word: string): Promise<void> => {
    // Without an end when it never comes: the test's own limit ends it then.
    while (!heard.includes(word)) {
      await new Promise((resolve) => child.stdout?.once("data", resolve));
    }
  };
  await hears("ready");
  return { child, hears };
}

/** Numbers that the kernel gave to the flows sent to a port. */
async function flowIds(port: number): Promise<string[]> {
  const list = await world.host.ok(["conntrack", "-L", "-p", "udp", "--dport", String(port), "-o", "id"]);
  return [...list.matchAll(/ id=(\d+)/g)].map(([, id]) => id as string);
}

test("a client that goes on sending reaches the sandbox that takes a port over, and others' flows stay", async (context) => {
  needsCommand(context, "conntrack", "conntrack");
  await server(world, "first", "--network", "red", "-p", "5000:80/udp");
  await server(world, "bystander", "--network", "red", "-p", "5001:80/udp");
  const moving = await talker(5000);
  const staying = await talker(5001);
  try {
    await moving.hears("first ");
    await staying.hears("bystander ");
    const before = await flowIds(5001);
    expect(before).toHaveLength(1);
    await world.netdockOk("rm", "-f", "first");
    await server(world, "second", "--network", "red", "-p", "5000:80/udp");
    await moving.hears("second ");
    expect(await flowIds(5001)).toEqual(before);
  } finally {
    moving.child.kill();
    staying.child.kill();
    await world.netdockOk("rm", "-f", "second", "bystander");
  }
});

test("a client that sent before the port was published is heard from then on", async () => {
  const early = await talker(5002);
  try {
    await server(world, "late", "--network", "red", "-p", "5002:80/udp");
    await early.hears("late ");
  } finally {
    early.child.kill();
    await world.netdockOk("rm", "-f", "late");
  }
});

test("a table that somebody flushed leaves no flow behind that knows nothing of the port", async () => {
  await server(world, "steady", "--network", "red", "-p", "5003:80/udp");
  const client = await talker(5003);
  try {
    await client.hears("steady ");
    // The client's flow ends with the rules; the next one begins while there are none.
    await world.host.sh("nft delete table inet netdock; conntrack -D -p udp --dport 5003");
    client.child.kill();
    const next = await talker(5003);
    await next.hears("steady ");
    next.child.kill();
  } finally {
    await world.netdockOk("rm", "-f", "steady");
  }
});
