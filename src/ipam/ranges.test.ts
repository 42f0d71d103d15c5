import fc from "fast-check";
import { expect, test } from "vitest";

import { RangeSet, type Range } from "./ranges.ts";

const range = fc.tuple(fc.nat(60), fc.nat(8)).map(([first, size]): Range<string> => ({
  first: BigInt(first),
  last: BigInt(first + size),
  by: `${first}+${size}`,
}));

const overlap = (a: Range<unknown>, b: Range<unknown>): boolean => a.first <= b.last && b.first <= a.last;

test("merged ranges cover what their parts cover, and the lowest overlap is found", () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 12 }), range, (ranges, probe) => {
      const set = RangeSet.merged(ranges);
      const found = set.overlapping(probe.first, probe.last);
      const hits = ranges.filter((each) => overlap(each, probe));
      expect(found !== undefined).toBe(hits.length > 0);
      if (found === undefined) return;
      expect(
        found.first <= hits.reduce((least, each) => (each.first < least ? each.first : least), 99n),
      ).toBe(true);
      for (let at = found.first; at <= found.last; at++) {
        expect(ranges.some((each) => each.first <= at && at <= each.last)).toBe(true);
      }
    }),
  );
});

test("a set of ranges that do not overlap agrees with a list through adding and deleting", () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 40, size: "max" }), (ranges) => {
      const set = RangeSet.empty<string>();
      let list: Range<string>[] = [];
      for (const each of ranges) {
        const lowest = list
          .filter((other) => overlap(each, other))
          .toSorted((a, b) => (a.first < b.first ? -1 : 1))[0];
        expect(set.overlapping(each.first, each.last)).toEqual(lowest);
        if (lowest === undefined) {
          set.add(each);
          list.push(each);
        } else {
          set.delete(lowest.first);
          list = list.filter((other) => other !== lowest);
        }
      }
    }),
  );
});
