import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { overlaps, parseSubnet } from "../../src/base/cidr.ts";
import { Both, filterFindings, LIMIT_MS, SOUND, without } from "./both.ts";
import { lackingOf, lay } from "./debian.ts";
import { World } from "./world.ts";

const lacking = lackingOf("dockerd");

/** A real dockerd with real containers beside netdock, on one host. */
describe.skipIf(lacking !== "")(`netdock on a host of dockerd's${lacking}`, { timeout: LIMIT_MS }, () => {
  let world: World;
  let both: Both;

  beforeAll(async () => {
    world = await World.start();
    await lay(world.host, "dockerd");
    both = await Both.start(world);
    await both.startDocker();
    await both.startNetdock();
  }, LIMIT_MS);

  afterAll(async () => {
    await both?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  }, LIMIT_MS);

  test("both engines' containers reach outside and are reached, and are closed to each other", async () => {
    expect(await both.ways()).toEqual(SOUND);
    expect(await filterFindings(world)).toEqual([]);
  });

  test("networks that each makes after the other's have addresses of their own", async () => {
    const subnets: string[] = [];
    for (const name of ["one", "two", "three"]) {
      subnets.push(await both.dockerd.network(name), await subnetOf(name));
    }
    const all = subnets.map((subnet) => parseSubnet(subnet));
    expect(all.flatMap((a, i) => all.slice(i + 1).filter((b) => overlaps(a, b)))).toEqual([]);
  });

  async function subnetOf(name: string): Promise<string> {
    await world.netdockOk("network", "create", name);
    const [view] = JSON.parse(await world.netdockOk("network", "inspect", name)) as [
      { ipam: { pools: readonly { subnet: string }[] } },
    ];
    return view.ipam.pools[0]?.subnet ?? "";
  }

  test("the doctor names Docker's policy where nothing leads to DOCKER-USER, and what it advises helps", async () => {
    await world.host.sh("iptables -D FORWARD -j DOCKER-USER");
    const mine = { "netdock's to the outside": true, "outside to netdock's port": true };
    expect(Object.values(await both.ways(mine))).toEqual([false, false]);
    const found = await filterFindings(world);
    const text = "the policy of chain FORWARD of table ip filter drops";
    expect(found.map((one) => [one.severity, one.text])).toEqual(found.map(() => ["problem", text]));
    expect(found.flatMap(({ affects }) => affects)).toEqual(
      expect.arrayContaining([
        "network red: IPv4 that leaves by wire0",
        "sandbox web: port 8080/tcp (IPv4) from wire0",
      ]),
    );
    for (const { remedy } of found) {
      await world.host.sh(remedy ?? "");
    }
    expect(await both.ways(mine)).toEqual(mine);
    expect(await filterFindings(world)).toEqual([]);
    for (const { remedy } of found) {
      await world.host.sh(remedy?.replace(" -I ", " -D ") ?? "");
    }
    await world.host.sh("iptables -I FORWARD -j DOCKER-USER");
  });

  test("what is netdock's goes on when dockerd ends, whose rules stay, and when it comes back", async () => {
    await both.dockerd.stop();
    expect(await world.host.sh("iptables -S FORWARD")).toContain("-P FORWARD DROP");
    expect(await both.ways(without("docker"))).toEqual(without("docker"));
    expect(await filterFindings(world)).toEqual([]);
    await both.dockerd.start();
    await both.restartContainers();
    expect(await both.ways()).toEqual(SOUND);
  });

  test("everything goes on when netdock's daemon ends", async () => {
    await world.stopDaemon("SIGTERM");
    const rest = {
      ...without("netdock"),
      "outside to netdock's port": true,
      "docker's to netdock's port": true,
    };
    expect(await both.ways(rest)).toEqual(rest);
    await world.startDaemon();
    expect(await both.ways()).toEqual(SOUND);
  });
});

describe.skipIf(lacking !== "")(`dockerd on a host of netdock's${lacking}`, { timeout: LIMIT_MS }, () => {
  test("keeps its containers closed too, though it finds a host that forwards and leaves its policy as it is", async () => {
    await using world = await World.start();
    await lay(world.host, "dockerd");
    await using both = await Both.start(world);
    await both.startNetdock();
    await both.startDocker();
    await world.netdockOk("reconcile");
    expect(await world.host.sh("iptables -S FORWARD")).toContain("-P FORWARD ACCEPT");
    expect(await both.ways()).toEqual(SOUND);
    expect(await filterFindings(world)).toEqual([]);
    // Of iptables' own kind, so that it can show them.
    const own = await world.host.sh("iptables -S NETDOCK");
    expect(own).toContain(
      "-A NETDOCK -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment netdock -j RETURN",
    );
    expect(own).toContain("-A NETDOCK -o docker0 -m comment --comment netdock -j DROP");
    expect(JSON.parse(await world.netdockOk("reconcile", "--dry-run", "--json"))).toMatchObject({
      differences: [],
    });
  });
});
