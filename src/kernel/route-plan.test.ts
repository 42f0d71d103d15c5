import { expect, test } from "vitest";
import { address, attach, bridge, deletion, route, sysctl, veth } from "../testkit/steps.ts";
import type { Op } from "../model/ops.ts";
import { groupOps, hostLinks } from "./route-plan.ts";

/** Groups as `way netns: steps`. */
function groups(ops: readonly Op[]): string[] {
  return groupOps(ops).map((group) => {
    const where = "netns" in group ? ` ${group.netns}` : "";
    return `${group.way}${where}: ${group.ops.map((op) => op.op).join(" ")}`;
  });
}

test("an attachment is two groups: the link on the host, the rest in the sandbox", () => {
  const ops = attach({
    name: "v0",
    sandbox: "aa",
    master: "br0",
    addresses: ["10.5.0.2/24", "fd05::2/64"],
    gateways: ["10.5.0.1", "fd05::1"],
  });
  expect(groups(ops)).toEqual([
    "route host: link.create",
    "route aa: address.add address.add route.replace route.replace",
  ]);
});

test("a step that names a link just made waits for its index", () => {
  expect(
    groups([bridge("br0"), address("host", "br0", "10.5.0.1/24"), address("host", "br0", "fd05::1/64")]),
  ).toEqual(["route host: link.create", "route host: address.add address.add"]);
  expect(groups([bridge("br0"), veth("v0", "aa", "br0"), bridge("br1"), veth("v1", "aa", "br1")])).toEqual([
    "route host: link.create",
    "route host: link.create link.create",
    "route host: link.create",
  ]);
});

test("a macvlan's message goes by its parent's namespace", () => {
  const kind = { type: "macvlan", parent: "eth0", mode: "bridge" } as const;
  const made: Op = { op: "link.create", netns: "aa", link: { name: "eth0", kind, up: true } };
  expect(groups([made, route("aa", "eth0", "10.0.0.0/8")])).toEqual([
    "route host: link.create",
    "route aa: route.replace",
  ]);
});

test("firewall changes and deletions that are neighbours go together, across namespaces", () => {
  const change: Op = { op: "firewall.change", change: { add: [], remove: [] } };
  expect(
    groups([change, change, deletion("a"), deletion("b", "aa"), sysctl("host", "net.a.b", "1"), change]),
  ).toEqual([
    "firewall: firewall.change firewall.change",
    "delete: link.delete link.delete",
    "sysctl host: sysctl.set",
    "firewall: firewall.change",
  ]);
});

test("every step is in exactly one group, in order", () => {
  const ops = [
    bridge("br0"),
    veth("v0", "aa", "br0"),
    sysctl("aa", "net.a.b", "1"),
    address("aa", "eth0", "10.0.0.1/8"),
  ];
  expect(groupOps(ops).flatMap((group) => [...group.ops] as Op[])).toEqual(ops);
});

test("hostLinks() names the host's links a plan touches, bridges that get a port included", () => {
  expect([
    ...hostLinks([veth("v0", "aa", "br0"), address("aa", "eth0", "10.0.0.1/8"), deletion("v1")]),
  ]).toEqual(["v0", "br0", "v1"]);
});
