import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ip } from "../../src/base/ip.ts";
import { HOST, MatrixWorld, OUTSIDE } from "./matrix-world.ts";

/** Docker's tests of published ports that need packets and no proxy; docs/docker-cases.md says which is which. */
let world: MatrixWorld;

const FAMILIES = [4, 6] as const;
const PROTOCOLS = ["tcp", "udp"] as const;
const MODE = "com.docker.network.bridge.gateway_mode_ipv";
/** What the host's own loopback is called; no packet for ::1 leaves a proxy's hands (test/e2e/proxy). */
const LOCAL = "127.0.0.1";

beforeAll(async () => {
  // Frames within a bridge meet no firewall: the harder case of a hairpin, and that of most hosts.
  world = await MatrixWorld.start({ brNetfilter: false });
  for (const [i, name] of ["shop", "other"].entries()) {
    const config = [{ subnet: `10.80.${i}.0/24` }, { subnet: `fd80:${i}::/64` }];
    await world.engine.createNetwork({ name, enableIPv6: true, ipam: { config } });
  }
  const networks = [{ network: "shop" }];
  await world.engine.createSandbox({ name: "web", networks, publish: ["8080:80", "8080:80/udp"] });
  await world.engine.createSandbox({ name: "mate", networks });
  await world.engine.createSandbox({ name: "stranger", networks: [{ network: "other" }] });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Where a server on port 80 of a sandbox saw a client of the host's port come from, or `closed`. */
function seen(
  from: string,
  server: string,
  to: {
    readonly ip: string;
    readonly port: number;
    readonly protocol?: "tcp" | "udp";
    readonly open?: false;
  },
): string {
  const { ip, port, protocol = "tcp" } = to;
  const family = ip.includes(":") ? 6 : 4;
  const outcome = world.ask({
    protocol,
    from,
    server,
    at: { ip: world.address(server, family), port: 80 },
    to: { ip: ip as Ip, port },
    timeoutMs: to.open === false ? 100 : 5000,
  });
  return outcome.kind === "arrived" ? outcome.from : "closed";
}

describe.each(PROTOCOLS)("a published %s port", (protocol) => {
  const rows = FAMILIES.flatMap((family) => [
    ["its own sandbox (hairpin)", family, "web", HOST[family]] as const,
    ["a fellow on its network", family, "mate", HOST[family]] as const,
    ["a sandbox of another network", family, "stranger", HOST[family]] as const,
    ["the host, at its address on the wire", family, "host", HOST[family]] as const,
    ["another host, which keeps its address", family, "outside", HOST[family]] as const,
  ]);
  test.each(rows)("is reached by %s, IPv%d", (_, family, from, ip) => {
    const client = seen(from, "web", { ip, port: 8080, protocol });
    expect(client).not.toBe("closed");
    if (from === "outside") expect(client).toBe(OUTSIDE[family]);
  });

  test("is reached by the host at 127.0.0.1, and at the bridges' addresses", () => {
    expect(seen("host", "web", { ip: LOCAL, port: 8080, protocol })).not.toBe("closed");
    for (const network of ["shop", "other"]) {
      for (const { gateway } of world.engine.network(network).ipam.pools) {
        const ip = gateway?.split("/")[0] ?? "";
        expect(seen("host", "web", { ip, port: 8080, protocol })).not.toBe("closed");
      }
    }
  });

  test("is reached by a stranger at its own bridge's address", () => {
    for (const { gateway } of world.engine.network("other").ipam.pools) {
      const ip = gateway?.split("/")[0] ?? "";
      expect(seen("stranger", "web", { ip, port: 8080, protocol })).not.toBe("closed");
    }
  });
});

describe("a port published on loopback", () => {
  beforeAll(async () => {
    await world.engine.publish("web", ["127.0.0.1:8081:80", "127.0.0.1:8081:80/udp"]);
  });

  afterAll(async () => {
    await world.engine.unpublish("web", ["127.0.0.1:8081:80", "127.0.0.1:8081:80/udp"]);
  });

  test.each(PROTOCOLS)(
    "is not reached over %s from another host that routes 127.0.0.0/8 here",
    (protocol) => {
      const { host, outside } = world;
      // The attacker's loopback is on the wire; and the host's link lets such packets in, as some set it for other ends.
      outside.sh(
        "ip address del 127.0.0.1/8 dev lo",
        `ip route add 127.0.0.0/8 via ${HOST[4]} src ${OUTSIDE[4]}`,
      );
      outside.sysctl("ipv4/conf/all/route_localnet", "1");
      host.sysctl("ipv4/conf/wire0/route_localnet", "1");
      try {
        host.sh(
          "nft add table ip watch; nft add chain ip watch in '{ type filter hook prerouting priority -400; }'",
        );
        host.sh("nft add rule ip watch in iifname wire0 ip daddr 127.0.0.1 counter");
        expect(seen("outside", "web", { ip: LOCAL, port: 8081, protocol, open: false })).toBe("closed");
        // They did come, and were turned away.
        expect(host.sh("nft list table ip watch")).toMatch(/counter packets [1-9]/);
      } finally {
        host.sh("nft delete table ip watch");
        host.sysctl("ipv4/conf/wire0/route_localnet", "0");
        outside.sysctl("ipv4/conf/all/route_localnet", "0");
        outside.sh("ip route del 127.0.0.0/8", "ip address add 127.0.0.1/8 dev lo");
      }
    },
  );

  test.each(PROTOCOLS)("is reached over %s by the host alone", (protocol) => {
    expect(seen("host", "web", { ip: LOCAL, port: 8081, protocol })).not.toBe("closed");
    for (const from of ["outside", "stranger", "mate", "web", "host"]) {
      const to = { ip: HOST[4], port: 8081, protocol, open: false } as const;
      expect([from, seen(from, "web", to)]).toEqual([from, "closed"]);
    }
    // Nor by who sends to a loopback address of the host's by way of its bridge.
    for (const name of ["mate", "web"]) {
      const { netnsPath } = world.engine.sandbox(name);
      const inside = `nsenter --net=${netnsPath}`;
      world.host.sh(
        `${inside} ip addr del 127.0.0.1/8 dev lo`,
        `${inside} sysctl -qw net.ipv4.conf.all.route_localnet=1`,
        `${inside} ip route add 127.0.0.0/8 via 10.80.0.1`,
      );
      const to = { ip: LOCAL, port: 8081, protocol, open: false } as const;
      expect([name, seen(name, "web", to)]).toEqual([name, "closed"]);
      world.host.sh(
        `${inside} ip route del 127.0.0.0/8`,
        `${inside} sysctl -qw net.ipv4.conf.all.route_localnet=0`,
        `${inside} ip addr add 127.0.0.1/8 dev lo`,
      );
    }
  });
});

test("one number on different loopback addresses leads to different sandboxes", async () => {
  const networks = [{ network: "shop" }];
  for (const n of [1, 2]) {
    await world.engine.createSandbox({ name: `local${n}`, networks, publish: [`127.0.0.${n}:8090:80`] });
  }
  for (const n of [1, 2]) {
    expect(seen("host", `local${n}`, { ip: `127.0.0.${n}`, port: 8090 })).not.toBe("closed");
    const wrong = { ip: `127.0.0.${3 - n}`, port: 8090, open: false } as const;
    expect(seen("host", `local${n}`, wrong)).toBe("closed");
  }
  for (const n of [1, 2]) await world.engine.removeSandbox(`local${n}`, { force: true });
});

test("free ports on every address and on single ones, in one sandbox and two, are all different and all lead there", async () => {
  world.host.sh("ip address add 198.51.100.9/32 dev wire0; ip address add 2001:db8::9/128 dev wire0 nodad");
  const publish = ["80", "127.0.0.1::80", "198.51.100.9::80", "[2001:db8::9]::80", "0.0.0.0::80", "[::]::80"];
  const networks = [{ network: "shop" }];
  for (const name of ["mixed1", "mixed2"]) await world.engine.createSandbox({ name, networks, publish });
  const taken = new Set<string>();
  for (const name of ["mixed1", "mixed2"]) {
    const { bindings } = world.engine.sandbox(name);
    expect(bindings).toHaveLength(7);
    for (const { hostIp, hostPort } of bindings) {
      const family = hostIp.includes(":") ? 6 : 4;
      const key = `${family} ${hostPort}`;
      expect(taken).not.toContain(key);
      taken.add(key);
      const every = hostIp === "0.0.0.0" || hostIp === "::";
      const ip = every ? HOST[family] : hostIp;
      expect([hostIp, seen("host", name, { ip, port: hostPort })]).not.toContain("closed");
    }
  }
  for (const name of ["mixed1", "mixed2"]) await world.engine.removeSandbox(name, { force: true });
});

test("a port of a routed network is open there where another network is the gateway, and led by the other's too", async () => {
  await world.engine.createNetwork({
    name: "routed",
    enableIPv6: true,
    ipam: { config: [{ subnet: "10.80.9.0/24" }, { subnet: "fd80:9::/64" }] },
    options: { [`${MODE}4`]: "routed", [`${MODE}6`]: "routed" },
  });
  await world.engine.createSandbox({
    name: "both",
    networks: [{ network: "shop", gwPriority: 1 }, { network: "routed" }],
    publish: ["8095:80"],
  });
  const { netnsPath, endpoints } = world.engine.sandbox("both");
  const routed = endpoints.find((e) => e.networkName === "routed");
  for (const family of FAMILIES) {
    // By the host's port to the gateway's address.
    expect(seen("outside", "both", { ip: HOST[family], port: 8095 })).toBe(OUTSIDE[family]);
    // And without translation to the routed one, once the answers leave by that link, too.
    const ip = ((family === 4 ? routed?.ipv4 : routed?.ipv6) ?? "").split("/")[0] as Ip;
    const via = family === 4 ? "10.80.9.1" : "fd80:9::1";
    const rule = `nsenter --net=${netnsPath} ip -${family}`;
    world.host.sh(`${rule} rule add from ${ip} table 9`, `${rule} route add default via ${via} table 9`);
    for (const [port, open] of [
      [80, true],
      [81, false],
    ] as const) {
      const at = { ip, port };
      const asked = { protocol: "tcp", from: "outside", server: "both", at, to: at } as const;
      const { kind } = world.ask({ ...asked, timeoutMs: open ? 5000 : 100 });
      expect([port, kind]).toEqual([port, open ? "arrived" : "failed"]);
    }
  }
  await world.engine.removeSandbox("both", { force: true });
});
