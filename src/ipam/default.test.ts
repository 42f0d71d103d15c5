import { describe, expect, test } from "vitest";

import type { Subnet } from "../base/cidr.ts";
import { NetError } from "../base/errors.ts";
import type { Family, Ip } from "../base/ip.ts";
import type { IpamDriver, TakenPrefix } from "../model/ipam.ts";
import type { Pool, PoolRequest } from "../model/network.ts";
import { createMemoryLeaseStore } from "../testkit/lease-store.ts";
import { defaultPools, parseDefaultPools, type DefaultPool } from "./default-pools.ts";
import { createDefaultIpam } from "./default.ts";
import { createNullIpam } from "./null.ts";

const GLOBAL_ID = Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x9a);
const clock = { now: () => 0 };

function start(pools: readonly DefaultPool[] = defaultPools(GLOBAL_ID)): IpamDriver {
  return createDefaultIpam({ store: createMemoryLeaseStore(), clock, pools });
}

interface Ask {
  readonly owner?: string;
  readonly pools?: readonly PoolRequest[];
  readonly families?: readonly Family[];
  readonly gateway?: boolean;
  readonly taken?: readonly string[];
  readonly options?: Record<string, string>;
}

function ask(ipam: IpamDriver, request: Ask): Pool[] {
  return ipam.requestPools({
    owner: request.owner ?? "net",
    pools: request.pools ?? [],
    families: request.families ?? [4],
    options: request.options ?? {},
    gateway: request.gateway ?? true,
    taken: (request.taken ?? []).map((prefix) => ({ prefix, why: "route" }) as TakenPrefix),
  });
}

const subnets = (pools: readonly Pool[]): string[] => pools.map((pool) => pool.subnet);

function refused(run: () => unknown): NetError {
  try {
    run();
  } catch (error) {
    if (error instanceof NetError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("a subnet nobody chose", () => {
  test("comes from Docker's pools in Docker's order, and then from 10.0.0.0/8", () => {
    const ipam = start();
    const got = Array.from({ length: 34 }, (_, i) => subnets(ask(ipam, { owner: `n${i}` }))[0]);
    expect(got.slice(0, 2)).toEqual(["172.17.0.0/16", "172.18.0.0/16"]);
    expect(got.slice(14, 17)).toEqual(["172.31.0.0/16", "192.168.0.0/20", "192.168.16.0/20"]);
    expect(got.slice(30)).toEqual(["192.168.240.0/20", "10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]);
  });

  test("is the lowest free one: what was given back comes first", () => {
    const ipam = start();
    for (let i = 0; i < 4; i++) ask(ipam, { owner: `n${i}` });
    ipam.releasePools("n1");
    ipam.releasePools("n1");
    expect(subnets(ask(ipam, {}))).toEqual(["172.18.0.0/16"]);
    expect(subnets(ask(ipam, {}))).toEqual(["172.21.0.0/16"]);
  });

  test("for IPv6 is a /64 of the host's own ULA prefix", () => {
    const ipam = start();
    const [v4, v6] = ask(ipam, { families: [6, 4] });
    expect(v4).toMatchObject({ subnet: "172.17.0.0/16", gateway: "172.17.0.1/16" });
    expect(v6).toMatchObject({ subnet: "fd12:3456:789a::/64", gateway: "fd12:3456:789a::1/64" });
    expect(subnets(ask(ipam, { families: [6] }))).toEqual(["fd12:3456:789a:1::/64"]);
  });

  test("of a wished-for size comes from a pool that can hold it", () => {
    const ipam = start();
    expect(subnets(ask(ipam, { pools: [{ subnet: "0.0.0.0/24" }] }))).toEqual(["172.17.0.0/24"]);
    expect(subnets(ask(ipam, { pools: [{ subnet: "0.0.0.0/28" }] }))).toEqual(["172.17.1.0/28"]);
    expect(subnets(ask(ipam, { pools: [{ subnet: "0.0.0.0/8" }] }))).toEqual(["10.0.0.0/8"]);
    expect(subnets(ask(ipam, { pools: [{ subnet: "::/80" }], families: [6] }))).toEqual([
      "fd12:3456:789a::/80",
    ]);
    expect(subnets(ask(ipam, {}))).toEqual(["172.18.0.0/16"]);
    expect(refused(() => ask(ipam, { pools: [{ subnet: "0.0.0.0/7" }] })).code).toBe("exhausted");
    expect(refused(() => ask(ipam, { pools: [{ subnet: "0.0.0.0/0" }] })).field).toBe(
      "ipam.config[0].subnet",
    );
  });

  test("keeps clear of the other subnets of the same request", () => {
    const ipam = start();
    const got = ask(ipam, { pools: [{}, { subnet: "172.17.5.0/24" }, {}] });
    expect(subnets(got)).toEqual(["172.18.0.0/16", "172.17.5.0/24", "172.19.0.0/16"]);
  });

  test("when there is none, the error says what is in the way and changes nothing", () => {
    const ipam = start(parseDefaultPools([{ base: "10.0.0.0/15", size: 16 }]));
    ask(ipam, { owner: "n1" });
    const error = refused(() => ask(ipam, { taken: ["10.1.0.0/24"] }));
    expect(error.message).toBe(
      "ipam.config: no IPv4 subnet is free in the default address pools (10.0.0.0/15): a network has its own there " +
        "and the host itself uses 10.1.0.0/24 (route); give a subnet of your own, or add a default address pool",
    );
    expect(refused(() => ask(ipam, { families: [6] })).message).toContain(
      "no default address pool can hold an IPv6 subnet",
    );
    // The IPv4 half of this request could be had, and must not be kept when the IPv6 half fails.
    expect(refused(() => ask(ipam, { families: [4, 6] })).code).toBe("exhausted");
    expect(subnets(ask(ipam, {}))).toEqual(["10.1.0.0/16"]);
  });
});

describe("pools of a configuration", () => {
  test.each([
    { base: "10.0.0.1/8", size: 24, field: "pools[0].base", text: "it should be 10.0.0.0/8" },
    { base: "ten", size: 24, field: "pools[0].base", text: "not in CIDR form" },
    { base: "10.0.0.0/8", size: 7, field: "pools[0].size", text: "from 8" },
    { base: "10.0.0.0/8", size: 31, field: "pools[0].size", text: "to 30" },
    { base: "10.0.0.0/8", size: 24.5, field: "pools[0].size", text: "prefix length" },
    { base: "fd00::/48", size: 127, field: "pools[0].size", text: "to 126" },
    { base: "224.0.0.0/8", size: 24, field: "pools[0].base", text: "unicast" },
  ])("$base with size $size is refused at $field", ({ base, size, field, text }) => {
    const error = refused(() => parseDefaultPools([{ base, size }]));
    expect(error).toMatchObject({ code: "invalid", field });
    expect(error.message).toContain(text);
  });

  test("a global id has five bytes", () => {
    expect(refused(() => defaultPools(new Uint8Array(4))).field).toBe("ulaGlobalId");
  });
});

describe("a subnet the user chose", () => {
  test("comes back with range, gateway and named addresses", () => {
    const pool = {
      subnet: "10.5.0.0/24",
      ipRange: "10.5.0.128/25",
      gateway: "10.5.0.254",
      auxAddresses: { printer: "10.5.0.9" },
    };
    expect(ask(start(), { pools: [pool] })).toEqual([{ ...pool, gateway: "10.5.0.254/24" }]);
  });

  test.each([
    { pool: { subnet: "10.5.0.0/24" }, want: "10.5.0.1/24" },
    { pool: { subnet: "10.5.0.0/24", auxAddresses: { a: "10.5.0.1", b: "10.5.0.2" } }, want: "10.5.0.3/24" },
    { pool: { subnet: "10.5.0.0/24", ipRange: "10.5.0.0/25" }, want: "10.5.0.1/24" },
    { pool: { subnet: "10.5.0.0/24", ipRange: "10.5.0.64/26" }, want: "10.5.0.64/24" },
    { pool: { subnet: "10.5.0.0/31" }, want: "10.5.0.0/31" },
    { pool: { subnet: "10.5.0.0/32" }, want: "10.5.0.0/32" },
    { pool: { subnet: "fd05::/64" }, want: "fd05::1/64" },
    { pool: { subnet: "fd05::/64", ipRange: "fd05::8000:0:0:0/65" }, want: "fd05::8000:0:0:0/64" },
    { pool: { subnet: "fd05::/127" }, want: "fd05::/127" },
  ])("the gateway of $pool is $want", ({ pool, want }) => {
    expect(ask(start(), { pools: [pool], families: [pool.subnet.includes(":") ? 6 : 4] })[0]?.gateway).toBe(
      want,
    );
  });

  test("has no gateway when the driver needs none, unless one is named", () => {
    const ipam = start();
    expect(ask(ipam, { pools: [{ subnet: "10.1.0.0/24" }], gateway: false })[0]).not.toHaveProperty(
      "gateway",
    );
    const named = ask(ipam, { pools: [{ subnet: "10.2.0.0/24", gateway: "10.2.0.7" }], gateway: false });
    expect(named[0]?.gateway).toBe("10.2.0.7/24");
    expect(ipam.leases("10.2.0.0/24" as Subnet).map((l) => [l.address, l.clientId])).toEqual([
      ["10.2.0.7", "gateway:net"],
    ]);
  });

  test("may overlap what the host routes to, but no other network", () => {
    const ipam = start();
    ask(ipam, { owner: "a".repeat(64), pools: [{ subnet: "10.5.0.0/16" }], taken: ["10.0.0.0/8"] });
    for (const subnet of ["10.5.0.0/16", "10.5.7.0/24", "10.0.0.0/8", "10.5.255.255/32"]) {
      const error = refused(() => ask(ipam, { pools: [{ subnet: "10.9.0.0/16" }, { subnet }] }));
      expect(error).toMatchObject({
        code: subnet === "10.0.0.0/8" ? "invalid" : "conflict",
        field: "ipam.config[1].subnet",
      });
    }
    const error = refused(() => ask(ipam, { pools: [{ subnet: "10.5.7.0/24" }] }));
    expect(error).toMatchObject({ subject: "a".repeat(64), value: "10.5.7.0/24" });
    expect(error.message).toContain("10.5.7.0/24 overlaps 10.5.0.0/16 of network aaaaaaaaaaaa");
    // Nothing of the refused requests was kept.
    expect(subnets(ask(ipam, { pools: [{ subnet: "10.9.0.0/16" }] }))).toEqual(["10.9.0.0/16"]);
    ipam.releasePools("a".repeat(64));
    expect(subnets(ask(ipam, { pools: [{ subnet: "10.5.7.0/24" }] }))).toEqual(["10.5.7.0/24"]);
  });

  test.each([
    { pool: { subnet: "10.5.0.1/24" }, field: "subnet", text: "it should be 10.5.0.0/24" },
    { pool: { subnet: "10.5.0.0" }, field: "subnet", text: "not in CIDR form" },
    { pool: { subnet: "10.5.0.0/33" }, field: "subnet", text: "not in CIDR form" },
    { pool: { subnet: "fd00::/64" }, field: "subnet", text: "IPv6 is not enabled" },
    { pool: { subnet: "127.1.0.0/16" }, field: "subnet", text: "loopback" },
    { pool: { subnet: "239.0.0.0/24" }, field: "subnet", text: "unicast" },
    {
      pool: { subnet: "10.5.0.0/24", ipRange: "10.6.0.0/25" },
      field: "ipRange",
      text: "outside the subnet 10.5.0.0/24",
    },
    {
      pool: { subnet: "10.5.0.0/24", ipRange: "10.5.0.0/16" },
      field: "ipRange",
      text: "bigger than the subnet",
    },
    { pool: { subnet: "10.5.0.0/24", ipRange: "fd00::/65" }, field: "ipRange", text: "outside" },
    {
      pool: { subnet: "10.5.0.0/24", ipRange: "10.5.0.5/25" },
      field: "ipRange",
      text: "it should be 10.5.0.0/25",
    },
    {
      pool: { subnet: "10.5.0.0/24", ipRange: "10.5.0.0/32" },
      field: "ipRange",
      text: "no address that can be",
    },
    { pool: { subnet: "10.5.0.0/24", gateway: "10.6.0.1" }, field: "gateway", text: "outside the subnet" },
    { pool: { subnet: "10.5.0.0/24", gateway: "10.5.0.0" }, field: "gateway", text: "network address" },
    { pool: { subnet: "10.5.0.0/24", gateway: "10.5.0.255" }, field: "gateway", text: "broadcast address" },
    { pool: { subnet: "10.5.0.0/24", gateway: "10.5.0.01" }, field: "gateway", text: "not an IP address" },
    { pool: { subnet: "10.5.0.0/24", gateway: "fd00::1" }, field: "gateway", text: "outside" },
    {
      pool: { subnet: "10.5.0.0/24", auxAddresses: { a: "10.6.0.1" } },
      field: "auxAddresses.a",
      text: "outside",
    },
    {
      pool: { subnet: "10.5.0.0/24", auxAddresses: { a: "x" } },
      field: "auxAddresses.a",
      text: "not an IP address",
    },
    {
      pool: { subnet: "10.5.0.0/24", auxAddresses: { a: "10.5.0.7", b: "10.5.0.7" } },
      field: "auxAddresses.b",
      text: "ipam.config[0].auxAddresses.a has this address already",
    },
    {
      pool: { subnet: "10.5.0.0/24", gateway: "10.5.0.7", auxAddresses: { a: "10.5.0.7" } },
      field: "auxAddresses.a",
      text: "ipam.config[0].gateway has this address already",
    },
    { pool: { ipRange: "10.5.0.0/24" }, field: "ipRange", text: "give the subnet" },
    { pool: { gateway: "10.5.0.1" }, field: "gateway", text: "give the subnet" },
    { pool: { auxAddresses: { a: "10.5.0.1" } }, field: "auxAddresses", text: "give the subnet" },
    { pool: { subnet: "0.0.0.0/24", gateway: "10.5.0.1" }, field: "gateway", text: "give the subnet" },
    { pool: { subnet: "0.0.0.0/31" }, field: "subnet", text: "/30" },
  ])("$pool is refused at $field", ({ pool, field, text }) => {
    const ipam = start();
    const error = refused(() => ask(ipam, { pools: [pool] }));
    expect(error).toMatchObject({ code: "invalid", field: `ipam.config[0].${field}` });
    expect(error.message).toContain(text);
    expect(subnets(ask(ipam, {}))).toEqual(["172.17.0.0/16"]);
  });

  test.each(["fd05::", "fd05:0:0:1::1"])("an IPv6 gateway %s is refused", (gateway) => {
    const request = { pools: [{ subnet: "fd05::/64", gateway }], families: [6] as const };
    expect(refused(() => ask(start(), request))).toMatchObject({
      code: "invalid",
      field: "ipam.config[0].gateway",
    });
  });

  test("without room for the gateway is refused, and nothing is kept", () => {
    const ipam = start();
    const auxAddresses = { a: "10.5.0.1", b: "10.5.0.2" };
    const error = refused(() => ask(ipam, { pools: [{ subnet: "10.5.0.0/30", auxAddresses }] }));
    expect(error).toMatchObject({ code: "exhausted", field: "ipam.config[0].subnet" });
    expect(subnets(ask(ipam, { pools: [{ subnet: "10.5.0.0/30" }] }))).toEqual(["10.5.0.0/30"]);
  });

  test("an option is refused: there are none", () => {
    expect(refused(() => ask(start(), { options: { foo: "1" } }))).toMatchObject({
      code: "invalid",
      field: "ipam.options.foo",
    });
  });
});

test("a pool that is gone: leases are not found, giving back is fine", () => {
  const ipam = start();
  const subnet = "10.5.0.0/24" as Subnet;
  expect(() => ipam.release(subnet, "10.5.0.2" as Ip)).not.toThrow();
  expect(refused(() => ipam.discover({ subnet, client: { id: "a" } })).code).toBe("not_found");
  expect(refused(() => ipam.leases(subnet)).code).toBe("not_found");
});

test("a pool is used to its last subnet", () => {
  const ipam = start(parseDefaultPools([{ base: "10.0.0.0/18", size: 26 }]));
  for (let i = 0; i < 256; i++) ask(ipam, { owner: `n${i}` });
  expect(refused(() => ask(ipam, {})).message).toContain("256 networks have theirs there");
});

describe("the null driver", () => {
  const none = createNullIpam();
  test("gives no pools and refuses to be asked for any", () => {
    expect(ask(none, { pools: [{}] })).toEqual([]);
    expect(refused(() => ask(none, { pools: [{}, { subnet: "10.0.0.0/24" }] })).field).toBe("ipam.config[1]");
    expect(refused(() => ask(none, { options: { a: "b" } })).field).toBe("ipam.options.a");
    expect(refused(() => none.discover({ subnet: "10.0.0.0/24" as Subnet, client: { id: "a" } })).code).toBe(
      "unsupported",
    );
    expect(() => none.releasePools("net")).not.toThrow();
    none.begin().rollback();
  });
});
