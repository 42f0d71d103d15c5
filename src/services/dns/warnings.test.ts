import { expect, test } from "vitest";
import { ManualTime } from "../../testkit/manual-time.ts";
import { createRandomIds } from "./random.ts";
import { createWarnings } from "./warnings.ts";

test("each matter speaks once in two seconds and says how many lines were left out", () => {
  const lines: unknown[] = [];
  const time = new ManualTime();
  const warn = createWarnings(time, { warn: (facts, message) => void lines.push([facts, message]) });
  warn("limit", "one");
  warn("limit", "two");
  warn("upstream", "other");
  time.advance(1999);
  warn("limit", "three");
  time.advance(1);
  warn("limit", "four");
  time.advance(2000);
  warn("limit", "five");
  expect(lines).toEqual([
    [{ part: "dns", what: "limit", leftOut: 0 }, "one"],
    [{ part: "dns", what: "upstream", leftOut: 0 }, "other"],
    [{ part: "dns", what: "limit", leftOut: 2 }, "four"],
    [{ part: "dns", what: "limit", leftOut: 0 }, "five"],
  ]);
});

test("ids are 16-bit numbers all over the range", () => {
  const next = createRandomIds();
  const ids = Array.from({ length: 2000 }, next);
  expect(ids.every((id) => Number.isInteger(id) && id >= 0 && id <= 0xffff)).toBe(true);
  // 2,000 draws of 65,536 repeat about 30 times; a generator that is stuck or small repeats far more.
  expect(new Set(ids).size).toBeGreaterThan(1800);
});
