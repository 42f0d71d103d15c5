import { expect, test } from "vitest";
import { zoneLinks } from "./zone.ts";

test("one entry covers the names that netdock makes up, and users' names have their own, in order", () => {
  expect(zoneLinks(["nd-1234", "netdock0", "nd-5678", "blue0"])).toEqual(["nd-+", "blue0", "netdock0"]);
});

test("without a bridge there is no entry", () => {
  expect(zoneLinks([])).toEqual([]);
});
