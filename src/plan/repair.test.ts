import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCidr } from "../base/cidr.ts";
import { parseIp } from "../base/ip.ts";
import type { ObservedNetns } from "../model/host.ts";
import { EMPTY_BLUEPRINT, HOST_NETNS, type Blueprint, type NetnsKey, type Op } from "../model/ops.ts";
import { FakeHost } from "../testkit/fake-host.ts";
import { createOps, defaultRoute, mergeBlueprints } from "./blueprint.ts";
import { differsInside, planRepairs, type Repair } from "./repair.ts";

const SANDBOXES: readonly NetnsKey[] = ["s1", "s2"];

function bridge(name: string, id: string, mtuBytes?: number): Blueprint {
  return {
    ...EMPTY_BLUEPRINT,
    links: [
      {
        netns: HOST_NETNS,
        link: {
          name,
          kind: { type: "bridge", filtered: true },
          up: true,
          alias: `netdock:network:${id}`,
          mtuBytes,
        },
        addresses: [parseCidr("10.0.0.1/24")],
      },
    ],
    sysctls: [{ netns: HOST_NETNS, key: "net.ipv4.ip_forward", value: "1" }],
  };
}

interface Joining {
  readonly id: string;
  readonly netns: NetnsKey;
  readonly inside: string;
  readonly master: string;
  readonly address?: string;
  readonly gateway?: boolean;
}

function veth(join: Joining): Blueprint {
  const { id, netns, inside, master, address = "10.0.0.2/24", gateway = false } = join;
  return {
    ...EMPTY_BLUEPRINT,
    links: [
      {
        netns: HOST_NETNS,
        link: {
          name: `ndv${id.padEnd(12, "0")}`,
          kind: { type: "veth", peer: { netns, name: inside } },
          up: true,
          alias: `netdock:endpoint:${id}`,
          master,
        },
        addresses: [],
      },
    ],
    addresses: [{ netns, address: { link: inside, address: parseCidr(address) } }],
    routes: gateway ? [{ netns, route: defaultRoute(inside, parseIp("10.0.0.1"), 4) }] : [],
  };
}

async function machine(wanted: readonly Blueprint[] = []): Promise<FakeHost> {
  const host = new FakeHost();
  for (const key of SANDBOXES) host.createNetns(key);
  host.replaceFirewall([]);
  await host.apply(createOps(mergeBlueprints(wanted)));
  return host;
}

function repairs(host: FakeHost, wanted: readonly Blueprint[]): Repair[] {
  const keys = [HOST_NETNS, ...SANDBOXES];
  const observed = new Map<NetnsKey, ObservedNetns>(keys.map((key) => [key, host.observe(key)]));
  return planRepairs(wanted, observed, HOST_NETNS);
}

async function mend(host: FakeHost, wanted: readonly Blueprint[]): Promise<string[]> {
  const list = repairs(host, wanted);
  for (const { ops } of list) {
    await host.apply(ops);
  }
  return list.map(({ text }) => text);
}

const one = veth({ id: "1", netns: "s1", inside: "eth0", master: "br0", gateway: true });
const wanted = [bridge("br0", "a", 1400), one];
const gone = (name: string): Op => ({ op: "link.delete", netns: HOST_NETNS, name });
const changed = (name: string, set: Extract<Op, { op: "link.set" }>["set"]): Op => ({
  op: "link.set",
  netns: HOST_NETNS,
  name,
  set,
});

describe("planRepairs()", () => {
  test("finds nothing where all is as it should be", async () => {
    expect(repairs(await machine(wanted), wanted)).toEqual([]);
  });

  test.each<[string, Op[], string[]]>([
    [
      "a bridge that is gone, with the port it had",
      [gone("br0")],
      [
        "link br0 is missing",
        "sysctl net.ipv4.ip_forward may be at its default",
        "address 10.0.0.1/24 is missing on br0",
        "link ndv100000000000 is not a port of br0",
      ],
    ],
    [
      "an endpoint that is gone",
      [gone("ndv100000000000")],
      [
        "link ndv100000000000 is missing",
        "address 10.0.0.2/24 is missing on eth0",
        "route 0.0.0.0/0 by 10.0.0.1 is missing",
      ],
    ],
    ["a link that is down", [changed("br0", { up: false })], ["link br0 is down"]],
    [
      "frames kept from the firewall",
      [changed("br0", { filtered: false })],
      ["link br0 keeps its frames from the firewall"],
    ],
    ["another MTU", [changed("br0", { mtuBytes: 9000 })], ["link br0 has MTU 9000 instead of 1400"]],
    [
      "a port taken off its bridge, and down",
      [changed("ndv100000000000", { master: null, up: false })],
      ["link ndv100000000000 is down, is not a port of br0"],
    ],
    [
      "the inner end taken down",
      [{ op: "link.set", netns: "s1", name: "eth0", set: { up: false } }],
      ["link eth0, the other end of ndv100000000000, is down"],
    ],
    [
      "an alias that was never set",
      [changed("ndv100000000000", { alias: "" })],
      ["link ndv100000000000 has no alias"],
    ],
    [
      "an address taken away",
      [{ op: "address.delete", netns: "s1", address: { link: "eth0", address: parseCidr("10.0.0.2/24") } }],
      ["address 10.0.0.2/24 is missing on eth0"],
    ],
    [
      "a default route taken away",
      [{ op: "route.delete", netns: "s1", route: defaultRoute("eth0", undefined, 4) }],
      ["route 0.0.0.0/0 by 10.0.0.1 is missing"],
    ],
    [
      "a default route by somebody else",
      [{ op: "route.replace", netns: "s1", route: defaultRoute("eth0", parseIp("10.0.0.9"), 4) }],
      ["route 0.0.0.0/0 by 10.0.0.1 is missing"],
    ],
  ])("mends %s", async (_, damage, texts) => {
    const machineOfOurs = await machine(wanted);
    await machineOfOurs.apply(damage);
    expect(await mend(machineOfOurs, wanted)).toEqual(texts);
    expect(repairs(machineOfOurs, wanted)).toEqual([]);
  });

  test("sweeps what belongs to nothing before it makes what takes its place", async () => {
    const other = veth({ id: "2", netns: "s1", inside: "eth0", master: "br0" });
    const there = await machine([bridge("br0", "a"), other]);
    const now = [bridge("br0", "b"), one];
    expect(await mend(there, now)).toEqual([
      "link br0 (netdock:network:a) belongs to nothing",
      "link ndv200000000000 (netdock:endpoint:2) belongs to nothing",
      "link br0 is missing",
      "sysctl net.ipv4.ip_forward may be at its default",
      "address 10.0.0.1/24 is missing on br0",
      "link ndv100000000000 is missing",
      "address 10.0.0.2/24 is missing on eth0",
      "route 0.0.0.0/0 by 10.0.0.1 is missing",
    ]);
    expect(repairs(there, now)).toEqual([]);
  });

  test("sweeps a link of ours whose process died before it had an alias", async () => {
    const there = await machine();
    await there.apply([
      {
        op: "link.create",
        netns: HOST_NETNS,
        link: { name: "nd-0123456789ab", kind: { type: "bridge" }, up: true },
      },
    ]);
    expect(await mend(there, [])).toEqual(["link nd-0123456789ab (no alias) belongs to nothing"]);
    expect(repairs(there, [])).toEqual([]);
  });

  test("leaves somebody else's link of the same name alone, and all that would stand on it", async () => {
    const there = await machine();
    await there.apply([
      { op: "link.create", netns: HOST_NETNS, link: { name: "br0", kind: { type: "dummy" }, up: false } },
    ]);
    const before = there.observe(HOST_NETNS).links.find((l) => l.name === "br0");
    expect(repairs(there, [bridge("br0", "a", 1400)])).toEqual([
      { text: "link br0 exists and is not ours", subject: "br0", ops: [] },
    ]);
    expect(there.observe(HOST_NETNS).links.find((l) => l.name === "br0")).toEqual(before);
  });

  test("brings a foreign link up, puts its address back, and never makes or sweeps it", async () => {
    const parent: Blueprint = {
      ...EMPTY_BLUEPRINT,
      links: [
        {
          netns: HOST_NETNS,
          link: { name: "enp1s0", kind: { type: "dummy" }, up: true },
          addresses: [parseCidr("10.7.0.1/24")],
          foreign: true,
        },
      ],
    };
    const there = await machine();
    expect(await mend(there, [parent])).toEqual(["link enp1s0 (not ours to make) is missing"]);
    await there.apply([
      { op: "link.create", netns: HOST_NETNS, link: { name: "enp1s0", kind: { type: "dummy" }, up: false } },
    ]);
    expect(await mend(there, [parent])).toEqual([
      "link enp1s0 is down",
      "address 10.7.0.1/24 is missing on enp1s0",
    ]);
    expect(repairs(there, [parent])).toEqual([]);
    expect(repairs(there, [])).toEqual([]);
  });

  test("makes a veth anew whose other end went away with its namespace", async () => {
    const there = await machine(wanted);
    there.kernel.netns("s1").links.delete("eth0");
    there.kernel.netns("s1").routes.clear();
    expect(await mend(there, wanted)).toEqual([
      "link eth0, the other end of ndv100000000000, is missing",
      "address 10.0.0.2/24 is missing on eth0",
      "route 0.0.0.0/0 by 10.0.0.1 is missing",
    ]);
    expect(repairs(there, wanted)).toEqual([]);
  });
});

test.each([
  ["is open to the other ports", false, ["link ndv100000000000 is not kept apart from the other ports"]],
  ["is kept apart, by the bridge or the firewall", true, []],
])("planRepairs() looks at a port of a network without ICC that %s", async (_, apart, texts) => {
  const lonely = {
    ...one,
    links: one.links.map((plan) => ({ ...plan, link: { ...plan.link, isolated: true as const } })),
  };
  const host = await machine([bridge("br0", "a", 1400), lonely]);
  const seen = new Map([HOST_NETNS, ...SANDBOXES].map((netns) => [netns, host.observe(netns)]));
  const onHost = seen.get(HOST_NETNS) as ObservedNetns;
  const links = onHost.links.map((link) => (link.master === "br0" ? { ...link, apart } : link));
  seen.set(HOST_NETNS, { ...onHost, links });
  const found = planRepairs([bridge("br0", "a", 1400), lonely], seen, HOST_NETNS);
  expect(found.map(({ text }) => text)).toEqual(texts);
  const set = { op: "link.set", netns: HOST_NETNS, name: "ndv100000000000", set: { isolated: true } };
  expect(found.flatMap(({ ops }) => ops)).toEqual(apart ? [] : [set]);
});

test("planRepairs() puts back the route that an address brought along", async () => {
  const there = await machine(wanted);
  const observed = new Map<NetnsKey, ObservedNetns>([
    ["s1", there.observe("s1")],
    [HOST_NETNS, unrouted(there.observe(HOST_NETNS), "br0")],
  ]);
  expect(planRepairs(wanted, observed, HOST_NETNS)).toEqual([
    {
      text: "route 10.0.0.0/24 by br0 is missing",
      subject: "10.0.0.0/24",
      ops: [
        {
          op: "route.replace",
          netns: HOST_NETNS,
          route: { destination: "10.0.0.0/24", link: "br0", source: "10.0.0.1" },
        },
      ],
    },
  ]);
});

/** The same without the routes that come with the addresses of a link. */
function unrouted(netns: ObservedNetns, name: string): ObservedNetns {
  const links = netns.links.map((l) => (l.name === name ? { ...l, unrouted: l.addresses } : l));
  return { ...netns, links };
}

describe("differsInside()", () => {
  test.each<[string, Op[], boolean]>([
    ["nothing", [], false],
    ["what is outside", [gone("br0")], false],
    [
      "an address",
      [{ op: "address.delete", netns: "s1", address: { link: "eth0", address: parseCidr("10.0.0.2/24") } }],
      true,
    ],
    ["a route", [{ op: "route.delete", netns: "s1", route: defaultRoute("eth0", undefined, 4) }], true],
    ["a link that is down", [{ op: "link.set", netns: "s1", name: "eth0", set: { up: false } }], true],
    ["a link that is gone", [gone("ndv100000000000")], true],
  ])("sees %s", async (_, damage, seen) => {
    const there = await machine(wanted);
    await there.apply(damage);
    expect(differsInside(one, "s1", there.observe("s1"))).toBe(seen);
  });
});

/** States an engine could want: bridges under names that change owners, endpoints that share the names of their links. */
const state: fc.Arbitrary<Blueprint[]> = fc
  .record({
    bridges: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom("br0", "br1"),
        id: fc.constantFrom("a", "b", "c"),
        mtuBytes: fc.constantFrom(undefined, 1500, 1400),
      }),
      { minLength: 1, maxLength: 2, selector: ({ name }) => name },
    ),
    joins: fc.uniqueArray(
      fc.record({
        variant: fc.nat(1),
        netns: fc.constantFrom(...SANDBOXES),
        inside: fc.constantFrom("eth0", "eth1"),
        host: fc.integer({ min: 2, max: 4 }),
        bridge: fc.nat(1),
      }),
      { maxLength: 4, selector: ({ netns, inside }) => `${netns} ${inside}` },
    ),
  })
  .map(({ bridges, joins }) => {
    const gateways = new Set<string>();
    const endpoints = joins.map(({ variant, netns, inside, host: last, bridge: at }) => {
      // Where an endpoint's link is and what it is called never changes while it lives.
      const id = `${netns}${inside}${variant}`.replaceAll(/[^0-9a-f]/g, "");
      const gateway = !gateways.has(netns);
      gateways.add(netns);
      const master = bridges[at % bridges.length]?.name ?? "br0";
      return veth({ id, netns, inside, master, address: `10.0.0.${last}/24`, gateway });
    });
    return [...bridges.map(({ name, id, mtuBytes }) => bridge(name, id, mtuBytes)), ...endpoints];
  });

describe("a walk between wanted states", () => {
  test("one repair leads from any state to any other, and the next finds nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(state, { minLength: 2, maxLength: 6 }), async (states) => {
        const there = await machine();
        for (const next of states) {
          await mend(there, next);
          expect(repairs(there, next)).toEqual([]);
          const names = next.flatMap((b) => b.links.map((l) => l.link.name));
          const links = there.observe(HOST_NETNS).links.map((l) => l.name);
          expect(links.toSorted()).toEqual(["lo", ...names].toSorted());
        }
      }),
      { numRuns: 200 },
    );
  });
});
