import { describe } from "vitest";
import { testRefusals, type RefusalRow as Row } from "../testkit/refusals.ts";
import type { Engine } from "./contract.ts";

const network =
  (request: Omit<Parameters<Engine["createNetwork"]>[0], "name"> & { readonly name?: string }) =>
  (engine: Engine): Promise<unknown> =>
    engine.createNetwork({ name: "x", ...request });
const pool = (config: Record<string, unknown>, more: object = {}): Row[1] =>
  network({ ipam: { config: [config] }, ...more });

const NETWORKS: readonly Row[] = [
  [
    "a name with a space",
    network({ name: "a b" }),
    {
      code: "invalid",
      field: "name",
      value: '"a b"',
      message: "name: ",
      remedy: "write 1 to 128 characters",
    },
  ],
  [
    "an empty name",
    network({ name: "" }),
    { code: "invalid", field: "name", message: 'name: "" is not valid' },
  ],
  [
    "a name of 129",
    network({ name: "a".repeat(129) }),
    { code: "invalid", field: "name", message: "is not valid" },
  ],
  [
    "a taken name",
    network({ name: "front" }),
    {
      code: "conflict",
      field: "name",
      value: "front",
      message: "network with name front already exists",
      remedy: "choose another name",
    },
  ],
  ...["bridge", "host", "none", "default"].map((name): Row => [
    `the name ${name}`,
    network({ name }),
    {
      code: "forbidden",
      field: "name",
      value: name,
      message: `operation is not permitted on predefined ${name} network`,
      remedy: "choose another name",
    },
  ]),
  [
    "an unknown driver",
    network({ driver: "weave" }),
    { code: "invalid", field: "driver", value: '"weave"', message: "there are bridge, host, none" },
  ],
  [
    "a second host network",
    network({ driver: "host" }),
    {
      code: "forbidden",
      field: "driver",
      value: "host",
      message: 'only one instance of "host" network is allowed',
      remedy: "use the predefined network host",
    },
  ],
  [
    "an unknown IPAM driver",
    network({ ipam: { driver: "infoblox" } }),
    { code: "invalid", field: "ipam.driver", value: '"infoblox"', message: "there are default, null" },
  ],
  [
    "an unknown option",
    network({ options: { mtu: "1400" } }),
    { code: "invalid", field: "options.mtu", value: '"1400"', message: "use com.docker.network.driver.mtu" },
  ],
  [
    "a bad option",
    network({ options: { "com.docker.network.driver.mtu": "big" } }),
    {
      code: "invalid",
      field: "options.com.docker.network.driver.mtu",
      value: '"big"',
      message: "from 68 to 65535",
    },
  ],
  [
    "a bridge name that is too long",
    network({ options: { "com.docker.network.bridge.name": "a-bridge-too-far" } }),
    { code: "invalid", field: "options.com.docker.network.bridge.name", message: "write 1 to 15 letters" },
  ],
  [
    "a taken bridge name",
    network({ options: { "com.docker.network.bridge.name": "netdock0" } }),
    {
      code: "conflict",
      field: "options.com.docker.network.bridge.name",
      value: "netdock0",
      message: "network bridge has the same bridge name netdock0",
      remedy: "choose another bridge name",
    },
  ],
  [
    "no family",
    network({ enableIPv4: false }),
    { code: "invalid", field: "enableIPv4", message: "IPv4 or IPv6 must be enabled" },
  ],
  [
    "an IPAM option",
    network({ ipam: { options: { foo: "1" } } }),
    { code: "invalid", field: "ipam.options.foo", message: "the default IPAM driver has no options" },
  ],
  [
    "a subnet that is none",
    pool({ subnet: "10.0.0" }),
    { code: "invalid", field: "ipam.config[0].subnet", value: '"10.0.0"', message: "is not in CIDR form" },
  ],
  [
    "host bits",
    pool({ subnet: "10.9.0.1/24" }),
    { code: "invalid", field: "ipam.config[0].subnet", message: "it should be 10.9.0.0/24" },
  ],
  [
    "an overlapping subnet",
    pool({ subnet: "10.5.0.0/16" }),
    {
      code: "conflict",
      field: "ipam.config[0].subnet",
      value: "10.5.0.0/16",
      message: "overlaps 10.5.0.0/24 of network",
    },
  ],
  [
    "two subnets that overlap",
    network({ ipam: { config: [{ subnet: "10.8.0.0/16" }, { subnet: "10.8.1.0/24" }] } }),
    { code: "invalid", field: "ipam.config[1].subnet", message: "it overlaps 10.8.0.0/16 in ipam.config[0]" },
  ],
  [
    "a subnet of a family that is off",
    pool({ subnet: "fd00::/64" }),
    { code: "invalid", field: "ipam.config[0].subnet", message: "IPv6 is not enabled" },
  ],
  [
    "loopback",
    pool({ subnet: "127.0.0.0/8" }),
    { code: "invalid", field: "ipam.config[0].subnet", message: "not loopback" },
  ],
  [
    "a range outside",
    pool({ subnet: "10.9.0.0/24", ipRange: "10.8.0.0/25" }),
    { code: "invalid", field: "ipam.config[0].ipRange", message: "it is outside the subnet 10.9.0.0/24" },
  ],
  [
    "a gateway outside",
    pool({ subnet: "10.9.0.0/24", gateway: "10.8.0.1" }),
    { code: "invalid", field: "ipam.config[0].gateway", message: "it is outside the subnet 10.9.0.0/24" },
  ],
  [
    "a gateway that is the broadcast address",
    pool({ subnet: "10.9.0.0/24", gateway: "10.9.0.255" }),
    { code: "invalid", field: "ipam.config[0].gateway", message: "it is the broadcast address" },
  ],
  [
    "an auxiliary address outside",
    pool({ subnet: "10.9.0.0/24", auxAddresses: { router: "10.8.0.1" } }),
    { code: "invalid", field: "ipam.config[0].auxAddresses.router", message: "it is outside the subnet" },
  ],
  [
    "an MTU too small for IPv6",
    network({ enableIPv6: true, options: { "com.docker.network.driver.mtu": "1000" } }),
    { code: "invalid", field: "options.com.docker.network.driver.mtu", message: "1280" },
  ],
  [
    "to remove a predefined network",
    (e) => e.removeNetwork("bridge"),
    { code: "forbidden", field: "network", message: "bridge is a pre-defined network and cannot be removed" },
  ],
  [
    "to remove a network in use",
    (e) => e.removeNetwork("plan"),
    {
      code: "in_use",
      field: "network",
      value: "plan",
      message: 'network plan has active endpoints (name:"holder" id:"',
      remedy: "disconnect or remove these sandboxes first",
    },
  ],
  [
    "to remove what is not there",
    (e) => e.removeNetwork("nowhere"),
    {
      code: "not_found",
      field: "network",
      value: "nowhere",
      message: "network nowhere not found",
      remedy: "give the name",
    },
  ],
];

describe("networks", () => {
  testRefusals(NETWORKS);
});
