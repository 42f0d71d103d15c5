import { describe, expect, it } from "vitest";
import { hex, words } from "../../testkit/hex.ts";
import { encodeMessage, type Request } from "./message.ts";
import { type Ip, parseIp } from "../../base/ip.ts";
import type { Mac } from "../../base/mac.ts";
import { IPVLAN_F, IPVLAN_MODE, MACVLAN_FLAG, MACVLAN_MODE } from "./link-kind-numbers.ts";
import { IN6_ADDR_GEN_MODE, RTEXT_FILTER } from "./link-numbers.ts";
import {
  addLink,
  deleteLink,
  deleteLinkGroup,
  dumpBridgePorts,
  setBridgePort,
  setLink,
  dumpLinks,
  getLink,
  upFlag,
} from "./link.ts";

const ip = (text: string): Ip => parseIp(text);
const mac = (text: string): Mac => text as Mac;

/** What iproute2 6.1 sends for each command, its sequence number set to 0. Links: br0 is 10, v0 20, v1 21, vx0 40. */
const GOLDEN: readonly { command: string; request: Request; bytes: string }[] = [
  {
    command: "ip link add br1 type bridge",
    request: addLink({ name: "br1", linkInfo: { info: { kind: "bridge" } } }),
    bytes: `
      38000000 10000506 00000000 00000000 00000000 00000000 00000000 00000000
      08000300 62723100 10001200 0a000100 62726964 67650000
    `,
  },
  {
    command:
      "ip link add name br1 up type bridge stp_state 0 ageing_time 15000 mcast_snooping 0 nf_call_iptables 0 nf_call_ip6tables 1 vlan_filtering 1",
    request: addLink({
      ...upFlag(true),
      name: "br1",
      linkInfo: {
        info: {
          kind: "bridge",
          data: {
            stpState: 0,
            ageingTime: 15_000,
            mcastSnooping: false,
            nfCallIptables: false,
            nfCallIp6tables: true,
            vlanFiltering: true,
          },
        },
      },
    }),
    bytes: `
      6c000000 10000506 00000000 00000000 00000000 00000000 01000000 01000000
      08000300 62723100 44001200 0a000100 62726964 67650000 34000200 08000500
      00000000 08000400 983a0000 05001700 00000000 05002400 00000000 05002500
      01000000 05000700 01000000
    `,
  },
  {
    command:
      "ip link add name ve0 index 30 mtu 1400 master br0 address 02:42:0a:00:00:02 type veth peer name eth0 index 31 mtu 1400 address 02:42:0a:00:00:03 netns 1",
    request: addLink({
      index: 30,
      mtu: 1400,
      master: 10,
      address: mac("02:42:0a:00:00:02"),
      name: "ve0",
      linkInfo: {
        info: {
          kind: "veth",
          data: {
            peer: { index: 31, mtu: 1400, address: mac("02:42:0a:00:00:03"), netnsPid: 1, name: "eth0" },
          },
        },
      },
    }),
    bytes: `
      90000000 10000506 00000000 00000000 00000000 1e000000 00000000 00000000
      08000400 78050000 08000a00 0a000000 0a000100 02420a00 00020000 08000300
      76653000 4c001200 08000100 76657468 40000200 3c000100 00000000 1f000000
      00000000 00000000 08000400 78050000 0a000100 02420a00 00030000 08001300
      01000000 09000300 65746830 00000000
    `,
  },
  {
    command: "ip link add link v1 name mv0 type macvlan mode bridge",
    request: addLink({
      link: 21,
      name: "mv0",
      linkInfo: { info: { kind: "macvlan", data: { mode: MACVLAN_MODE.BRIDGE } } },
    }),
    bytes: `
      4c000000 10000506 00000000 00000000 00000000 00000000 00000000 00000000
      08000500 15000000 08000300 6d763000 1c001200 0b000100 6d616376 6c616e00
      0c000200 08000100 04000000
    `,
  },
  {
    command: "ip link add link v1 name mv0 type macvlan mode passthru nopromisc",
    request: addLink({
      link: 21,
      name: "mv0",
      linkInfo: {
        info: { kind: "macvlan", data: { mode: MACVLAN_MODE.PASSTHRU, flags: MACVLAN_FLAG.NOPROMISC } },
      },
    }),
    bytes: `
      54000000 10000506 00000000 00000000 00000000 00000000 00000000 00000000
      08000500 15000000 08000300 6d763000 24001200 0b000100 6d616376 6c616e00
      14000200 08000100 08000000 06000200 01000000
    `,
  },
  {
    command: "ip link add link v1 name iv0 type ipvlan mode l2 bridge",
    request: addLink({
      link: 21,
      name: "iv0",
      linkInfo: { info: { kind: "ipvlan", data: { mode: IPVLAN_MODE.L2, flags: 0 } } },
    }),
    bytes: `
      54000000 10000506 00000000 00000000 00000000 00000000 00000000 00000000
      08000500 15000000 08000300 69763000 24001200 0a000100 6970766c 616e0000
      14000200 06000100 00000000 06000200 00000000
    `,
  },
  {
    command: "ip link add link v1 name iv0 type ipvlan mode l3s private",
    request: addLink({
      link: 21,
      name: "iv0",
      linkInfo: { info: { kind: "ipvlan", data: { mode: IPVLAN_MODE.L3S, flags: IPVLAN_F.PRIVATE } } },
    }),
    bytes: `
      54000000 10000506 00000000 00000000 00000000 00000000 00000000 00000000
      08000500 15000000 08000300 69763000 24001200 0a000100 6970766c 616e0000
      14000200 06000100 02000000 06000200 01000000
    `,
  },
  {
    command:
      "ip link add name vx1 type vxlan id 4711 local 192.0.2.1 dstport 4789 nolearning proxy l2miss l3miss",
    request: addLink({
      name: "vx1",
      linkInfo: {
        info: {
          kind: "vxlan",
          data: {
            proxy: true,
            l2miss: true,
            l3miss: true,
            id: 4711,
            local: ip("192.0.2.1"),
            learning: false,
            port: 4789,
          },
        },
      },
    }),
    bytes: `
      74000000 10000506 00000000 00000000 00000000 00000000 00000000 00000000
      08000300 76783100 4c001200 09000100 76786c61 6e000000 3c000200 05000b00
      01000000 05000d00 01000000 05000e00 01000000 08000100 67120000 08000400
      c0000201 05000700 00000000 06000f00 12b50000
    `,
  },
  // iproute2 reads `tos 16` as hexadecimal.
  {
    command:
      "ip link add name vx1 type vxlan id 4711 group 239.1.1.1 dev v1 dstport 8472 ttl 5 tos 16 ageing 60 maxaddress 100 srcport 40000 50000",
    request: addLink({
      name: "vx1",
      linkInfo: {
        info: {
          kind: "vxlan",
          data: {
            link: 21,
            ttl: 5,
            tos: 0x16,
            ageingSeconds: 60,
            limit: 100,
            portRange: { low: 40_000, high: 50_000 },
            id: 4711,
            group: ip("239.1.1.1"),
            learning: true,
            port: 8472,
          },
        },
      },
    }),
    bytes: `
      8c000000 10000506 00000000 00000000 00000000 00000000 00000000 00000000
      08000300 76783100 64001200 09000100 76786c61 6e000000 54000200 08000300
      15000000 05000500 05000000 05000600 16000000 08000800 3c000000 08000900
      64000000 08000a00 9c40c350 08000100 67120000 08000200 ef010101 05000700
      01000000 06000f00 21180000
    `,
  },
  {
    command:
      "ip link add name vx1 type vxlan id 4711 remote 2001:db8::2 local 2001:db8::1 dstport 4789 udp6zerocsumtx udp6zerocsumrx noudpcsum",
    request: addLink({
      name: "vx1",
      linkInfo: {
        info: {
          kind: "vxlan",
          data: {
            udpZeroCsum6Tx: true,
            udpZeroCsum6Rx: true,
            udpCsum: false,
            id: 4711,
            local6: ip("2001:db8::1"),
            group6: ip("2001:db8::2"),
            learning: true,
            port: 4789,
          },
        },
      },
    }),
    bytes: `
      94000000 10000506 00000000 00000000 00000000 00000000 00000000 00000000
      08000300 76783100 6c001200 09000100 76786c61 6e000000 5c000200 05001300
      01000000 05001400 01000000 05001200 00000000 08000100 67120000 14001100
      20010db8 00000000 00000000 00000001 14001000 20010db8 00000000 00000000
      00000002 05000700 01000000 06000f00 12b50000
    `,
  },
  {
    command: "ip link add link v1 name vl5 type vlan id 5",
    request: addLink({ link: 21, name: "vl5", linkInfo: { info: { kind: "vlan", data: { id: 5 } } } }),
    bytes: `
      48000000 10000506 00000000 00000000 00000000 00000000 00000000 00000000
      08000500 15000000 08000300 766c3500 18001200 08000100 766c616e 0c000200
      06000100 05000000
    `,
  },
  {
    command: "ip link add dum0 type dummy",
    request: addLink({ name: "dum0", linkInfo: { info: { kind: "dummy" } } }),
    bytes: `
      3c000000 10000506 00000000 00000000 00000000 00000000 00000000 00000000
      09000300 64756d30 00000000 10001200 09000100 64756d6d 79000000
    `,
  },
  {
    command: "ip link set dev v1 up",
    request: setLink({ index: 21, ...upFlag(true) }),
    bytes: `
      20000000 10000500 00000000 00000000 00000000 15000000 01000000 01000000
    `,
  },
  {
    command: "ip link set dev v1 down",
    request: setLink({ index: 21, ...upFlag(false) }),
    bytes: `
      20000000 10000500 00000000 00000000 00000000 15000000 00000000 01000000
    `,
  },
  {
    command: "ip link set dev v1 mtu 1280",
    request: setLink({ index: 21, mtu: 1280 }),
    bytes: `
      28000000 10000500 00000000 00000000 00000000 15000000 00000000 00000000
      08000400 00050000
    `,
  },
  {
    command: "ip link set dev v1 address 02:00:00:00:00:01",
    request: setLink({ index: 21, address: mac("02:00:00:00:00:01") }),
    bytes: `
      2c000000 10000500 00000000 00000000 00000000 15000000 00000000 00000000
      0a000100 02000000 00010000
    `,
  },
  {
    command: "ip link set dev v1 name eth0",
    request: setLink({ index: 21, name: "eth0" }),
    bytes: `
      2c000000 10000500 00000000 00000000 00000000 15000000 00000000 00000000
      09000300 65746830 00000000
    `,
  },
  {
    command: "ip link set dev v1 alias netdock:x",
    request: setLink({ index: 21, alias: "netdock:x" }),
    bytes: `
      30000000 10000500 00000000 00000000 00000000 15000000 00000000 00000000
      0d001400 6e657464 6f636b3a 78000000
    `,
  },
  {
    command: "ip link set dev v1 master br0",
    request: setLink({ index: 21, master: 10 }),
    bytes: `
      28000000 10000500 00000000 00000000 00000000 15000000 00000000 00000000
      08000a00 0a000000
    `,
  },
  {
    command: "ip link set dev v0 nomaster",
    request: setLink({ index: 20, master: 0 }),
    bytes: `
      28000000 10000500 00000000 00000000 00000000 14000000 00000000 00000000
      08000a00 00000000
    `,
  },
  {
    command: "ip link set dev v1 group 77",
    request: setLink({ index: 21, group: 77 }),
    bytes: `
      28000000 10000500 00000000 00000000 00000000 15000000 00000000 00000000
      08001b00 4d000000
    `,
  },
  {
    command: "ip link set dev v1 txqueuelen 500",
    request: setLink({ index: 21, txQueueLength: 500 }),
    bytes: `
      28000000 10000500 00000000 00000000 00000000 15000000 00000000 00000000
      08000d00 f4010000
    `,
  },
  {
    command: "ip link set dev v1 netns 1",
    request: setLink({ index: 21, netnsPid: 1 }),
    bytes: `
      28000000 10000500 00000000 00000000 00000000 15000000 00000000 00000000
      08001300 01000000
    `,
  },
  {
    command: "ip link set dev v1 addrgenmode none",
    request: setLink({ index: 21, afSpec: { inet6: { addrGenMode: IN6_ADDR_GEN_MODE.NONE } } }),
    bytes: `
      30000000 10000500 00000000 00000000 00000000 15000000 00000000 00000000
      10001a00 0c000a00 05000800 01000000
    `,
  },
  {
    command: "ip link set dev br0 type bridge mcast_snooping 0",
    request: setLink({ index: 10, linkInfo: { info: { kind: "bridge", data: { mcastSnooping: false } } } }),
    bytes: `
      3c000000 10000500 00000000 00000000 00000000 0a000000 00000000 00000000
      1c001200 0a000100 62726964 67650000 0c000200 05001700 00000000
    `,
  },
  {
    command: "ip link del dev v0",
    request: deleteLink({ index: 20 }),
    bytes: `
      20000000 11000500 00000000 00000000 00000000 14000000 00000000 00000000
    `,
  },
  {
    command: "ip link del group 77",
    request: deleteLinkGroup(77),
    bytes: `
      28000000 11000500 00000000 00000000 00000000 00000000 00000000 00000000
      08001b00 4d000000
    `,
  },
  {
    command: "bridge link set dev v0 hairpin on learning off isolated on neigh_suppress on mcast_flood off",
    request: setBridgePort(20, {
      hairpin: true,
      mcastFlood: false,
      learning: false,
      neighSuppress: true,
      isolated: true,
    }),
    bytes: `
      4c000000 13000500 00000000 00000000 07000000 14000000 00000000 00000000
      2c000c80 05000400 01000000 05001b00 00000000 05000800 00000000 05002000
      01000000 05002100 01000000
    `,
  },
  {
    command: "bridge link show",
    request: dumpBridgePorts(),
    bytes: `
      20000000 12000103 00000000 00000000 07000000 00000000 00000000 00000000
    `,
  },
];

describe("link requests", () => {
  it.each(GOLDEN)("$command", ({ request, bytes }) => {
    const sent = encodeMessage({ ...request, seq: 0, pid: 0 });
    expect(words(sent)).toEqual(words(hex(bytes)));
  });
});

describe("dumpLinks(), getLink()", () => {
  const bytesOf = (request: Request): string[] => words(encodeMessage({ ...request, seq: 0, pid: 0 }));

  // As above, but iproute2 asks for family AF_PACKET (17) where we ask for AF_UNSPEC: the kernel makes no difference.
  it("ip link show", () => {
    const bytes = "28000000 12000103 00000000 00000000 00000000 00000000 00000000 00000000 08001d00 01000000";
    expect(bytesOf(dumpLinks({ extMask: RTEXT_FILTER.VF }))).toEqual(words(hex(bytes)));
  });

  it("ip link show master br0", () => {
    const bytes = `30000000 12000103 00000000 00000000 00000000 00000000 00000000 00000000
      08001d00 01000000 08000a00 0a000000`;
    expect(bytesOf(dumpLinks({ master: 10, extMask: RTEXT_FILTER.VF }))).toEqual(words(hex(bytes)));
  });

  it("ip link show type veth", () => {
    const bytes = `34000000 12000103 00000000 00000000 00000000 00000000 00000000 00000000
      08001d00 01000000 0c001200 08000100 76657468`;
    expect(bytesOf(dumpLinks({ kind: "veth", extMask: RTEXT_FILTER.VF }))).toEqual(words(hex(bytes)));
  });

  it("ip link show dev br0", () => {
    const bytes = "28000000 12000100 00000000 00000000 00000000 0a000000 00000000 00000000 08001d00 09000000";
    const extMask = RTEXT_FILTER.VF | RTEXT_FILTER.SKIP_STATS;
    expect(bytesOf(getLink({ index: 10, extMask }))).toEqual(words(hex(bytes)));
  });
});
