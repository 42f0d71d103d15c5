import { describe, expect, it } from "vitest";
import { hex, words } from "../../testkit/hex.ts";
import { encodeMessage, type Request } from "./message.ts";
import { AF_INET, AF_INET6, type Ip, parseIp } from "../../base/ip.ts";
import { addAddress, deleteAddress, dumpAddresses, replaceAddress } from "./address.ts";
import { IFA_F, RT_SCOPE } from "./route-numbers.ts";

const ip = (text: string): Ip => parseIp(text);

/** What iproute2 6.1 sends for each command, its sequence number set to 0. Links: br0 is 10, v0 20, v1 21, vx0 40. */
const GOLDEN: readonly { command: string; request: Request; bytes: string }[] = [
  {
    command: "ip addr add 10.1.0.1/24 broadcast 10.1.0.255 dev br0",
    request: addAddress({
      family: AF_INET,
      prefixLength: 24,
      index: 10,
      local: ip("10.1.0.1"),
      broadcast: ip("10.1.0.255"),
      address: ip("10.1.0.1"),
    }),
    bytes: `
      30000000 14000506 00000000 00000000 02180000 0a000000 08000200 0a010001
      08000400 0a0100ff 08000100 0a010001
    `,
  },
  {
    command: "ip addr add 10.1.0.1/24 brd + dev br0 label br0:x",
    request: addAddress({
      family: AF_INET,
      prefixLength: 24,
      index: 10,
      local: ip("10.1.0.1"),
      label: "br0:x",
      address: ip("10.1.0.1"),
      broadcast: ip("10.1.0.255"),
    }),
    bytes: `
      3c000000 14000506 00000000 00000000 02180000 0a000000 08000200 0a010001
      0a000300 6272303a 78000000 08000100 0a010001 08000400 0a0100ff
    `,
  },
  {
    command: "ip addr add fd00::1/64 dev br0 nodad",
    request: addAddress({
      family: AF_INET6,
      prefixLength: 64,
      index: 10,
      flags: IFA_F.NODAD,
      local: ip("fd00::1"),
      address: ip("fd00::1"),
    }),
    bytes: `
      40000000 14000506 00000000 00000000 0a400200 0a000000 14000200 fd000000
      00000000 00000000 00000001 14000100 fd000000 00000000 00000000 00000001
    `,
  },
  {
    command: "ip addr add fd00::1/64 dev br0 noprefixroute nodad",
    request: addAddress({
      family: AF_INET6,
      prefixLength: 64,
      index: 10,
      local: ip("fd00::1"),
      flags: IFA_F.NODAD | IFA_F.NOPREFIXROUTE,
      address: ip("fd00::1"),
    }),
    bytes: `
      48000000 14000506 00000000 00000000 0a400000 0a000000 14000200 fd000000
      00000000 00000000 00000001 08000800 02020000 14000100 fd000000 00000000
      00000000 00000001
    `,
  },
  {
    command: "ip addr add fd00::1/64 dev br0 valid_lft 100 preferred_lft 50",
    request: addAddress({
      family: AF_INET6,
      prefixLength: 64,
      index: 10,
      local: ip("fd00::1"),
      address: ip("fd00::1"),
      cacheInfo: { preferred: 50, valid: 100, created: 0, updated: 0 },
    }),
    bytes: `
      54000000 14000506 00000000 00000000 0a400000 0a000000 14000200 fd000000
      00000000 00000000 00000001 14000100 fd000000 00000000 00000000 00000001
      14000600 32000000 64000000 00000000 00000000
    `,
  },
  {
    command: "ip addr replace 10.1.0.9/24 dev br0",
    request: replaceAddress({
      family: AF_INET,
      prefixLength: 24,
      index: 10,
      local: ip("10.1.0.9"),
      address: ip("10.1.0.9"),
    }),
    bytes: `
      28000000 14000505 00000000 00000000 02180000 0a000000 08000200 0a010009
      08000100 0a010009
    `,
  },
  {
    command: "ip addr add 10.2.0.1 peer 10.2.0.2/32 dev v1 scope link",
    request: addAddress({
      family: AF_INET,
      prefixLength: 32,
      scope: RT_SCOPE.LINK,
      index: 21,
      local: ip("10.2.0.1"),
      address: ip("10.2.0.2"),
    }),
    bytes: `
      28000000 14000506 00000000 00000000 022000fd 15000000 08000200 0a020001
      08000100 0a020002
    `,
  },
  {
    command: "ip addr del 10.1.0.9/24 dev br0",
    request: deleteAddress({
      family: AF_INET,
      prefixLength: 24,
      index: 10,
      local: ip("10.1.0.9"),
      address: ip("10.1.0.9"),
    }),
    bytes: `
      28000000 15000500 00000000 00000000 02180000 0a000000 08000200 0a010009
      08000100 0a010009
    `,
  },
  {
    command: "ip addr show",
    request: dumpAddresses({ family: 0 }),
    bytes: `
      18000000 16000103 00000000 00000000 00000000 00000000
    `,
  },
  {
    command: "ip addr show dev br0",
    request: dumpAddresses({ family: 0, index: 10 }),
    bytes: `
      18000000 16000103 00000000 00000000 00000000 0a000000
    `,
  },
];

describe("address requests", () => {
  it.each(GOLDEN)("$command", ({ request, bytes }) => {
    const sent = encodeMessage({ ...request, seq: 0, pid: 0 });
    expect(words(sent)).toEqual(words(hex(bytes)));
  });
});
