import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  broadcastOf,
  contains,
  makeCidr,
  overlaps,
  parseSubnet,
  rangeOf,
  subnetOf,
  tryParseCidr,
} from "./cidr.ts";
import { ipFromBigint, ipFromBytes, ipToBigint, type Ip } from "./ip.ts";

const cidr = fc
  .oneof(
    fc.tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.integer({ min: 0, max: 128 })),
  )
  .map(([bytes, length]) => makeCidr(ipFromBytes(bytes), length));

describe("tryParseCidr()", () => {
  test.each([
    "10.0.0.0/33",
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0/8",
    "::/129",
    "/8",
    "10.0.0.0/8/8",
  ])("refuses %s", (text) => {
    expect(tryParseCidr(text)).toBeUndefined();
  });

  test("reads what makeCidr() writes", () => {
    fc.assert(fc.property(cidr, (c) => tryParseCidr(c) === c));
  });
});

describe("parseSubnet()", () => {
  test("says what the subnet should be when host bits are set", () => {
    expect(() => parseSubnet("10.1.2.3/24", "ipam.config[0].subnet")).toThrow(
      'ipam.config[0].subnet: "10.1.2.3/24" has host bits set: it should be 10.1.2.0/24',
    );
  });
});

describe("ranges", () => {
  test("a subnet contains its first and last address and nothing beyond", () => {
    fc.assert(
      fc.property(cidr, (c) => {
        const { first, last, family } = rangeOf(c);
        const subnet = subnetOf(c);
        expect(contains(subnet, ipFromBigint(first, family))).toBe(true);
        expect(contains(subnet, ipFromBigint(last, family))).toBe(true);
        const top = (1n << (family === 4 ? 32n : 128n)) - 1n;
        if (last < top) expect(contains(subnet, ipFromBigint(last + 1n, family))).toBe(false);
        if (first > 0n) expect(contains(subnet, ipFromBigint(first - 1n, family))).toBe(false);
      }),
    );
  });

  test("two prefixes overlap exactly when one contains the other", () => {
    fc.assert(
      fc.property(cidr, cidr, (a, b) => {
        const nested = contains(subnetOf(a), subnetOf(b)) || contains(subnetOf(b), subnetOf(a));
        expect(overlaps(a, b)).toBe(nested);
      }),
    );
  });

  test("families never overlap", () => {
    expect(overlaps(tryParseCidr("0.0.0.0/0")!, tryParseCidr("::/0")!)).toBe(false);
    expect(contains(tryParseCidr("::/0")!, "0.0.0.0" as Ip)).toBe(false);
  });

  test.each([
    ["10.0.0.0/24", "10.0.0.255"],
    ["10.0.0.0/30", "10.0.0.3"],
    ["10.0.0.0/31", undefined],
    ["10.0.0.0/32", undefined],
    ["fd00::/64", undefined],
  ])("broadcastOf(%s) is %s", (text, broadcast) => {
    expect(broadcastOf(tryParseCidr(text)!)).toBe(broadcast);
  });

  test("ipToBigint() orders addresses as their text does", () => {
    expect(ipToBigint("10.0.0.10" as Ip) > ipToBigint("10.0.0.9" as Ip)).toBe(true);
  });
});
