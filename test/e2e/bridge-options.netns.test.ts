import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ip } from "../../src/base/ip.ts";
import type { NetworkRequest } from "../../src/model/network.ts";
import { HOST, MatrixWorld, OUTSIDE } from "./matrix-world.ts";

const OPTION = "com.docker.network.bridge";
const FAMILIES = [4, 6] as const;
/** How long a busy machine may take for what is let through, and how long we wait for what is not. */
const ARRIVES_MS = 5000;
const DROPPED_MS = 150;
const SOURCE = { 4: "198.51.100.77", 6: "2001:db8::77" } as const;

let world: MatrixWorld;
let subnets = 20;

/** Frames within a bridge meet the host's firewall only where netdock sees to it. */
beforeAll(async () => {
  world = await MatrixWorld.start({ brNetfilter: false });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** A dual-stack network and sandboxes on it, the first of which publishes port 80 as this port of the host's. */
async function network(
  request: Pick<NetworkRequest, "name" | "options" | "internal">,
  sandboxes: readonly string[],
  port: number,
): Promise<void> {
  const n = ++subnets;
  await world.engine.createNetwork({
    enableIPv6: true,
    ipam: { config: [{ subnet: `10.${n}.0.0/24` }, { subnet: `fd00:${n}::/64` }] },
    ...request,
  });
  for (const [i, name] of sandboxes.entries()) {
    const publish = i === 0 ? [`${port}:80`] : [];
    await world.engine.createSandbox({ name, networks: [{ network: request.name }], publish });
  }
}

/** Where the server saw the question come from, or `closed`. */
function seen(
  from: string,
  server: string,
  family: 4 | 6,
  to?: { ip: string; port: number },
  timeoutMs: number = ARRIVES_MS,
): string {
  const ip = server === "outside" ? (OUTSIDE[family] as Ip) : world.address(server, family);
  const at = { ip, port: to?.port === 81 ? 81 : 80 };
  const target = to === undefined ? at : { ip: to.ip as Ip, port: to.port };
  const outcome = world.ask({ protocol: "tcp", from, server, at, to: target, timeoutMs });
  return outcome.kind === "arrived" ? outcome.from : "closed";
}

/** Whether the question is lost on its way. */
function isClosed(from: string, server: string, family: 4 | 6, to?: { ip: string; port: number }): boolean {
  return seen(from, server, family, to, DROPPED_MS) === "closed";
}

const pings = (node: { sh: (command: string) => string }, ip: string): boolean =>
  node.sh(`ping -c1 -W1 ${ip} >/dev/null 2>&1 && echo yes || echo no`).trim() === "yes";

test.each(FAMILIES)("what leaves by IPv%d has the source address of the options", async (family) => {
  world.host.sh(
    `ip address add ${SOURCE[4]}/32 dev wire0 2>/dev/null || true`,
    `ip address add ${SOURCE[6]}/128 dev wire0 nodad preferred_lft 0 2>/dev/null || true`,
  );
  const name = `source${family}`;
  const key = `com.docker.network.host_ipv${family}`;
  await network({ name, options: { [key]: SOURCE[family] } }, [`${name}-a`, `${name}-b`], 8100 + family);
  const other = family === 4 ? 6 : 4;
  expect(seen(`${name}-a`, "outside", family)).toBe(SOURCE[family]);
  expect(seen(`${name}-a`, "outside", other)).toBe(HOST[other]);
  // Members among themselves keep their own.
  expect(seen(`${name}-b`, `${name}-a`, family)).toBe(world.address(`${name}-b`, family));
});

// Docker's first second of a network: the bridge's own link-local address is not to be used before it is known to be unique.
test("a new network is reached over IPv6 at once", async () => {
  await network({ name: "new" }, ["new-a"], 8105);
  expect(seen("outside", "new-a", 6, { ip: HOST[6], port: 8105 })).toBe(OUTSIDE[6]);
});

test("trusted links reach published ports at the sandbox's own address, and no others", async () => {
  const options = { [`${OPTION}.trusted_host_interfaces`]: "wire0" };
  await network({ name: "trusting", options }, ["trusting-a"], 8110);
  await network({ name: "wary" }, ["wary-a"], 8111);
  for (const family of FAMILIES) {
    const ip = world.address("trusting-a", family);
    expect(seen("outside", "trusting-a", family, { ip, port: 80 })).toBe(OUTSIDE[family]);
    expect(isClosed("outside", "trusting-a", family, { ip, port: 81 })).toBe(true);
    expect(isClosed("wary-a", "trusting-a", family, { ip, port: 80 })).toBe(true);
    expect(isClosed("outside", "wary-a", family, { ip: world.address("wary-a", family), port: 80 })).toBe(
      true,
    );
    expect(seen("outside", "trusting-a", family, { ip: HOST[family], port: 8110 })).toBe(OUTSIDE[family]);
  }
});

test("a routed network answers pings from outside; one behind NAT does not", async () => {
  const routed = { [`${OPTION}.gateway_mode_ipv4`]: "routed", [`${OPTION}.gateway_mode_ipv6`]: "routed" };
  await network({ name: "routed", options: routed }, ["routed-a"], 8120);
  await network({ name: "natted" }, ["natted-a"], 8121);
  for (const family of FAMILIES) {
    expect(pings(world.outside, world.address("routed-a", family))).toBe(true);
    expect(pings(world.outside, world.address("natted-a", family))).toBe(false);
    // No NAT on the way out either.
    expect(seen("routed-a", "outside", family)).toBe(world.address("routed-a", family));
  }
});

test("a member of an isolated network has no host, even with a route of its own making", async () => {
  const isolated = (mode: string): Record<string, string> => ({
    [`${OPTION}.gateway_mode_ipv4`]: mode,
    [`${OPTION}.gateway_mode_ipv6`]: mode,
  });
  await network({ name: "isolated", internal: true, options: isolated("isolated") }, ["isolated-a"], 8130);
  const bridge = `nd-${world.engine.network("isolated").id.slice(0, 12)}`;
  for (const family of FAMILIES) {
    const own = world.address("isolated-a", family);
    const { netnsPath } = world.engine.sandbox("isolated-a");
    world.host.sh(
      ...(family === 6
        ? [
            `echo 0 > /proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`,
            `ip address add fe80::77/64 dev ${bridge} nodad`,
          ]
        : []),
      `ip route add ${own} dev ${bridge}`,
      `nsenter --net=${netnsPath} ip route add ${HOST[family]} ${family === 6 ? "via fe80::77" : ""} dev eth0`,
    );
    const ask = (timeoutMs: number): string =>
      world.ask({
        protocol: "udp",
        from: "isolated-a",
        server: "host",
        at: { ip: HOST[family] as Ip, port: 80 },
        to: { ip: HOST[family] as Ip, port: 80 },
        timeoutMs,
      }).kind;
    expect(ask(DROPPED_MS)).toBe("failed");
    // It is our table that stops it, where IPv6 is not off on the bridge any more.
    world.host.sh(`nft delete element inet netdock isolated '{ "${bridge}" . ipv${family} }'`);
    world.host.sh(`nsenter --net=${netnsPath} ip neigh flush dev eth0`);
    expect(ask(ARRIVES_MS)).toBe("arrived");
    world.host.sh(`nft add element inet netdock isolated '{ "${bridge}" . ipv${family} }'`);
  }
});

// Docker's TestPointToPoint.
test.each([
  { name: "isolated", internal: true, mode: "isolated" },
  { name: "inhibited", internal: true, mode: "nat" },
])("two sandboxes fill a subnet of two addresses, where the bridge has none: $name", async (spec) => {
  const name = `two-${spec.name}`;
  const n = spec.mode === "isolated" ? 1 : 2;
  const dual = spec.mode === "isolated";
  await world.engine.createNetwork({
    name,
    internal: spec.internal,
    enableIPv6: dual,
    ipam: { config: [{ subnet: `10.19.${n}.0/31` }, ...(dual ? [{ subnet: "fd00:19::/127" }] : [])] },
    options: {
      [`${OPTION}.gateway_mode_ipv4`]: spec.mode,
      [`${OPTION}.gateway_mode_ipv6`]: spec.mode,
      [`${OPTION}.inhibit_ipv4`]: "true",
    },
  });
  for (const end of ["a", "b"]) {
    await world.engine.createSandbox({ name: `${name}-${end}`, networks: [{ network: name }] });
  }
  await expect(world.engine.createSandbox({ name: "third", networks: [{ network: name }] })).rejects.toEqual(
    expect.objectContaining({ code: "exhausted" }),
  );
  for (const family of dual ? FAMILIES : ([4] as const)) {
    expect(seen(`${name}-b`, `${name}-a`, family)).toBe(world.address(`${name}-b`, family));
  }
});

// Docker's TestBridgeICC, its link-local rows.
test.each([true, false])("link-local addresses are reached by members where ICC is %j", async (icc) => {
  const name = `local-${icc}`;
  await network({ name, options: { [`${OPTION}.enable_icc`]: String(icc) } }, [], 0);
  for (const n of [1, 2]) {
    const linkLocalIps = [`169.254.9.${n}`, `fe80::9:${n}`];
    await world.engine.createSandbox({ name: `${name}-${n}`, networks: [{ network: name, linkLocalIps }] });
  }
  const { netnsPath } = world.engine.sandbox(`${name}-2`);
  for (const ip of ["169.254.9.1", "fe80::9:1%eth0"]) {
    const ping = `nsenter --net=${netnsPath} ping -c1 -W${icc ? 5 : 1} ${ip} >/dev/null`;
    expect(world.host.sh(`if ${ping}; then echo yes; else echo no; fi`)).toBe(icc ? "yes\n" : "no\n");
  }
});

/** Resolves when the engine mended something. */
function nextReconcile(): Promise<void> {
  return new Promise((resolve) => {
    const stop = world.engine.subscribe(({ action }) => {
      if (action !== "reconcile") return;
      stop();
      resolve();
    });
  });
}

describe("a bridge that is there already", () => {
  const ICC_OFF = { [`${OPTION}.enable_icc`]: "false" };

  test("is adopted with its links and addresses, and stays when the network goes", async () => {
    world.host.sh("ip link add br-theirs type bridge", "ip address add 10.99.0.1/24 dev br-theirs");
    const isUp = (): boolean => /[<,]UP[,>]/.test(world.host.sh("ip link show br-theirs"));
    expect(isUp()).toBe(false);
    const before = world.host.sh("ip -o address show br-theirs | sort");
    const options = { [`${OPTION}.name`]: "br-theirs" };
    await network({ name: "adopting", options }, ["adopting-a", "adopting-b"], 8140);
    for (const family of FAMILIES) {
      expect(seen("adopting-b", "adopting-a", family)).toBe(world.address("adopting-b", family));
      expect(seen("outside", "adopting-a", family, { ip: HOST[family], port: 8140 })).toBe(OUTSIDE[family]);
    }
    for (const name of ["adopting-a", "adopting-b"]) {
      await world.engine.removeSandbox(name, { force: true });
    }
    await world.engine.removeNetwork("adopting");
    expect(isUp()).toBe(false);
    const after = world.host.sh("ip -o address show br-theirs scope global | sort");
    expect(after.match(/inet6? \S+/g)).toEqual(before.match(/inet6? \S+/g));
    expect(
      world.host.visit(() => readFileSync("/proc/sys/net/ipv4/conf/br-theirs/route_localnet", "utf8")),
    ).toBe("0\n");
  });

  // Nothing makes its frames meet the firewall, so its ports are kept apart by the bridge itself: as where br_netfilter is not
  // loaded at all.
  test("has no ICC where that is off, though bridged frames meet no firewall", async () => {
    world.host.sh("ip link add br-apart type bridge");
    const options = { ...ICC_OFF, [`${OPTION}.name`]: "br-apart" };
    await network({ name: "apart", options }, ["apart-a", "apart-b"], 8150);
    for (const family of FAMILIES) {
      expect(isClosed("apart-b", "apart-a", family)).toBe(true);
      expect(seen("apart-b", "apart-a", family, { ip: HOST[family], port: 8150 })).not.toBe("closed");
      expect(seen("host", "apart-a", family)).not.toBe("closed");
    }
    // It is the ports that do it: with one of them open, frames pass. It is seen, and put back.
    const [endpoint] = world.engine.sandbox("apart-a").endpoints;
    const mended = nextReconcile();
    world.host.sh(`bridge link set dev ${endpoint?.hostInterface} isolated off`);
    // Who was asked for in vain is asked for again only after a second.
    world.host.sh(`nsenter --net=${world.engine.sandbox("apart-b").netnsPath} ip neigh flush dev eth0`);
    expect(seen("apart-b", "apart-a", 4)).toBe(world.address("apart-b", 4));
    await mended;
    expect(world.host.sh(`bridge -d link show dev ${endpoint?.hostInterface}`)).toContain("isolated on");
    expect(isClosed("apart-b", "apart-a", 4)).toBe(true);
    // A port that was taken off and put back is as it was.
    world.host.sh(`ip link set ${endpoint?.hostInterface} nomaster`);
    const { differences } = await world.engine.reconcile({ dryRun: false });
    expect(differences.map(({ text }) => text)).toContain(
      `link ${endpoint?.hostInterface} is not a port of br-apart`,
    );
    expect(isClosed("apart-b", "apart-a", 4)).toBe(true);
    expect(seen("host", "apart-a", 4)).not.toBe("closed");
  });

  test("of netdock's own, without ICC, is told to show its frames to the firewall", async () => {
    await network({ name: "own", options: ICC_OFF }, ["own-a", "own-b"], 8160);
    const [endpoint] = world.engine.sandbox("own-a").endpoints;
    expect(world.host.sh(`bridge -d link show dev ${endpoint?.hostInterface}`)).toContain("isolated off");
    expect(isClosed("own-b", "own-a", 4)).toBe(true);
    // Somebody turns that off: it is seen, and put back.
    const bridge = `nd-${world.engine.network("own").id.slice(0, 12)}`;
    world.host.sh(`ip link set ${bridge} type bridge nf_call_iptables 0`);
    expect(seen("own-b", "own-a", 4)).not.toBe("closed");
    const { differences } = await world.engine.reconcile({ dryRun: false });
    expect(differences.map(({ text }) => text)).toContain(
      `link ${bridge} keeps its frames from the firewall`,
    );
    expect(isClosed("own-b", "own-a", 4)).toBe(true);
  });
});

test("sysctls of an endpoint are set on its own link, and one that disables IPv6 leaves it without", async () => {
  await network({ name: "tuned", options: { "com.docker.network.container_iface_prefix": "lan" } }, [], 0);
  const sysctls = "net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.disable_ipv6=1";
  await world.engine.createSandbox({
    name: "tuned-a",
    networks: [{ network: "tuned", options: { "com.docker.network.endpoint.sysctls": sysctls } }],
  });
  const read = (key: string): string =>
    world.visit("tuned-a")(() => readFileSync(`/proc/sys/net/${key}`, "utf8").trim());
  expect(read("ipv4/conf/lan0/log_martians")).toBe("1");
  expect(read("ipv6/conf/lan0/disable_ipv6")).toBe("1");
  expect(read("ipv4/conf/lo/log_martians")).toBe("0");
  expect(world.engine.sandbox("tuned-a").endpoints[0]?.ipv6).toBeUndefined();
  const absent = { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.no_such_thing=1" };
  await expect(
    world.engine.createSandbox({ name: "tuned-b", networks: [{ network: "tuned", options: absent }] }),
  ).rejects.toThrow("does not exist in this kernel");
  expect(world.engine.sandboxes().map(({ name }) => name)).not.toContain("tuned-b");
});
