import { describe, expect, test } from "vitest";
import { isAsWished, isOurs, POLICY, POLICY_SETTINGS, ZONE_SETTINGS } from "./wish.ts";

describe("what firewalld has", () => {
  test("is as wished whatever else a user has set there", () => {
    expect(isAsWished({ ...ZONE_SETTINGS, services: ["ssh"], forward: true }, ZONE_SETTINGS)).toBe(true);
    expect(isAsWished({ ...POLICY_SETTINGS, ingress_zones: ["ANY"], priority: -1 }, POLICY_SETTINGS)).toBe(
      true,
    );
  });

  test("differs where a setting of ours is another or missing", () => {
    expect(isAsWished({ ...ZONE_SETTINGS, target: "default" }, ZONE_SETTINGS)).toBe(false);
    const { egress_zones: _, ...less } = POLICY_SETTINGS;
    expect(isAsWished(less, POLICY_SETTINGS)).toBe(false);
  });

  test("is known as ours by its description, not by its name", () => {
    expect(isOurs(ZONE_SETTINGS)).toBe(true);
    expect(isOurs({ short: "netdock", description: "mine" })).toBe(false);
  });
});

test("names are no longer than firewalld allows", () => {
  expect(POLICY.length).toBeLessThanOrEqual(17);
});
