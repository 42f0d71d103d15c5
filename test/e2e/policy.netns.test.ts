import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { idle, probe } from "./serve.ts";
import { World } from "./world.ts";

/** The commands; what a policy lets pass is tested where the firewall is. */
let world: World;
let outside: ChildProcess;
/** Paths of the namespaces of app and mate, which are entered without the daemon. */
let app: string;
let mate: string;

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
  await world.netdockOk("network", "create", "back");
  await world.netdockOk("network", "create", "--internal", "vault");
  for (const name of ["app", "mate"]) await idle(world, name, "--network", "back");
  const views = JSON.parse(await world.netdockOk("inspect", "app", "mate")) as { netnsPath: string }[];
  [app, mate] = views.map(({ netnsPath }) => netnsPath) as [string, string];
  outside = world.outside.spawn(probe("serve", "tcp", "192.0.2.2", "7000", "outside"));
  await once(outside.stdout as NodeJS.ReadableStream, "data");
});

afterAll(async () => {
  outside?.kill("SIGKILL");
  await world[Symbol.asyncDispose]();
});

async function leaves(netns: string): Promise<boolean> {
  const ask = probe("ask", "tcp", "192.0.2.2", "7000");
  return (await world.host.run(["nsenter", `--net=${netns}`, "--", ...ask])).stdout.startsWith("outside");
}

const policy = (...args: string[]): Promise<string> => world.netdockOk("network", "policy", "back", ...args);

describe("netdock network policy", () => {
  test("says where members may send, live, until it is cleared", async () => {
    expect(await leaves(app)).toBe(true);
    await policy("--default", "deny");
    expect(await leaves(app)).toBe(false);
    await policy("--default", "deny", "allow=192.0.2.0/24,7000/tcp");
    expect(await leaves(app)).toBe(true);
    expect(await policy()).toBe("network back\n  allow=192.0.2.0/24,7000/tcp\n  deny=any\n");
    await policy("deny=192.0.2.2");
    expect(await leaves(app)).toBe(false);
    await policy("--clear");
    expect([await leaves(app), await policy()]).toEqual([true, ""]);
  });

  test("of one sandbox is in place of the network's, outlives the daemon, and goes with the sandbox", async () => {
    await policy("--default", "deny");
    await policy("--sandbox", "app", "allow=any");
    expect([await leaves(app), await leaves(mate)]).toEqual([true, false]);
    expect(JSON.parse(await policy("--json"))).toEqual([
      { default: "deny", rules: [] },
      { sandbox: "app", default: "allow", rules: ["allow=0.0.0.0/0", "allow=::/0"] },
    ]);
    await world.stopDaemon("SIGKILL");
    await world.host.sh("nft delete table inet netdock");
    await world.startDaemon();
    expect([await leaves(app), await leaves(mate)]).toEqual([true, false]);
    await world.netdockOk("rm", "-f", "app");
    expect(await world.host.sh("nft list set inet netdock own4")).not.toContain("elements");
    const report = JSON.parse(await world.netdockOk("reconcile", "--dry-run", "--json")) as object;
    expect(report).toMatchObject({ differences: [] });
  });

  test.each([
    [["vault", "--default", "deny"], 2, "network vault can have no egress policy: it is internal"],
    [["host", "--default", "deny"], 1, "driver host routes nothing by the host"],
    [["back", "permit=10.0.0.0/8"], 2, "rules[0]: "],
    [["back", "allow=10.0.0.1/8"], 2, "rules[0]: "],
    [["back", "allow=any", "deny=any,70000"], 2, "rules[1]: "],
    [["back", "--default", "maybe"], 2, "--default: "],
    [["back", "--clear", "allow=any"], 2, "--clear: "],
    [["back", "--sandbox", "nobody", "--default", "deny"], 3, "sandbox nobody not found"],
  ])("%j is refused", async (args, code, message) => {
    const refused = await world.netdock(["network", "policy", ...args]);
    expect([refused.stdout, refused.stderr]).toEqual(["", expect.stringContaining(message)]);
    expect(refused.code).toBe(code);
  });
});
