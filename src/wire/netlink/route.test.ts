import { describe, expect, it } from "vitest";
import { hex, words } from "../../testkit/hex.ts";
import { encodeMessage, type Request } from "./message.ts";
import { AF_INET, AF_INET6, type Ip, parseIp } from "../../base/ip.ts";
import { RT_SCOPE, RT_TABLE, RTM_F, RTN, RTPROT } from "./route-numbers.ts";
import { addRoute, deleteRoute, dumpRoutes, getRoute, replaceRoute } from "./route.ts";

const ip = (text: string): Ip => parseIp(text);
const unicast = { table: RT_TABLE.MAIN, protocol: RTPROT.BOOT, type: RTN.UNICAST, scope: RT_SCOPE.UNIVERSE };
const to = { family: AF_INET, destinationLength: 16, destination: ip("10.9.0.0") };

/** What iproute2 6.1 sends for each command, its sequence number set to 0. Links: br0 is 10, v0 20, v1 21, vx0 40. */
const GOLDEN: readonly { command: string; request: Request; bytes: string }[] = [
  {
    command: "ip route add default via 10.1.0.2",
    request: addRoute({ ...unicast, family: AF_INET, gateway: ip("10.1.0.2") }),
    bytes: `
      24000000 18000506 00000000 00000000 02000000 fe030001 00000000 08000500
      0a010002
    `,
  },
  {
    command: "ip route add default via 10.1.0.2 dev br0 metric 100",
    request: addRoute({ ...unicast, family: AF_INET, gateway: ip("10.1.0.2"), priority: 100, oif: 10 }),
    bytes: `
      34000000 18000506 00000000 00000000 02000000 fe030001 00000000 08000500
      0a010002 08000600 64000000 08000400 0a000000
    `,
  },
  // iproute2 spells the default out for IPv6.
  {
    command: "ip -6 route add default via fd00::2 dev br0",
    request: addRoute({
      ...unicast,
      family: AF_INET6,
      destination: ip("::"),
      gateway: ip("fd00::2"),
      oif: 10,
    }),
    bytes: `
      4c000000 18000506 00000000 00000000 0a000000 fe030001 00000000 14000100
      00000000 00000000 00000000 00000000 14000500 fd000000 00000000 00000000
      00000002 08000400 0a000000
    `,
  },
  {
    command: "ip route add 10.9.0.0/16 via 10.1.0.2 dev br0 src 10.1.0.9 mtu 1300 proto static",
    request: addRoute({
      ...unicast,
      ...to,
      protocol: RTPROT.STATIC,
      gateway: ip("10.1.0.2"),
      preferredSource: ip("10.1.0.9"),
      oif: 10,
      metrics: { mtu: 1300 },
    }),
    bytes: `
      48000000 18000506 00000000 00000000 02100000 fe040001 00000000 08000100
      0a090000 08000500 0a010002 08000700 0a010009 08000400 0a000000 0c000800
      08000200 14050000
    `,
  },
  {
    command: "ip route replace 10.9.0.0/16 dev br0 table 1000 metric 7",
    request: replaceRoute({
      ...to,
      protocol: RTPROT.BOOT,
      type: RTN.UNICAST,
      scope: RT_SCOPE.LINK,
      table: 1000,
      priority: 7,
      oif: 10,
    }),
    bytes: `
      3c000000 18000505 00000000 00000000 02100000 0003fd01 00000000 08000100
      0a090000 08000f00 e8030000 08000600 07000000 08000400 0a000000
    `,
  },
  {
    command: "ip route add blackhole 10.9.0.0/16",
    request: addRoute({ ...unicast, ...to, type: RTN.BLACKHOLE }),
    bytes: `
      24000000 18000506 00000000 00000000 02100000 fe030006 00000000 08000100
      0a090000
    `,
  },
  {
    command: "ip route add 10.9.0.0/16 via inet6 fd00::2 dev br0",
    request: addRoute({ ...unicast, ...to, via: ip("fd00::2"), oif: 10 }),
    bytes: `
      44000000 18000506 00000000 00000000 02100000 fe030001 00000000 08000100
      0a090000 16001200 0a00fd00 00000000 00000000 00000000 00020000 08000400
      0a000000
    `,
  },
  {
    command:
      "ip route add 10.9.0.0/16 nexthop via 10.1.0.2 dev br0 weight 1 nexthop via 10.1.0.3 dev br0 weight 2",
    request: addRoute({
      ...unicast,
      ...to,
      multipath: [
        { flags: 0, hops: 0, index: 10, gateway: ip("10.1.0.2") },
        { flags: 0, hops: 1, index: 10, gateway: ip("10.1.0.3") },
      ],
    }),
    bytes: `
      48000000 18000506 00000000 00000000 02100000 fe030001 00000000 08000100
      0a090000 24000900 10000000 0a000000 08000500 0a010002 10000001 0a000000
      08000500 0a010003
    `,
  },
  {
    command: "ip -6 route add fd01::/64 via fd00::2 dev br0 expires 100",
    request: addRoute({
      ...unicast,
      family: AF_INET6,
      destinationLength: 64,
      destination: ip("fd01::"),
      gateway: ip("fd00::2"),
      expiresSeconds: 100,
      oif: 10,
    }),
    bytes: `
      54000000 18000506 00000000 00000000 0a400000 fe030001 00000000 14000100
      fd010000 00000000 00000000 00000000 14000500 fd000000 00000000 00000000
      00000002 08001700 64000000 08000400 0a000000
    `,
  },
  {
    command: "ip route del 10.9.0.0/16 via 10.1.0.2",
    request: deleteRoute({ ...to, table: RT_TABLE.MAIN, scope: RT_SCOPE.NOWHERE, gateway: ip("10.1.0.2") }),
    bytes: `
      2c000000 19000500 00000000 00000000 02100000 fe00ff00 00000000 08000100
      0a090000 08000500 0a010002
    `,
  },
  {
    command: "ip route del default",
    request: deleteRoute({ family: AF_INET, table: RT_TABLE.MAIN, scope: RT_SCOPE.NOWHERE }),
    bytes: `
      1c000000 19000500 00000000 00000000 02000000 fe00ff00 00000000
    `,
  },
  {
    command: "ip route get 10.1.0.2",
    request: getRoute({
      family: AF_INET,
      flags: RTM_F.LOOKUP_TABLE,
      destinationLength: 32,
      destination: ip("10.1.0.2"),
    }),
    bytes: `
      24000000 1a000100 00000000 00000000 02200000 00000000 00100000 08000100
      0a010002
    `,
  },
  {
    command: "ip route show",
    request: dumpRoutes({ family: AF_INET, table: RT_TABLE.MAIN }),
    bytes: `
      24000000 1a000103 00000000 00000000 02000000 00000000 00000000 08000f00
      fe000000
    `,
  },
  {
    command: "ip -6 route show table 1000",
    request: dumpRoutes({ family: AF_INET6, table: 1000 }),
    bytes: `
      24000000 1a000103 00000000 00000000 0a000000 00000000 00000000 08000f00
      e8030000
    `,
  },
];

describe("route requests", () => {
  it.each(GOLDEN)("$command", ({ request, bytes }) => {
    const sent = encodeMessage({ ...request, seq: 0, pid: 0 });
    expect(words(sent)).toEqual(words(hex(bytes)));
  });
});
