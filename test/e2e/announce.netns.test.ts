import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { needsCommand } from "../../src/testkit/lab.ts";
import { addressOn, idle } from "./serve.ts";
import { ROOT, World } from "./world.ts";

const [OLD, NEW] = ["02:00:00:00:00:01", "02:00:00:00:00:02"];

let world: World;

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
  const subnets = ["--subnet", "10.9.0.0/24", "--subnet", "fd09::/64"];
  const often = ["-o", "com.docker.network.advertise_addr_ms=100"];
  await world.netdockOk("network", "create", "--ipv6", ...subnets, ...often, "red");
  const never = ["-o", "com.docker.network.advertise_addr_nmsgs=0"];
  await world.netdockOk("network", "create", ...never, "quiet");
  await idle(world, "mate", "--network", "red");
  await idle(world, "other", "--network", "quiet");
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface Capture {
  readonly child: ChildProcess;
  /** Lines of what was captured so far. */
  lines(): string[];
  /** Resolves when a line holds the word for the n-th time. */
  until(word: string, times: number): Promise<void>;
}

/** ARP requests for the sender's own address, and advertisements that nobody asked for. */
const ANNOUNCEMENTS = "(arp and arp[14:4] = arp[24:4]) or (icmp6 and ip6[40] = 136 and ip6 dst ff02::1)";

/** What a member of the network hears. */
async function capture(sandbox: string, filter: string): Promise<Capture> {
  const main = [process.execPath, `${ROOT}/src/app/main.ts`];
  const child = world.host.spawn([
    ...main,
    "exec",
    sandbox,
    "tcpdump",
    "-lnevv",
    "-tt",
    "-i",
    "eth0",
    filter,
  ]);
  let text = "";
  let woken: () => void = () => undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      woken();
    });
  }
  const until = async (word: string, times: number): Promise<void> => {
    // Without an end when it never comes: the test's own limit ends it then.
    while (text.split(word).length <= times) await new Promise<void>((resolve) => (woken = resolve));
  };
  await until("listening on", 1);
  return { child, until, lines: () => text.split("\n") };
}

test("an endpoint's addresses are announced, each so often as told, with its MAC", async (context) => {
  needsCommand(context, "tcpdump", "tcpdump");
  const { child, until, lines } = await capture("mate", ANNOUNCEMENTS);
  try {
    await idle(world, "new", "--network", `name=red,ip=10.9.0.77,ip6=fd09::77,mac-address=${NEW}`);
    await until("who-has 10.9.0.77", 3);
    await until("tgt is fd09::77", 3);
    // What follows the last announcement shows that it was the last one.
    await idle(world, "next", "--network", "name=red,ip=10.9.0.78");
    await until("who-has 10.9.0.78", 3);
    const count = (pattern: RegExp): number => lines().filter((line) => pattern.test(line)).length;
    expect(count(new RegExp(`${NEW} > ff:ff:ff:ff:ff:ff.*ARP`))).toBe(3);
    expect(count(/who-has 10\.9\.0\.77 tell 10\.9\.0\.77/)).toBe(3);
    expect(count(new RegExp(`${NEW} > 33:33:00:00:00:01`))).toBe(3);
    expect(count(new RegExp(`destination link-address option.*${NEW}`))).toBe(3);
    expect(count(/tgt is fd09::77.*Flags \[override\]/)).toBe(3);
    expect(count(/bad icmp6 cksum|incorrect/)).toBe(0);
    // Never sooner than told: 100 ms, less the resolution of a timer.
    const times = lines()
      .filter((line) => line.includes("who-has 10.9.0.77 tell 10.9.0.77"))
      .map((line) => Number.parseFloat(line));
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(gaps.filter((seconds) => seconds < 0.098)).toEqual([]);
  } finally {
    child.kill();
    await world.netdockOk("rm", "-f", "new", "next");
  }
});

test("who had another neighbour for the address has the new one", async () => {
  const neighbours = async (): Promise<string> =>
    (await world.exec("mate", ["ip", "neigh", "show", "dev", "eth0"])).stdout;
  const at = (mac: string): string => `name=red,ip=10.9.0.9,ip6=fd09::9,mac-address=${mac}`;
  await idle(world, "first", "--network", at(OLD));
  expect((await world.exec("mate", ["ping", "-c1", "-W2", "10.9.0.9"])).code).toBe(0);
  expect((await world.exec("mate", ["ping", "-c1", "-W2", "fd09::9"])).code).toBe(0);
  expect(await neighbours()).toMatch(new RegExp(`10\\.9\\.0\\.9 lladdr ${OLD}`));
  await world.netdockOk("rm", "-f", "first");
  const { child, until } = await capture("mate", ANNOUNCEMENTS);
  await idle(world, "second", "--network", at(NEW));
  await until("who-has 10.9.0.9", 3);
  await until("tgt is fd09::9", 3);
  child.kill();
  expect(await neighbours()).toMatch(new RegExp(`10\\.9\\.0\\.9 lladdr ${NEW}`));
  expect(await neighbours()).toMatch(new RegExp(`fd09::9 lladdr ${NEW}`));
  await world.netdockOk("rm", "-f", "second");
});

test("a network that is told so announces nothing", async (context) => {
  needsCommand(context, "tcpdump", "tcpdump");
  const { child, until, lines } = await capture("other", "arp");
  try {
    await idle(world, "new", "--network", "quiet");
    const [mine, theirs] = [await addressOn(world, "new", "quiet"), await addressOn(world, "other", "quiet")];
    expect((await world.exec("new", ["ping", "-c1", "-W2", theirs])).code).toBe(0);
    await until(`who-has ${theirs} tell ${mine}`, 1);
    expect(lines().filter((line) => line.includes(`who-has ${mine} tell ${mine}`))).toEqual([]);
  } finally {
    child.kill();
    await world.netdockOk("rm", "-f", "new");
  }
});
