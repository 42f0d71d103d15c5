import type { ChildProcess } from "node:child_process";
import { needsCommand } from "../../src/testkit/lab.ts";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { askAt, askFrom, probe, server } from "./serve.ts";
import { World } from "./world.ts";

/** What other firewalls of the host do to traffic of ours, and what the doctor says about it. */
let world: World;
let outside: ChildProcess | undefined;
const bridge = "red0";

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
  await world.netdockOk("network", "create", "-o", "com.docker.network.bridge.name=red0", "red");
  await server(world, "web", "--network", "red", "-p", "8080:80");
  outside = world.outside.spawn(probe("serve", "tcp", "192.0.2.2", "7000", "outside"));
});

afterAll(async () => {
  outside?.kill("SIGKILL");
  await world?.[Symbol.asyncDispose]();
});

interface Report {
  readonly findings: readonly {
    readonly severity: string;
    readonly check: string;
    readonly text: string;
    readonly affects: readonly string[];
    readonly remedy?: string;
  }[];
}

/** Findings about what is on the way, not about what the kernel lacks. */
async function findings(): Promise<Report["findings"]> {
  const { stdout } = await world.netdock(["doctor", "--json"]);
  return (JSON.parse(stdout) as Report).findings.filter(({ check }) => check !== "kernel");
}

const reachable = async (): Promise<[boolean, boolean]> => [
  (await askFrom(world, "web", "tcp", "192.0.2.2", 7000)).code === 0,
  (await askAt(world.outside, "tcp", "192.0.2.1", 8080)).code === 0,
];

test("finds nothing where nothing is in the way", async () => {
  expect(await findings()).toEqual([]);
  expect(await reachable()).toEqual([true, true]);
});

describe("a filter of somebody else's", () => {
  afterEach(async () => {
    await world.host.sh(
      "nft delete table ip theirs 2>/dev/null || true; nft delete table ip filter 2>/dev/null || true",
    );
  });

  test("that drops is named with its rule and the command that allows it, which does", async () => {
    await world.host.sh(`nft -f - <<'X'
table ip theirs {
  chain fw {
    type filter hook forward priority 0; policy accept;
    iifname "${bridge}" oifname "wire0" counter drop
  }
}
X`);
    expect(await reachable()).toEqual([false, false]);
    const [finding, ...more] = await findings();
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: "problem",
      text: expect.stringMatching(/^rule \d+ of chain fw of table ip theirs drops$/) as string,
      filter: { rule: `iifname "${bridge}" oifname "wire0" drop` },
      affects: [
        "network red: IPv4 that leaves by wire0",
        "sandbox web: port 8080/tcp (IPv4) from wire0, the answers",
      ],
    });
    await world.host.sh(finding?.remedy ?? "");
    expect(await findings()).toEqual([]);
    expect(await reachable()).toEqual([true, true]);
  });

  test("whose policy is drop, as dockerd sets it, is named once for each bridge and direction", async () => {
    await world.host.sh(
      "nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'",
    );
    expect(await reachable()).toEqual([false, false]);
    const found = (await findings()).filter(({ remedy }) => remedy?.includes(` ${bridge} `));
    const text = "the policy of chain FORWARD of table ip filter drops";
    expect(found.every((one) => one.severity === "problem" && one.text === text)).toBe(true);
    expect(Object.fromEntries(found.map(({ remedy, affects }) => [remedy, affects]))).toEqual({
      [`iptables -I FORWARD -i ${bridge} -j ACCEPT`]: expect.arrayContaining([
        "network red: IPv4 that leaves by wire0",
        "sandbox web: port 8080/tcp (IPv4) from wire0, the answers",
      ]) as string[],
      [`iptables -I FORWARD -o ${bridge} -j ACCEPT`]: [
        "sandbox web: port 8080/tcp (IPv4) from wire0",
        "network red: IPv4 that leaves by wire0, the answers",
      ],
    });
  });

  test("of firewalld's kind is named with firewalld's own command", async () => {
    await world.host.sh(`nft -f - <<'X'
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    iifname "wire0" oifname "wire0" accept
    reject with icmpx admin-prohibited
  }
}
X`);
    expect(await reachable()).toEqual([false, true]);
    const found = await findings();
    expect(found.every(({ severity }) => severity === "problem")).toBe(true);
    expect(found.map(({ remedy }) => remedy)).toContain(
      `firewall-cmd --permanent --zone=trusted --add-interface=${bridge} && firewall-cmd --reload`,
    );
    expect(found.flatMap(({ affects }) => affects)).not.toContain(
      "sandbox web: port 8080/tcp (IPv4) from wire0",
    );
    await world.host.sh("nft delete table inet firewalld");
  });

  test("that may drop, by a rate, is a warning", async () => {
    await world.host.sh(
      "nft 'add table ip theirs; add chain ip theirs fw { type filter hook forward priority 0; }; add rule ip theirs fw oifname \"wire0\" limit rate over 1000/second drop'",
    );
    expect(await findings()).toEqual([
      expect.objectContaining({
        severity: "warning",
        text: expect.stringMatching(
          /^rule \d+ of chain fw of table ip theirs may drop, depending on .*limit/,
        ) as string,
      }),
      expect.anything(),
    ]);
    expect((await world.netdock(["doctor"])).code).toBe(0);
  });
});

test("forwarding that somebody switched off is a problem, with the command that switches it on", async () => {
  await world.host.sh("sysctl -qw net.ipv4.ip_forward=0");
  const [finding, ...more] = await findings();
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ severity: "problem", remedy: "sysctl -w net.ipv4.ip_forward=1" });
  expect((await world.netdock(["doctor"])).code).toBe(1);
  await world.host.sh(finding?.remedy ?? "");
  expect(await findings()).toEqual([]);
});

// The last one: such a table stays until the machine ends.
test("tables of iptables-legacy, which cannot be read, are a warning, with what lets traffic pass", async (context) => {
  needsCommand(context, "iptables-legacy", "iptables");
  const { code, stderr } = await world.host.run(["iptables-legacy", "-P", "FORWARD", "DROP"]);
  if (code !== 0) context.skip(`this kernel lacks ip_tables: ${stderr}`);
  expect(await reachable()).toEqual([false, false]);
  const [finding, ...more] = await findings();
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    severity: "warning",
    text: "iptables-legacy has tables whose rules netdock cannot read, and they may drop: filter",
  });
  await world.host.sh(finding?.remedy ?? "");
  expect(await reachable()).toEqual([true, true]);
});
