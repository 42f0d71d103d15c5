import { describe, expect, it } from "vitest";
import { hex, words } from "../../testkit/hex.ts";
import { encodeMessage, type Request } from "./message.ts";
import { AF_INET, AF_INET6, type Ip, parseIp } from "../../base/ip.ts";
import type { Mac } from "../../base/mac.ts";
import { AF_BRIDGE } from "./link.ts";
import {
  addNeighbour,
  appendNeighbour,
  deleteNeighbour,
  dumpFdb,
  dumpNeighbours,
  replaceNeighbour,
} from "./neighbour.ts";
import { NTF, NUD } from "./route-numbers.ts";

const ip = (text: string): Ip => parseIp(text);
const mac = (text: string): Mac => text as Mac;
const address = mac("02:42:0a:00:00:02");

/** What iproute2 6.1 sends for each command, its sequence number set to 0. Links: br0 is 10, v0 20, v1 21, vx0 40. */
const GOLDEN: readonly { command: string; request: Request; bytes: string }[] = [
  {
    command: "ip neigh add 10.1.0.2 lladdr 02:42:0a:00:00:02 dev br0 nud permanent",
    request: addNeighbour({
      family: AF_INET,
      index: 10,
      state: NUD.PERMANENT,
      destination: ip("10.1.0.2"),
      address,
    }),
    bytes: `
      30000000 1c000506 00000000 00000000 02000000 0a000000 80000000 08000100
      0a010002 0a000200 02420a00 00020000
    `,
  },
  {
    command: "ip neigh replace fd00::2 lladdr 02:42:0a:00:00:02 dev br0 nud reachable router",
    request: replaceNeighbour({
      family: AF_INET6,
      index: 10,
      state: NUD.REACHABLE,
      flags: NTF.ROUTER,
      destination: ip("fd00::2"),
      address,
    }),
    bytes: `
      3c000000 1c000505 00000000 00000000 0a000000 0a000000 02008000 14000100
      fd000000 00000000 00000000 00000002 0a000200 02420a00 00020000
    `,
  },
  {
    command: "ip neigh del 10.1.0.2 dev br0",
    request: deleteNeighbour({
      family: AF_INET,
      index: 10,
      state: NUD.PERMANENT,
      destination: ip("10.1.0.2"),
    }),
    bytes: `
      24000000 1d000500 00000000 00000000 02000000 0a000000 80000000 08000100
      0a010002
    `,
  },
  {
    command: "ip neigh show dev br0",
    request: dumpNeighbours({ family: 0, viaIndex: 10 }),
    bytes: `
      24000000 1e000103 00000000 00000000 00000000 00000000 00000000 08000800
      0a000000
    `,
  },
  {
    command: "bridge fdb add 02:42:0a:00:00:02 dev vx0 dst 192.0.2.2 self permanent",
    request: addNeighbour({
      family: AF_BRIDGE,
      index: 40,
      state: NUD.PERMANENT | NUD.NOARP,
      flags: NTF.SELF,
      address,
      destination: ip("192.0.2.2"),
    }),
    bytes: `
      30000000 1c000506 00000000 00000000 07000000 28000000 c0000200 0a000200
      02420a00 00020000 08000100 c0000202
    `,
  },
  {
    command: "bridge fdb append 00:00:00:00:00:00 dev vx0 dst 2001:db8::2 vni 12 port 4790 via v1",
    request: appendNeighbour({
      family: AF_BRIDGE,
      index: 40,
      state: NUD.PERMANENT | NUD.NOARP,
      flags: NTF.SELF,
      address: mac("00:00:00:00:00:00"),
      destination: ip("2001:db8::2"),
      port: 4790,
      vni: 12,
      viaIndex: 21,
    }),
    bytes: `
      54000000 1c00050c 00000000 00000000 07000000 28000000 c0000200 0a000200
      00000000 00000000 14000100 20010db8 00000000 00000000 00000002 06000600
      12b60000 08000700 0c000000 08000800 15000000
    `,
  },
  {
    command: "bridge fdb replace 02:42:0a:00:00:02 dev v0 master static",
    request: replaceNeighbour({
      family: AF_BRIDGE,
      index: 20,
      state: NUD.REACHABLE | NUD.NOARP,
      flags: NTF.MASTER,
      address,
    }),
    bytes: `
      28000000 1c000505 00000000 00000000 07000000 14000000 42000400 0a000200
      02420a00 00020000
    `,
  },
  {
    command: "bridge fdb del 02:42:0a:00:00:02 dev v0 master",
    request: deleteNeighbour({
      family: AF_BRIDGE,
      index: 20,
      state: NUD.PERMANENT | NUD.NOARP,
      flags: NTF.MASTER,
      address,
    }),
    bytes: `
      28000000 1d000500 00000000 00000000 07000000 14000000 c0000400 0a000200
      02420a00 00020000
    `,
  },
  {
    command: "bridge fdb show br br0",
    request: dumpFdb({ master: 10 }),
    bytes: `
      24000000 1e000103 00000000 00000000 07000000 00000000 00000000 08000900
      0a000000
    `,
  },
  {
    command: "bridge fdb show dev vx0",
    request: dumpFdb({ index: 40 }),
    bytes: `
      1c000000 1e000103 00000000 00000000 07000000 28000000 00000000
    `,
  },
];

describe("neighbour and forwarding requests", () => {
  it.each(GOLDEN)("$command", ({ request, bytes }) => {
    const sent = encodeMessage({ ...request, seq: 0, pid: 0 });
    expect(words(sent)).toEqual(words(hex(bytes)));
  });
});
