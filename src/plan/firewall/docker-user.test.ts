import { expect, test } from "vitest";
import { sanctionedRules } from "./docker-user.ts";

const lines = (bridges: string[], uplinks: string[]): string[] =>
  sanctionedRules({ bridges, uplinks }).map(({ chain, iif, oif, to }) => {
    return `${chain} ${iif === undefined ? `-o ${oif}` : `-i ${iif}`} ${to}`;
  });

test("sanctionedRules() are as many for a thousand networks as for one", () => {
  const many = Array.from({ length: 1000 }, (_, i) => `nd-${i}`);
  expect(lines(many, ["eth0"])).toEqual([
    "NETDOCK -o nd-* accept",
    "NETDOCK -o eth0 accept",
    "DOCKER-USER -i nd-* NETDOCK",
    "DOCKER-USER -o nd-* NETDOCK",
  ]);
  expect(lines(["nd-1"], ["eth0"])).toEqual(lines(many, ["eth0"]));
});

test("sanctionedRules() name bridges of the user's one by one, and nothing without a bridge", () => {
  expect(lines(["nd-1", "red0"], [])).toEqual([
    "NETDOCK -o nd-* accept",
    "NETDOCK -o red0 accept",
    "DOCKER-USER -i nd-* NETDOCK",
    "DOCKER-USER -i red0 NETDOCK",
    "DOCKER-USER -o nd-* NETDOCK",
    "DOCKER-USER -o red0 NETDOCK",
  ]);
  expect(lines([], ["eth0"])).toEqual([]);
});
