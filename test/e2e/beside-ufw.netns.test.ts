import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Both, filterFindings, LIMIT_MS, SOUND, without } from "./both.ts";
import { lackingOf, lay, layEtc } from "./debian.ts";
import { World } from "./world.ts";

const lacking = lackingOf("dockerd", "ufw");

/** ufw as it is without a rule of the user's: what comes in and what is forwarded is dropped. */
describe.skipIf(lacking !== "")(`netdock on a host of ufw's${lacking}`, { timeout: LIMIT_MS }, () => {
  let world: World;
  let both: Both;

  beforeAll(async () => {
    world = await World.start();
    await lay(world.host, "dockerd", "ufw");
    await layEtc(world.host, "ufw");
    // As the package's installation does.
    await world.host
      .sh(`cp -n /usr/share/ufw/iptables/*.rules /usr/share/ufw/ufw.conf /usr/share/ufw/*.init /etc/ufw
      ufw --force enable`);
    both = await Both.start(world);
    await both.startNetdock();
  }, LIMIT_MS);

  afterAll(async () => {
    await both?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  }, LIMIT_MS);

  test("the doctor names ufw's chain and ufw's command for each bridge, which lets pass what should", async () => {
    const mine = { "netdock's to the outside": true, "outside to netdock's port": true };
    expect(Object.values(await both.ways(mine))).toEqual([false, false]);
    const found = await filterFindings(world);
    const text = "the policy of chain FORWARD of table ip filter drops";
    expect(found).toEqual(found.map(() => expect.objectContaining({ severity: "problem", text }) as unknown));
    const bridge = await bridgeOf(world, "red");
    expect(Object.fromEntries(found.map(({ remedy, affects }) => [remedy, affects]))).toMatchObject({
      [`ufw route allow in on ${bridge}`]: expect.arrayContaining([
        "network red: IPv4 that leaves by wire0",
      ]) as string[],
      [`ufw route allow out on ${bridge}`]: ["sandbox web: port 8080/tcp (IPv4) from wire0"],
    });
    for (const { remedy } of found) await world.host.sh(remedy ?? "");
    expect(await both.ways(without("docker"))).toEqual(without("docker"));
    expect(await filterFindings(world)).toEqual([]);
    for (const { remedy } of found)
      await world.host.sh(remedy?.replace("ufw route", "ufw route delete") ?? "");
    expect(Object.values(await both.ways(mine))).toEqual([false, false]);
  });

  test("a rule of the user's that denies is named, and ufw's command comes before it", async () => {
    const bridge = await bridgeOf(world, "red");
    await world.host.sh(`ufw route deny in on ${bridge}; ufw route allow out on ${bridge}`);
    const out = { "netdock's to the outside": true };
    expect(await both.ways(out)).toEqual({ "netdock's to the outside": false });
    const of = (await filterFindings(world)).filter(({ affects }) =>
      affects.some((one) => one.includes("network red")),
    );
    expect(of).toMatchObject([
      {
        severity: "problem",
        filter: { family: "ip", table: "filter", chain: "ufw-user-forward" },
        remedy: `ufw route prepend allow in on ${bridge} && ufw route allow in on ${bridge}`,
      },
    ]);
    await world.host.sh(of[0]?.remedy ?? "");
    expect(await both.ways(out)).toEqual(out);
    await world.host.sh("ufw --force reset");
    await world.host.sh("ufw --force enable");
  });

  test("with a dockerd both engines' containers pass by DOCKER-USER, and netdock's still do when dockerd has ended", async () => {
    await both.startDocker();
    await world.netdockOk("reconcile");
    expect(await both.ways()).toEqual(SOUND);
    expect(await filterFindings(world)).toEqual([]);
    await both.dockerd.stop();
    expect(await both.ways(without("docker"))).toEqual(without("docker"));
    expect(await filterFindings(world)).toEqual([]);
  });
});

/** Link name of a network's bridge. */
async function bridgeOf(on: World, network: string): Promise<string> {
  const [view] = JSON.parse(await on.netdockOk("network", "inspect", network)) as [{ id: string }];
  return `nd-${view.id.slice(0, 12)}`;
}
