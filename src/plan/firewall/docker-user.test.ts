import { expect, test } from "vitest";
import { sanctionedRules } from "./docker-user.ts";

const lines = (bridges: string[], uplinks: string[], dockers: string[] = []): string[] =>
  sanctionedRules({ bridges, uplinks }, dockers).map(({ chain, iif, oif, to }) => {
    return `${chain} ${iif === undefined ? (oif === undefined ? "under way" : `-o ${oif}`) : `-i ${iif}`} ${to}`;
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

test("sanctionedRules() leave to Docker what its bridges send and publish, and drop what else goes there", () => {
  expect(lines(["nd-1"], ["eth0"], ["docker0", "nd-1", "eth0", "br-1"])).toEqual([
    "NETDOCK -i br-1 return",
    "NETDOCK -i docker0 return",
    "NETDOCK -o nd-* accept",
    "NETDOCK -o eth0 accept",
    "NETDOCK under way return",
    "NETDOCK -o br-1 drop",
    "NETDOCK -o docker0 drop",
    "DOCKER-USER -i nd-* NETDOCK",
    "DOCKER-USER -o nd-* NETDOCK",
  ]);
  expect(lines([], [], ["docker0"])).toEqual([]);
});
