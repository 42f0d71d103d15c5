import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ip } from "../../src/base/ip.ts";
import { HOST, MatrixWorld, OUTSIDE } from "./matrix-world.ts";

/** Docker's tests of isolation that the matrix does not hold; docs/docker-cases.md says which is which. */
let world: MatrixWorld;

const FAMILIES = [4, 6] as const;
const KINDS = ["nat", "nat-unprotected", "routed", "internal"] as const;
type Kind = (typeof KINDS)[number];

const MODE = "com.docker.network.bridge.gateway_mode_ipv";

/** A network of each kind, which the outside has a route to, and two sandboxes on it; the first publishes its port 80. */
async function populate(): Promise<void> {
  for (const [i, kind] of KINDS.entries()) {
    const mode = kind === "internal" ? "nat" : kind;
    await world.engine.createNetwork({
      name: kind,
      enableIPv6: true,
      internal: kind === "internal",
      ipam: { config: [{ subnet: `10.70.${i}.0/24` }, { subnet: `fd70:${i}::/64` }] },
      options: { [`${MODE}4`]: mode, [`${MODE}6`]: mode },
    });
    const networks = [{ network: kind }];
    await world.engine.createSandbox({ name: `${kind}-a`, networks, publish: [`${8100 + i}:80`] });
    await world.engine.createSandbox({ name: `${kind}-b`, networks });
  }
}

beforeAll(async () => {
  world = await MatrixWorld.start({ brNetfilter: true });
  await populate();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Whether a server's port is reached, asked for at its own address or elsewhere. A drop is waited for. */
function reaches(
  from: string,
  server: string,
  family: 4 | 6,
  to: { readonly port: number; readonly ip?: string; readonly open: boolean },
): boolean {
  const own = server === "outside" ? (OUTSIDE[family] as Ip) : world.address(server, family);
  const at = { ip: own, port: to.port === 81 ? 81 : 80 };
  const target = { ip: (to.ip ?? own) as Ip, port: to.port };
  const timeoutMs = to.open ? 5000 : 60;
  return world.ask({ protocol: "tcp", from, server, at, to: target, timeoutMs }).kind === "arrived";
}

/** `ping` inside a sandbox; `waits`: for an answer that must come. */
function pings(from: string, ip: string, waits: boolean): boolean {
  const { netnsPath } = world.engine.sandbox(from);
  const ping = `nsenter --net=${netnsPath} ping -c1 -W${waits ? 5 : 0.1} ${ip} >/dev/null 2>&1`;
  return world.host.sh(`if ${ping}; then echo yes; else echo no; fi`) === "yes\n";
}

/** What the target's mode opens to members of another network: published and unpublished port at its address, and an echo. */
const OPENS: Readonly<Record<Kind, readonly [boolean, boolean, boolean]>> = {
  nat: [false, false, false],
  "nat-unprotected": [true, true, true],
  routed: [true, false, true],
  internal: [false, false, false],
};

describe("from network to network, at own addresses", () => {
  const pairs = KINDS.flatMap((from) => KINDS.filter((to) => to !== from).map((to) => [from, to] as const));
  test.each(pairs)("a member of %s reaches of %s what its mode opens", (from, to) => {
    // Who is internal reaches nobody.
    const open = from === "internal" ? [false, false, false] : OPENS[to];
    for (const family of FAMILIES) {
      const [asker, server] = [`${from}-b`, `${to}-a`];
      const found = [
        reaches(asker, server, family, { port: 80, open: open[0] === true }),
        reaches(asker, server, family, { port: 81, open: open[1] === true }),
        pings(asker, world.address(server, family), open[2] === true),
      ];
      expect([family, ...found]).toEqual([family, ...open]);
    }
  });
});

describe("a member of an internal network", () => {
  test("reaches its fellow and its bridge, and neither the outside nor the host's address there", () => {
    for (const family of FAMILIES) {
      expect(reaches("internal-b", "internal-a", family, { port: 81, open: true })).toBe(true);
      const bridge = world.engine
        .network("internal")
        .ipam.pools[family === 4 ? 0 : 1]?.gateway?.split("/")[0];
      expect(pings("internal-b", bridge ?? "", true)).toBe(true);
      expect(pings("internal-b", OUTSIDE[family], false)).toBe(false);
      expect(pings("internal-b", HOST[family], false)).toBe(false);
      expect(reaches("internal-b", "outside", family, { port: 80, open: false })).toBe(false);
      // Its published port leads nowhere.
      const published = { port: 8103, ip: HOST[family], open: false };
      expect(reaches("outside", "internal-a", family, published)).toBe(false);
    }
  });

  test("does not get out by a route of its own making", () => {
    const { netnsPath } = world.engine.sandbox("internal-b");
    for (const family of FAMILIES) {
      const bridge = world.engine
        .network("internal")
        .ipam.pools[family === 4 ? 0 : 1]?.gateway?.split("/")[0];
      world.host.sh(`nsenter --net=${netnsPath} ip -${family} route add default via ${bridge}`);
      expect(reaches("internal-b", "outside", family, { port: 80, open: false })).toBe(false);
      expect(reaches("internal-b", "nat-unprotected-a", family, { port: 80, open: false })).toBe(false);
      world.host.sh(`nsenter --net=${netnsPath} ip -${family} route del default`);
    }
  });

  test("has link-local neighbours where ICC is on, and none where it is off", async () => {
    for (const icc of [true, false]) {
      const name = `ll-${icc}`;
      const options = { "com.docker.network.bridge.enable_icc": String(icc) };
      await world.engine.createNetwork({ name, enableIPv6: true, internal: true, options });
      for (const n of [1, 2]) {
        const linkLocalIps = [`169.254.8.${n}`, `fe80::8:${n}`];
        await world.engine.createSandbox({
          name: `${name}-${n}`,
          networks: [{ network: name, linkLocalIps }],
        });
      }
      for (const ip of ["169.254.8.1", "fe80::8:1%eth0"]) expect(pings(`${name}-2`, ip, icc)).toBe(icc);
    }
  });
});

describe("the host's own filters", () => {
  const published = { port: 8100, open: true };

  test("a drop in somebody's forward chain is final, also for replies, and nothing of it is touched", () => {
    const foreign = [
      "nft add table inet theirs",
      "nft add chain inet theirs forward '{ type filter hook forward priority 0; policy accept; }'",
      "nft add rule inet theirs forward drop",
    ];
    for (const family of FAMILIES) {
      expect(reaches("outside", "nat-a", family, { ...published, ip: HOST[family] })).toBe(true);
    }
    world.host.sh(...foreign);
    try {
      for (const family of FAMILIES) {
        expect(reaches("outside", "nat-a", family, { port: 8100, ip: HOST[family], open: false })).toBe(
          false,
        );
        expect(reaches("nat-b", "outside", family, { port: 80, open: false })).toBe(false);
      }
    } finally {
      world.host.sh("nft delete table inet theirs");
    }
    for (const family of FAMILIES) {
      expect(reaches("outside", "nat-a", family, { ...published, ip: HOST[family] })).toBe(true);
    }
  });

  test("the policy of the host's forward chain stays as it is, whatever networks come and go", async () => {
    world.host.sh(
      "nft add table ip theirs",
      "nft add chain ip theirs forward '{ type filter hook forward priority 0; policy accept; }'",
    );
    const before = world.host.sh("nft list table ip theirs");
    await world.engine.createNetwork({ name: "passing" });
    await world.engine.removeNetwork("passing");
    await world.engine.reconcile({ dryRun: false });
    expect(world.host.sh("nft list table ip theirs")).toBe(before);
    world.host.sh("nft delete table ip theirs");
  });

  // Docker's bridge-accept-fwmark is an option of the daemon; here it is a rule of the user's own.
  test("a rule in user-forward lets in what bears a mark, at a member's own address", () => {
    world.host.sh(
      "nft add table inet marks",
      "nft add chain inet marks prerouting '{ type filter hook prerouting priority -300; }'",
      "nft add rule inet marks prerouting iifname wire0 tcp dport 80 meta mark set 0x1a",
      "nft add rule inet netdock user-forward 'meta mark & 0xf == 0xa accept'",
    );
    try {
      for (const family of FAMILIES) {
        expect(reaches("outside", "nat-b", family, { port: 80, open: true })).toBe(true);
        expect(reaches("outside", "nat-b", family, { port: 81, open: false })).toBe(false);
      }
    } finally {
      world.host.sh("nft delete table inet marks", "nft flush chain inet netdock user-forward");
    }
    for (const family of FAMILIES)
      expect(reaches("outside", "nat-b", family, { port: 80, open: false })).toBe(false);
  });
});
