import { describe, expect, test } from "vitest";
import { parseCidr } from "../base/cidr.ts";
import { parseIp } from "../base/ip.ts";
import { EMPTY_BLUEPRINT, HOST_NETNS, type Blueprint } from "../model/ops.ts";
import {
  addressesOf,
  createOps,
  DEFAULT_ROUTE_4,
  DEFAULT_ROUTE_6,
  defaultRoute,
  firewallOps,
  isDefaultRoute,
  linkNames,
  mergeBlueprints,
  removeOps,
} from "./blueprint.ts";

const bridge: Blueprint = {
  links: [
    {
      netns: HOST_NETNS,
      link: { name: "br0", kind: { type: "bridge" }, up: true, alias: "netdock:network:1" },
      addresses: [parseCidr("10.0.0.1/24"), parseCidr("fd00::1/64")],
    },
  ],
  addresses: [],
  routes: [],
  sysctls: [
    { netns: HOST_NETNS, key: "net.ipv4.ip_forward", value: "1" },
    { netns: HOST_NETNS, key: "net.ipv6.conf.br0.disable_ipv6", value: "0", optional: true },
  ],
  firewall: [{ map: "bridges", key: ["br0"] }],
};

const endpoint: Blueprint = {
  links: [
    {
      netns: HOST_NETNS,
      link: {
        name: "ndv1",
        kind: { type: "veth", peer: { netns: "s", name: "eth0" } },
        up: true,
        master: "br0",
        alias: "netdock:endpoint:1",
      },
      addresses: [],
    },
  ],
  addresses: [{ netns: "s", address: { link: "eth0", address: parseCidr("10.0.0.2/24") } }],
  routes: [{ netns: "s", route: defaultRoute("eth0", parseIp("10.0.0.1"), 4) }],
  sysctls: [],
  firewall: [],
};

const foreign: Blueprint = {
  ...EMPTY_BLUEPRINT,
  links: [
    {
      netns: HOST_NETNS,
      link: { name: "enp1s0", kind: { type: "dummy" }, up: true },
      addresses: [parseCidr("10.7.0.1/24")],
      foreign: true,
    },
  ],
};

const kinds = (blueprint: Blueprint): string[] => createOps(blueprint).map((op) => op.op);

describe("createOps()", () => {
  test("links, then their sysctls, then addresses, then routes, and the firewall last", () => {
    expect(kinds(mergeBlueprints([bridge, endpoint]))).toEqual([
      "link.create",
      "link.create",
      "sysctl.set",
      "sysctl.set",
      "address.add",
      "address.add",
      "address.add",
      "route.replace",
      "firewall.change",
    ]);
  });

  test("steps in one namespace stay together", () => {
    const places = createOps(mergeBlueprints([bridge, endpoint])).flatMap((op) =>
      "netns" in op ? [op.netns] : [],
    );
    expect(places).toEqual(places.toSorted());
  });

  test("brings a foreign link up and does not make it", () => {
    expect(createOps(foreign)).toEqual([
      { op: "link.set", netns: HOST_NETNS, name: "enp1s0", set: { up: true } },
      {
        op: "address.add",
        netns: HOST_NETNS,
        address: { link: "enp1s0", address: "10.7.0.1/24" },
      },
    ]);
  });

  test("says of a sysctl that it may be missing only where that is so", () => {
    const sysctls = createOps(bridge).filter((op) => op.op === "sysctl.set");
    expect(sysctls.map((op) => op.optional)).toEqual([undefined, true]);
  });

  test("nothing comes of nothing", () => {
    expect(createOps(EMPTY_BLUEPRINT)).toEqual([]);
    expect(removeOps(EMPTY_BLUEPRINT)).toEqual([]);
    expect(firewallOps([], [])).toEqual([]);
  });
});

describe("removeOps()", () => {
  test("the firewall first, then links; what is on them goes with them", () => {
    expect(removeOps(mergeBlueprints([bridge, endpoint]))).toEqual([
      { op: "firewall.change", change: { add: [], remove: bridge.firewall } },
      { op: "link.delete", netns: HOST_NETNS, name: "br0" },
      { op: "link.delete", netns: HOST_NETNS, name: "ndv1" },
    ]);
  });

  test("a foreign link stays and loses our addresses only", () => {
    expect(removeOps(foreign)).toEqual([
      {
        op: "address.delete",
        netns: HOST_NETNS,
        address: { link: "enp1s0", address: "10.7.0.1/24" },
      },
    ]);
  });
});

describe("names and routes", () => {
  test("a veth has a name at both ends", () => {
    const link = endpoint.links[0]?.link;
    expect(link === undefined ? [] : linkNames(link, HOST_NETNS)).toEqual([
      { netns: HOST_NETNS, name: "ndv1" },
      { netns: "s", name: "eth0" },
    ]);
  });

  test("addressesOf() counts those on links and those beside", () => {
    expect(addressesOf(mergeBlueprints([bridge, endpoint])).map((a) => a.address.link)).toEqual([
      "br0",
      "br0",
      "eth0",
    ]);
  });

  test.each([
    [DEFAULT_ROUTE_4, true],
    [DEFAULT_ROUTE_6, true],
    [parseCidr("0.0.0.0/1"), false],
    [parseCidr("10.0.0.0/8"), false],
  ])("isDefaultRoute(%s) is %s", (destination, expected) => {
    expect(isDefaultRoute(destination)).toBe(expected);
  });
});
