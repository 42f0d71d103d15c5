import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressOn, askAt, askFrom, idle, server } from "./serve.ts";
import { type Machine, World } from "./world.ts";

/** Somebody deletes or flushes what is ours; the daemon hears of it and puts it back. */
let world: World;
/** Names of the actions the daemon told of, as they come. */
let events: AsyncIterator<string>;
let daemon: ChildProcess;

beforeAll(async () => {
  world = await World.start();
  daemon = await world.startDaemon();
  await world.netdockOk("network", "create", "--ipv6", "red");
  await server(world, "web", "--network", "red", "-p", "8080:80");
  await idle(world, "mate", "--network", "red");
  const follow = world.host.spawn([process.execPath, "src/app/main.ts", "events", "--since", "0", "--json"]);
  events = createInterface({ input: follow.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  // The stream is open: what was before has been told.
  await events.next();
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

/**
 * Does the damage and waits until the daemon says that it mended something; gives the milliseconds that took. What it said
 * before, of earlier damage that it mended in two goes, does not count.
 */
async function healed(damage: () => Promise<unknown>): Promise<number> {
  const start = Date.now();
  const done = damage();
  for (;;) {
    const line = await events.next();
    if (line.done === true) throw new Error("the daemon ended");
    const { action, time } = JSON.parse(line.value) as { action: string; time: string };
    if (action !== "reconcile" || Date.parse(time) < start) continue;
    await done;
    return Date.now() - start;
  }
}

async function sound(): Promise<void> {
  expect(JSON.parse(await world.netdockOk("reconcile", "--dry-run", "--json"))).toMatchObject({
    differences: [],
  });
}

/** Sends a number every 20 ms, and prints what comes back and how it ends. */
const COUNTER = `const socket = require("node:net").connect(8080, "192.0.2.1");
let sent = 0;
socket.once("data", () => setInterval(() => socket.write(++sent + "\\n"), 20));
socket.on("data", (data) => process.stdout.write(data));
socket.on("error", (error) => console.log(error.code));
socket.on("close", () => process.exit());`;

/** Segments that a machine sent again, since nobody acknowledged them (RFC 4022, tcpRetransSegs). */
async function sentAgain(machine: Machine): Promise<number> {
  const [names, values] = (await machine.sh("grep ^Tcp: /proc/net/snmp"))
    .split("\n")
    .map((line) => line.split(" "));
  return Number(values?.[names?.indexOf("RetransSegs") ?? -1]);
}

test("`nft flush ruleset` during a transfer through a published port: it goes on, and new connections work", async ({
  annotate,
}) => {
  const stream = world.outside.spawn([process.execPath, "-e", COUNTER]);
  const ended = once(stream, "exit");
  const lines = createInterface({ input: stream.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  try {
    expect((await lines.next()).value).toMatch(/^web .*192\.0\.2\.2$/);
    expect((await lines.next()).value).toBe("1");
    // Held up, so that the transfer is sure to meet a host without rules.
    daemon.kill("SIGSTOP");
    const before = await sentAgain(world.outside);
    await world.host.ok(["nft", "flush", "ruleset"]);
    while ((await sentAgain(world.outside)) < before + 2);
    const took = await healed(() => {
      daemon.kill("SIGCONT");
      return Promise.resolve();
    });
    await annotate(`rules were back after ${took} ms`);
    const lost = await sentAgain(world.outside);
    expect(lost).toBeGreaterThan(before);
    let last = 1;
    // What the server sends back now was sent after the rules were gone.
    for (let more = 0; more < 100; more++) {
      expect((await lines.next()).value).toBe(String(++last));
    }
    expect((await askAt(world.outside, "tcp", "192.0.2.1", 8080)).stdout).toMatch(/^web /);
    expect((await askAt(world.host, "tcp", "127.0.0.1", 8080)).stdout).toMatch(/^web /);
    await sound();
  } finally {
    daemon.kill("SIGCONT");
    stream.kill("SIGKILL");
    await ended;
  }
});

describe("is put back on the host:", () => {
  test.each([
    ["a rule of ours", "nft flush chain inet netdock forward"],
    ["a bridge", "ip link del $(ip -o link | grep -o 'nd-[0-9a-f]*' | head -1)"],
    ["the outer end of a link", "ip link del $(ip -o link | grep -o 'ndv[0-9a-f]*' | head -1)"],
    ["a bridge that is down", "ip link set $(ip -o link | grep -o 'nd-[0-9a-f]*' | head -1) down"],
    ["an address", "ip -4 addr flush dev $(ip -o link | grep -o 'nd-[0-9a-f]*' | head -1)"],
    [
      "a route",
      "ip route del $(ip route show dev $(ip -o link | grep -o 'nd-[0-9a-f]*' | head -1) | head -1)",
    ],
  ])("%s", async (_, script) => {
    await healed(() => world.host.sh(script));
    await sound();
    expect((await askAt(world.outside, "tcp", "192.0.2.1", 8080)).stdout).toMatch(/^web /);
  });
});

describe("is put back in a sandbox:", () => {
  test.each([
    ["a link", "ip link del eth0"],
    ["a link that is down", "ip link set eth0 down"],
    ["an address", "ip -4 addr flush dev eth0"],
    ["the default route", "ip route del default"],
    ["the route to the neighbours", "ip route del $(ip route show dev eth0 scope link | head -1)"],
    ["the way to the resolver", "nft flush ruleset"],
  ])("%s", async (_, script) => {
    await healed(() => world.exec("mate", ["sh", "-ec", script]));
    await sound();
    const web = await addressOn(world, "web", "red");
    expect((await askFrom(world, "mate", "tcp", web, 80)).stdout).toMatch(/^web /);
    expect((await world.exec("mate", ["getent", "hosts", "web"])).code).toBe(0);
  });
});
