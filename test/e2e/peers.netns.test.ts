import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressOn, idle, probe, server } from "./serve.ts";
import { World } from "./world.ts";

/** The commands; what peers may do in each direction and protocol is tested where the firewall is. */
let world: World;
let db: string;
/** Path of app's namespace: it is entered without the daemon, which some tests kill. */
let netns: string;

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
  for (const name of ["front", "back"]) await world.netdockOk("network", "create", name);
  await world.netdockOk("network", "create", "--internal", "vault");
  await server(world, "db", "--network", "back");
  await idle(world, "app", "--network", "front");
  db = await addressOn(world, "db", "back");
  [{ netnsPath: netns }] = JSON.parse(await world.netdockOk("inspect", "app")) as [{ netnsPath: string }];
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const ask = async (protocol: string): Promise<string> =>
  (await world.host.run(["nsenter", `--net=${netns}`, "--", ...probe("ask", protocol, db, "80")])).stdout;

async function differences(): Promise<unknown> {
  return (JSON.parse(await world.netdockOk("reconcile", "--dry-run", "--json")) as { differences: unknown })
    .differences;
}

describe("netdock network peer", () => {
  test("is the route between two networks, on the given ports, until unpeer", async () => {
    expect([await ask("tcp"), await ask("udp")]).toEqual(["", ""]);
    await world.netdockOk("network", "peer", "--one-way", "--port", "80/tcp", "front", "back");
    const own = await addressOn(world, "app", "front");
    expect(await ask("tcp")).toMatch(new RegExp(`^db (::ffff:)?${own}\n$`));
    expect(await ask("udp")).toBe("");
    const [network] = JSON.parse(await world.netdockOk("network", "inspect", "back")) as object[];
    expect(network).toMatchObject({ peerings: [{ direction: "from", network: "front", ports: ["80/tcp"] }] });
    await world.netdockOk("network", "unpeer", "front", "back");
    expect(await ask("tcp")).toBe("");
  });

  test("outlives the daemon, and is healed", async () => {
    await world.netdockOk("network", "peer", "back", "front");
    await world.stopDaemon("SIGKILL");
    expect(await ask("udp")).toMatch(/^db /);
    await world.host.sh("nft flush set inet netdock peered; nft flush map inet netdock peers");
    expect(await ask("udp")).toBe("");
    await world.startDaemon();
    expect(await ask("udp")).toMatch(/^db /);
    expect(await differences()).toEqual([]);
  });

  test("ends with either network", async () => {
    await world.netdockOk("network", "create", "gone");
    await world.netdockOk("network", "peer", "gone", "front");
    await world.netdockOk("network", "rm", "gone");
    const [front] = JSON.parse(await world.netdockOk("network", "inspect", "front")) as {
      peerings: object[];
    }[];
    expect(front?.peerings.filter((peering) => JSON.stringify(peering).includes("gone"))).toEqual([]);
    expect(await world.host.sh("nft list map inet netdock peers")).not.toContain("gone");
    expect(await differences()).toEqual([]);
  });

  test.each([
    [["vault", "front"], 2, "network vault can have no peers: it is internal"],
    [["front", "host"], 1, "driver host routes nothing by the host"],
    [["front", "front"], 2, "front is the same network"],
    [["front", "back", "--port", "80/icmp"], 2, "ports[0]: "],
  ])("%j are refused", async (args, code, message) => {
    const refused = await world.netdock(["network", "peer", ...args]);
    expect([refused.stdout, refused.stderr]).toEqual(["", expect.stringContaining(message)]);
    expect(refused.code).toBe(code);
  });
});
