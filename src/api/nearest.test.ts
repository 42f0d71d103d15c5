import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const fields = ["subnet", "ipRange", "gateway", "auxAddresses", "name", "mac"];

describe("nearest() knows", () => {
  test.each([
    ["a letter too many", "subnett", "subnet"],
    ["a letter too few", "gatway", "gateway"],
    ["a wrong letter", "gatewey", "gateway"],
    ["two letters swapped", "nmae", "name"],
    ["another case", "IPRANGE", "ipRange"],
    ["another style", "ip_range", "ipRange"],
    ["two slips in a long name", "auxAdresess", "auxAddresses"],
  ])("%s", (_what, given, expected) => {
    expect(nearest(given, fields)).toBe(expected);
  });
});

test.each([
  ["something else", "colour"],
  ["two slips in a short name", "nm"],
  ["nothing", ""],
])("nearest() makes no guess from %s", (_what, given) => {
  expect(nearest(given, fields)).toBeUndefined();
});

test("nearest() does not compare what is far too long", () => {
  expect(nearest("subnet".padEnd(65, " "), fields)).toBeUndefined();
});

test("nearest() finds each name by any one slip of the hand", () => {
  const letter = fc.constantFrom("a", "b", "c", "x", "y", "z");
  fc.assert(
    fc.property(fc.constantFrom("gateway", "subnet"), fc.nat(5), letter, fc.nat(2), (name, at, put, kind) => {
      const slipped = [
        name.slice(0, at) + put + name.slice(at),
        name.slice(0, at) + name.slice(at + 1),
        name.slice(0, at) + put + name.slice(at + 1),
      ][kind];
      expect(nearest(slipped ?? "", fields)).toBe(name);
    }),
  );
});
