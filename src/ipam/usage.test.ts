import { beforeEach, expect, test } from "vitest";
import { parseSubnet } from "../base/cidr.ts";
import { parseIp } from "../base/ip.ts";
import type { IpamDriver } from "../model/ipam.ts";
import type { PoolRequest } from "../model/network.ts";
import { createMemoryLeaseStore } from "../testkit/lease-store.ts";
import { createDefaultIpam } from "./default.ts";

let ipam: IpamDriver;
let now: number;

beforeEach(() => {
  now = 0;
  ipam = createDefaultIpam({ store: createMemoryLeaseStore(), clock: { now: () => now }, pools: [] });
});

function create(pool: PoolRequest, gateway: boolean): void {
  const families = [pool.subnet?.includes(":") === true ? 6 : 4] as const;
  ipam.requestPools({ owner: "net", pools: [pool], families, options: {}, gateway, taken: [] });
}

/** The whole way of an address; one that nobody wished for where `address` is absent. */
function take(subnet: string, id: string, address?: string): void {
  const wish = address === undefined ? undefined : parseIp(address);
  const offer = ipam.discover({ subnet: parseSubnet(subnet), client: { id }, address: wish });
  ipam.acknowledge(ipam.request(offer));
}

const usage = (subnet: string): [bigint, bigint] => {
  const { inUse, available } = ipam.usage(parseSubnet(subnet));
  return [inUse, available];
};

// Docker's TestBridgeIPAMStatus: what a new network says of its pool.
test.each<[string, PoolRequest, boolean, readonly [bigint, bigint]]>([
  ["IPv4: network, broadcast and gateway", { subnet: "10.0.0.0/24" }, true, [3n, 253n]],
  ["IPv4 without a gateway", { subnet: "10.0.0.0/24" }, false, [2n, 254n]],
  ["IPv6: anycast and gateway", { subnet: "fd00::/112" }, true, [2n, 65_534n]],
  ["a /64", { subnet: "fd00::/64" }, true, [2n, 2n ** 64n - 2n]],
  ["more than a /64", { subnet: "fd00::/56" }, true, [2n, 2n ** 72n - 2n]],
  ["a point-to-point subnet", { subnet: "10.0.0.0/31" }, true, [1n, 1n]],
  ["one of IPv6", { subnet: "fd00::/127" }, true, [1n, 1n]],
  ["one address", { subnet: "10.0.0.9/32" }, false, [0n, 1n]],
  ["a range with the gateway in it", { subnet: "10.0.0.0/24", ipRange: "10.0.0.128/25" }, true, [3n, 126n]],
  [
    "a range with the gateway outside",
    { subnet: "10.0.0.0/24", ipRange: "10.0.0.128/25", gateway: "10.0.0.1" },
    true,
    [3n, 127n],
  ],
  ["a range at the start", { subnet: "10.0.0.0/24", ipRange: "10.0.0.0/25" }, true, [3n, 126n]],
  [
    "a range of 2^64 addresses",
    { subnet: "fd00::/56", ipRange: "fd00:0:0:1::/64" },
    true,
    [2n, 2n ** 64n - 1n],
  ],
  [
    "auxiliary addresses, in the range and outside",
    { subnet: "10.0.0.0/24", ipRange: "10.0.0.0/28", auxAddresses: { a: "10.0.0.9", b: "10.0.0.99" } },
    true,
    [5n, 13n],
  ],
])("a pool's counts: %s", (_, pool, gateway, counts) => {
  create(pool, gateway);
  expect(usage(pool.subnet as string)).toEqual(counts);
});

test("a pool's counts follow who comes and goes, and a range counts its own addresses only", () => {
  const subnet = "10.0.0.0/24";
  create({ subnet, ipRange: "10.0.0.64/29", gateway: "10.0.0.1" }, true);
  expect(usage(subnet)).toEqual([3n, 8n]);
  take(subnet, "one");
  expect(usage(subnet)).toEqual([4n, 7n]);
  take(subnet, "outside", "10.0.0.200");
  expect(usage(subnet)).toEqual([5n, 7n]);
  take(subnet, "inside", "10.0.0.70");
  expect(usage(subnet)).toEqual([6n, 6n]);
  // Who asks again has it once.
  take(subnet, "inside");
  expect(usage(subnet)).toEqual([6n, 6n]);
  for (const address of ["10.0.0.64", "10.0.0.200", "10.0.0.70", "10.0.0.70"]) {
    ipam.release(parseSubnet(subnet), parseIp(address));
  }
  expect(usage(subnet)).toEqual([3n, 8n]);
});

test("a full pool has nothing left, and an offer holds its address until it ends", () => {
  const subnet = "10.0.0.0/29";
  create({ subnet }, true);
  for (let i = 0; i < 4; i++) take(subnet, `c${i}`);
  ipam.discover({ subnet: parseSubnet(subnet), client: { id: "last" } });
  expect(usage(subnet)).toEqual([8n, 0n]);
  now = 3_600_000;
  expect(usage(subnet)).toEqual([7n, 1n]);
});

test("what a transaction did and took back does not count", () => {
  const subnet = "10.0.0.0/24";
  create({ subnet }, true);
  const transaction = ipam.begin();
  take(subnet, "one");
  expect(usage(subnet)).toEqual([4n, 252n]);
  transaction.rollback();
  expect(usage(subnet)).toEqual([3n, 253n]);
});
