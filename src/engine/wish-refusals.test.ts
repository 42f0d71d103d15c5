import { describe } from "vitest";
import { testRefusals, type RefusalRow as Row } from "../testkit/refusals.ts";
import type { Engine } from "./contract.ts";

const sandbox =
  (request: Parameters<Engine["createSandbox"]>[0]): Row[1] =>
  (engine) =>
    engine.createSandbox(request);
const on = (wish: Record<string, unknown>): Row[1] => sandbox({ networks: [{ network: "plan", ...wish }] });

const WISHES: readonly Row[] = [
  [
    "an unknown network",
    sandbox({ networks: [{ network: "plan" }, { network: "nowhere" }] }),
    {
      code: "not_found",
      field: "networks[1].network",
      value: "nowhere",
      message: "networks[1].network: network nowhere not found",
      remedy: "give the name",
    },
  ],
  [
    "host among others",
    sandbox({ networks: [{ network: "plan" }, { network: "host" }] }),
    {
      code: "invalid",
      field: "networks[1]",
      value: "host",
      message: "cannot be combined with other networks",
      remedy: "leave out the others",
    },
  ],
  [
    "none among others",
    sandbox({ networks: [{ network: "none" }, { network: "plan" }] }),
    { code: "invalid", field: "networks[0]", value: "none", message: "cannot be combined" },
  ],
  [
    "a network twice",
    sandbox({ networks: [{ network: "plan" }, { network: "plan" }] }),
    {
      code: "conflict",
      field: "networks[1].network",
      value: "plan",
      message: "already exists in network plan",
      remedy: "a sandbox joins a network once",
    },
  ],
  [
    "an address on none",
    sandbox({ networks: [{ network: "none", ipv4: "10.0.0.2" }] }),
    {
      code: "invalid",
      field: "networks[0].ipv4",
      message: 'networks[0].ipv4: "10.0.0.2" is not valid: the none network has no addresses of its own',
    },
  ],
  [
    "an alias on the default network",
    sandbox({ networks: [{ network: "bridge", aliases: ["db"] }] }),
    {
      code: "invalid",
      field: "networks[0].aliases[0]",
      value: '"db"',
      message: "the predefined network bridge has no names",
    },
  ],
  [
    "an alias that is none",
    on({ aliases: ["ok", "no good"] }),
    { code: "invalid", field: "networks[0].aliases[1]", message: "write letters, digits" },
  ],
  [
    "an address that is none",
    on({ ipv4: "10.5.0" }),
    {
      code: "invalid",
      field: "networks[0].ipv4",
      value: '"10.5.0"',
      message: 'networks[0].ipv4: "10.5.0" is not an IP address',
    },
  ],
  [
    "an address out of range",
    on({ ipv4: "10.6.0.2" }),
    {
      code: "invalid",
      field: "networks[0].ipv4",
      value: "10.6.0.2",
      message: "give an address in 10.5.0.0/24",
    },
  ],
  [
    "an address of the other family",
    on({ ipv6: "fd00::2" }),
    { code: "invalid", field: "networks[0].ipv6", message: "the network has no IPv6 subnet; leave it out" },
  ],
  [
    "the network's own address",
    on({ ipv4: "10.5.0.0" }),
    { code: "invalid", field: "networks[0].ipv4", message: "it is the network address" },
  ],
  [
    "the gateway's address",
    on({ ipv4: "10.5.0.1" }),
    {
      code: "conflict",
      field: "networks[0].ipv4",
      value: "10.5.0.1",
      message: "10.5.0.1 is taken: gateway:",
    },
  ],
  [
    "a taken address",
    on({ ipv4: "10.5.0.9" }),
    { code: "conflict", field: "networks[0].ipv4", value: "10.5.0.9", message: "is taken: " },
  ],
  [
    "a MAC that is none",
    on({ mac: "02:00" }),
    { code: "invalid", field: "networks[0].mac", value: '"02:00"', message: "is not a usable MAC address" },
  ],
  [
    "a priority that is none",
    on({ gwPriority: 1.5 }),
    {
      code: "invalid",
      field: "networks[0].gwPriority",
      value: "1.5",
      message: "write a whole number of 32 bits",
    },
  ],
  [
    "a link name that is too long",
    on({ interfaceName: "sixteen-letters-" }),
    { code: "invalid", field: "networks[0].interfaceName", message: "write 1 to 15 letters" },
  ],
  [
    "the name of loopback",
    on({ interfaceName: "lo" }),
    {
      code: "conflict",
      field: "networks[0].interfaceName",
      value: "lo",
      message: "the sandbox has a link named lo already",
    },
  ],
  [
    "a link name twice",
    sandbox({
      networks: [
        { network: "front", interfaceName: "lan" },
        { network: "plan", interfaceName: "lan" },
      ],
    }),
    {
      code: "conflict",
      field: "networks[1].interfaceName",
      value: "lan",
      message: "has a link named lan already",
      remedy: "choose another name",
    },
  ],
  [
    "an unknown endpoint option",
    on({ options: { x: "y" } }),
    { code: "invalid", field: "networks[0].options.x", message: "x is not an option of the bridge driver" },
  ],
];

describe("wishes to join", () => {
  testRefusals(WISHES);
});
