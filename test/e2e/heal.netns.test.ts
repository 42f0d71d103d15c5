import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressOn, askAt, askFrom, idle, probe, server } from "./serve.ts";
import { World } from "./world.ts";

/** Somebody deletes or flushes what is ours; the daemon hears of it and puts it back. */
let world: World;
/** Names of the actions the daemon told of, as they come. */
let events: AsyncIterator<string>;

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
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

test("`nft flush ruleset` during a transfer through a published port: new connections work again", async ({
  annotate,
}) => {
  const stream = world.outside.spawn(probe("stream", "192.0.2.1", "8080"));
  const ended = once(stream, "exit");
  try {
    const [first] = (await once(stream.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    expect(String(first)).toBe("ready\n");
    // What the transfer sends meanwhile meets no translation and is refused by the host: that one may break.
    const took = await healed(() => world.host.ok(["nft", "flush", "ruleset"]));
    await annotate(`rules were back after ${took} ms`);
    expect((await askAt(world.outside, "tcp", "192.0.2.1", 8080)).stdout).toMatch(/^web /);
    expect((await askAt(world.host, "tcp", "127.0.0.1", 8080)).stdout).toMatch(/^web /);
    await sound();
  } finally {
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
