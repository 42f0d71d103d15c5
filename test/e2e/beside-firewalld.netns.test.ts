import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Both, filterFindings, LIMIT_MS, SOUND, type Ways, without } from "./both.ts";
import { lackingOf, lay } from "./debian.ts";
import { FirewalldOn } from "./firewalld.ts";
import { World } from "./world.ts";

const lacking = lackingOf("dockerd", "firewalld");

/** A real firewalld, whose default zone rejects what is forwarded; in the end a real dockerd too, which has a zone there. */
describe.skipIf(lacking !== "")(`netdock on a host of firewalld's${lacking}`, { timeout: LIMIT_MS }, () => {
  let world: World;
  let both: Both;
  let firewalld: FirewalldOn;
  let events: AsyncIterator<string>;

  beforeAll(async () => {
    world = await World.start();
    await lay(world.host, "dockerd", "firewalld");
    firewalld = await FirewalldOn.start(world.host);
    both = await Both.start(world);
    await both.startNetdock();
    const follow = world.host.spawn([
      process.execPath,
      "src/app/main.ts",
      "events",
      "--since",
      "0",
      "--json",
    ]);
    events = createInterface({ input: follow.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    await events.next();
  }, LIMIT_MS);

  afterAll(async () => {
    await both?.[Symbol.asyncDispose]();
    await firewalld?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  }, LIMIT_MS);

  const zone = async (): Promise<{ target: string; interfaces: string[] }> => {
    const text = await world.host.sh("firewall-cmd --info-zone=netdock");
    const of = (key: string): string => new RegExp(`^ *${key}: (.*)$`, "m").exec(text)?.[1] ?? "";
    return { target: of("target"), interfaces: of("interfaces").split(" ").filter(Boolean).toSorted() };
  };
  const OURS = { target: "ACCEPT", interfaces: ["nd-+", "netdock0"] };

  /** Until the daemon has mended something and the zone is netdock's again. */
  async function mended(wanted: typeof OURS): Promise<void> {
    for (;;) {
      const line = await events.next();
      if (line.done === true) throw new Error("the daemon ended");
      if ((JSON.parse(line.value) as { action: string }).action !== "reconcile") continue;
      const found = await zone().catch(() => undefined);
      if (JSON.stringify(found) === JSON.stringify(wanted)) return;
    }
  }

  async function sound(wanted: Ways): Promise<void> {
    expect(await both.ways(wanted)).toEqual(wanted);
    expect(await filterFindings(world)).toEqual([]);
  }

  test("netdock's bridges are in a zone of its own, and everything passes that should", async () => {
    expect(await zone()).toEqual(OURS);
    await world.netdockOk("network", "create", "--ipv6", "six");
    await sound(without("docker"));
    expect(JSON.parse(await world.netdockOk("reconcile", "--dry-run", "--json"))).toMatchObject({
      differences: [],
    });
  });

  test("the zone is as before after a reload, and comes back when somebody deletes it", async () => {
    await world.host.sh("firewall-cmd --reload");
    await world.netdockOk("reconcile");
    expect(await zone()).toEqual(OURS);
    const gone = mended(OURS);
    await world.host.sh(`firewall-cmd --permanent --delete-policy=netdock-forward
      firewall-cmd --permanent --delete-zone=netdock
      firewall-cmd --reload`);
    await gone;
    await sound(without("docker"));
  });

  test("a firewalld that is stopped and started finds the bridges in their zone again", async () => {
    await firewalld.stop();
    await sound(without("docker"));
    const back = mended(OURS);
    await firewalld.start();
    await back;
    await sound(without("docker"));
  });

  test("a bridge that a user puts into another zone stays there, and the doctor says what that does", async () => {
    const added = mended({ ...OURS, interfaces: ["blue0", ...OURS.interfaces] });
    await world.netdockOk("network", "create", "-o", "com.docker.network.bridge.name=blue0", "blue");
    await added;
    await world.host.sh("firewall-cmd --zone=block --change-interface=blue0");
    await world.netdockOk("reconcile");
    expect((await zone()).interfaces).toEqual(OURS.interfaces);
    const found = await filterFindings(world);
    expect(found).toMatchObject([
      {
        severity: "problem",
        filter: { family: "inet", table: "firewalld", chain: "filter_FWD_block" },
        affects: ["network blue: IPv4 that leaves by wire0"],
        remedy: "firewall-cmd --permanent --zone=trusted --add-interface=blue0 && firewall-cmd --reload",
      },
    ]);
    await world.host.sh("firewall-cmd --zone=block --remove-interface=blue0");
    await world.netdockOk("network", "rm", "blue");
    await world.netdockOk("reconcile");
    expect(await zone()).toEqual(OURS);
  });

  test("with a dockerd, which has a zone of its own, both engines' containers are as without firewalld", async () => {
    await both.startDocker();
    await world.netdockOk("reconcile");
    expect(await zone()).toEqual(OURS);
    await sound(SOUND);
    await both.dockerd.stop();
    await sound(without("docker"));
  });

  test("nothing of netdock's is left in firewalld when netdock goes", async () => {
    for (const name of ["web", "hid"]) {
      await world.netdockOk("rm", "-f", name);
    }
    await world.netdockOk("network", "rm", "red", "inner", "six");
    const daemon = await world.endByClient();
    expect(daemon).toBe(0);
    const names = await world.host.sh(
      "firewall-cmd --get-zones; firewall-cmd --permanent --get-zones; firewall-cmd --get-policies",
    );
    expect(names).not.toContain("netdock");
    expect(names).toContain("docker");
  });
});
