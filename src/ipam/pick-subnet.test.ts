import { expect, test } from "vitest";
import { parseSubnet, rangeOf, type Cidr, type Subnet } from "../base/cidr.ts";
import { isNetError } from "../base/errors.ts";
import { familyOf } from "../base/ip.ts";
import { parseDefaultPools, pickSubnet } from "./default-pools.ts";
import { RangeSet, rangeBy, takenRanges } from "./ranges.ts";

interface Row {
  /** Default pools, each with the prefix length it is cut to. */
  readonly pools: readonly string[];
  /** Subnets of other networks. */
  readonly used?: readonly string[];
  /** What the host itself routes to, or asks for names. */
  readonly taken?: readonly string[];
  /** A prefix length of the user's own. */
  readonly size?: number;
}

const TEN = ["10.0.0.0/8 16"];
const TWO = ["192.168.0.0/23 24", "172.16.0.0/15 16"];
const ULA = ["fd00::/48 64"];

// The situations of Docker's TestDynamicPoolAllocation; the last column is the subnet, or that there is none.
test.each<[string, Row, string | undefined]>([
  ["nothing in the way", { pools: TEN }, "10.0.0.0/16"],
  ["the first subnet is a network's", { pools: TEN, used: ["10.0.0.0/16"] }, "10.1.0.0/16"],
  ["the first subnet is the host's", { pools: TEN, taken: ["10.0.0.0/16"] }, "10.1.0.0/16"],
  ["only the second is a network's", { pools: TEN, used: ["10.1.0.0/16"] }, "10.0.0.0/16"],
  ["only the second is the host's", { pools: TEN, taken: ["10.1.0.0/16"] }, "10.0.0.0/16"],
  ["networks in any order", { pools: TEN, used: ["10.1.0.0/16", "10.0.0.0/16"] }, "10.2.0.0/16"],
  ["a gap between networks", { pools: TEN, used: ["10.0.0.0/16", "10.2.0.0/16"] }, "10.1.0.0/16"],
  [
    "a gap between the host's and a network's",
    { pools: TEN, taken: ["10.0.0.0/16"], used: ["10.2.0.0/16"] },
    "10.1.0.0/16",
  ],
  [
    "networks and the host in turns",
    { pools: TEN, used: ["10.1.0.0/16"], taken: ["10.0.0.0/16", "10.2.9.0/24"] },
    "10.3.0.0/16",
  ],
  ["a network smaller than a subnet, at its start", { pools: TEN, used: ["10.0.0.0/24"] }, "10.1.0.0/16"],
  ["a network smaller than a subnet, inside", { pools: TEN, used: ["10.0.128.0/17"] }, "10.1.0.0/16"],
  ["an address of the host's at a subnet's end", { pools: TEN, taken: ["10.0.255.255/32"] }, "10.1.0.0/16"],
  ["a network larger than a subnet", { pools: TEN, used: ["10.0.0.0/9"] }, "10.128.0.0/16"],
  ["the host's, larger than a subnet", { pools: TEN, taken: ["10.0.0.0/9"] }, "10.128.0.0/16"],
  [
    "the host's larger than a network's at the same place",
    { pools: TEN, used: ["10.0.0.0/16"], taken: ["10.0.0.0/14"] },
    "10.4.0.0/16",
  ],
  [
    "a network's larger than the host's at the same place",
    { pools: TEN, used: ["10.0.0.0/14"], taken: ["10.0.0.0/16"] },
    "10.4.0.0/16",
  ],
  [
    "the host's within each other",
    { pools: TEN, taken: ["10.0.0.0/16", "10.0.0.0/24", "10.0.3.0/30"] },
    "10.1.0.0/16",
  ],
  [
    "the host's twice, as two routes to one network are",
    { pools: TEN, taken: ["10.0.0.0/16", "10.0.0.0/16", "10.1.0.0/16", "10.1.0.0/16"] },
    "10.2.0.0/16",
  ],
  [
    "the same as a network's and the host's",
    { pools: TEN, used: ["10.0.0.0/16"], taken: ["10.0.0.0/16"] },
    "10.1.0.0/16",
  ],
  [
    "many small ones in one subnet",
    { pools: TEN, taken: ["10.0.1.0/24", "10.0.3.0/24", "10.0.5.0/24"] },
    "10.1.0.0/16",
  ],
  [
    "the host's beside the pool on both sides",
    { pools: TEN, taken: ["9.0.0.0/8", "11.0.0.0/8"] },
    "10.0.0.0/16",
  ],
  ["an address of the host's with its prefix", { pools: TEN, taken: ["10.0.0.9/8"] }, undefined],
  ["all of the pool inside the host's", { pools: TEN, taken: ["8.0.0.0/5"] }, undefined],
  [
    "default routes and their halves are no prefix of the host's",
    { pools: TEN, taken: ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"] },
    "10.0.0.0/16",
  ],
  ["a pool of one subnet", { pools: ["10.0.0.0/16 16"] }, "10.0.0.0/16"],
  ["a pool of one subnet, in use", { pools: ["10.0.0.0/16 16"], used: ["10.0.0.0/24"] }, undefined],
  [
    "all subnets are networks'",
    { pools: ["10.0.0.0/15 16"], used: ["10.0.0.0/16", "10.1.0.0/16"] },
    undefined,
  ],
  [
    "all subnets are in use, by a network and the host",
    { pools: ["10.0.0.0/15 16"], used: ["10.0.0.0/16"], taken: ["10.1.7.0/24"] },
    undefined,
  ],
  [
    "the last subnet is free",
    { pools: ["10.0.0.0/14 16"], used: ["10.0.0.0/15"], taken: ["10.2.0.0/16"] },
    "10.3.0.0/16",
  ],
  ["the first pool is full", { pools: TWO, used: ["192.168.0.0/24", "192.168.1.0/24"] }, "172.16.0.0/16"],
  ["the first pool is the host's", { pools: TWO, taken: ["192.168.0.0/16"] }, "172.16.0.0/16"],
  [
    "the first pool is the host's, and a network has the start of the next",
    { pools: TWO, taken: ["192.168.0.0/16"], used: ["172.16.0.0/24"] },
    "172.17.0.0/16",
  ],
  [
    "the first pool is the host's, and so is the middle of the next",
    { pools: TWO, taken: ["192.168.0.0/16", "172.16.128.0/20"] },
    "172.17.0.0/16",
  ],
  [
    "the first pool is the host's, and the end of the next a network's",
    { pools: TWO, taken: ["192.168.0.0/16"], used: ["172.17.255.0/24"] },
    "172.16.0.0/16",
  ],
  [
    "a subnet of the first pool came free",
    { pools: TWO, used: ["192.168.1.0/24", "172.16.0.0/16"] },
    "192.168.0.0/24",
  ],
  [
    "both pools are full",
    { pools: TWO, used: ["192.168.0.0/24", "192.168.1.0/24"], taken: ["172.16.0.0/12"] },
    undefined,
  ],
  [
    "a network reaches from one pool into the next",
    { pools: ["10.0.0.0/16 16", "10.1.0.0/16 24"], used: ["10.0.0.0/15"] },
    undefined,
  ],
  [
    "the end of all addresses",
    { pools: ["255.255.0.0/16 17"], used: ["255.255.0.0/17"] },
    "255.255.128.0/17",
  ],
  [
    "beyond the end of all addresses",
    { pools: ["255.255.0.0/16 16"], used: ["255.255.255.0/24"] },
    undefined,
  ],
  [
    "pools cut differently",
    { pools: ["10.0.0.0/24 28", "10.0.1.0/24 26"], used: ["10.0.0.0/24"] },
    "10.0.1.0/26",
  ],
  ["a subnet of two bits for hosts", { pools: ["10.0.0.0/24 30"], used: ["10.0.0.0/30"] }, "10.0.0.4/30"],
  ["IPv6: nothing in the way", { pools: ULA }, "fd00::/64"],
  [
    "IPv6: a network's, and an address of the host's",
    { pools: ULA, used: ["fd00::/64"], taken: ["fd00:0:0:1::5/128"] },
    "fd00:0:0:2::/64",
  ],
  [
    "IPv6: half of the pool",
    { pools: ULA, used: ["fd00::/49"], taken: ["10.0.0.0/8"] },
    "fd00:0:0:8000::/64",
  ],
  ["IPv6: default routes", { pools: ULA, taken: ["::/0", "::/1", "8000::/1"] }, "fd00::/64"],
  ["IPv6: all of it", { pools: ULA, taken: ["fc00::/7"] }, undefined],
  ["a pool of the other family is passed over", { pools: [...ULA, "10.0.0.0/8 16"] }, "10.0.0.0/16"],
  // Docker's TestPredefinedPoolWithPreferredSubnetSize.
  ["a wish for a smaller subnet", { pools: TEN, size: 24 }, "10.0.0.0/24"],
  [
    "a wish for a smaller subnet behind a network",
    { pools: TEN, size: 24, used: ["10.0.0.0/24"] },
    "10.0.1.0/24",
  ],
  ["a wish for a larger subnet", { pools: TEN, size: 12, used: ["10.0.0.0/16"] }, "10.16.0.0/12"],
  ["a wish for all of a pool", { pools: TWO, size: 23 }, "192.168.0.0/23"],
  ["a wish that only a later pool can hold", { pools: TWO, size: 15 }, "172.16.0.0/15"],
  ["a wish that no pool can hold", { pools: TWO, size: 14 }, undefined],
  [
    "a wish whose room was used by others' wishes",
    { pools: ["10.0.0.0/24 26"], size: 25, used: ["10.0.0.0/28", "10.0.0.128/28"] },
    undefined,
  ],
])("the lowest free subnet of the first pool that has one: %s", (_, row, want) => {
  const pools = parseDefaultPools(
    row.pools.map((text) => {
      const [base, size] = text.split(" ") as [string, string];
      return { base, size: Number(size) };
    }),
  );
  const family = want === undefined ? familyOf(pools[0]?.base as Cidr) : familyOf(want);
  const used = RangeSet.empty<{ subnet: Subnet; owner: string }>();
  for (const text of row.used ?? []) {
    const subnet = parseSubnet(text);
    used.add(rangeBy(subnet, { subnet, owner: text }));
  }
  const taken = takenRanges(
    (row.taken ?? []).map((prefix) => ({ prefix: prefix as Cidr, why: "route" })),
    family,
  );
  const pick = (): string => pickSubnet({ pools, family, size: row.size, field: "ipam.config", used, taken });
  if (want !== undefined) {
    expect(pick()).toBe(want);
    // What was picked is free, whatever the row says.
    const { first, last } = rangeOf(parseSubnet(want));
    expect([used.overlapping(first, last), taken.overlapping(first, last)]).toEqual([undefined, undefined]);
    return;
  }
  let code: string | undefined;
  try {
    pick();
  } catch (error) {
    code = isNetError(error) ? error.code : String(error);
  }
  expect(code).toBe("exhausted");
});
