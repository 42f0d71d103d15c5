import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ip } from "../../base/ip.ts";
import type { FirewallElement } from "../../model/firewall.ts";
import { networkElements, publishElements } from "../../plan/firewall/index.ts";
import { BridgeLab, HOST, HOST6 } from "../../testkit/bridge-lab.ts";
import { Lab } from "../../testkit/lab.ts";
import { probe } from "../../testkit/packets.ts";
import { NETLINK } from "../../wire/netlink/numbers.ts";
import { NetlinkSocket } from "../netlink-socket.ts";
import { checkBatch, compileRedirect, compileTable } from "./index.ts";

const OUT = "198.51.100.2";

const A = { bridge: "nd-a", net: 1, members: ["a1", "a2"], internal: false, icc: true, masquerade: true };
const BRIDGES = [
  A,
  { bridge: "nd-b", net: 2, members: ["b1"], internal: false, icc: true, masquerade: false },
  { bridge: "nd-i", net: 3, members: ["i1", "i2"], internal: true, icc: true, masquerade: false },
  // Without ICC, frames within the bridge must meet the firewall whatever the host's own setting.
  {
    bridge: "nd-n",
    net: 4,
    members: ["n1", "n2"],
    internal: false,
    icc: false,
    masquerade: true,
    nfCall: true,
  },
] as const;

/** What is published: host address, first host port, member and its first port, number of ports. */
const PUBLISHED = [
  ["0.0.0.0", 8080, "a1", 80, 1],
  ["::", 8080, "a1", 80, 1],
  ["127.0.0.1", 8081, "a1", 80, 1],
  [HOST, 8082, "a1", 80, 1],
  [HOST, 8083, "a1", 80, 1],
  ["0.0.0.0", 8083, "a2", 80, 1],
  ["0.0.0.0", 9000, "a1", 9000, 100],
  ["0.0.0.0", 7000, "a1", 7100, 3],
  ["0.0.0.0", 8090, "b1", 80, 1],
  ["0.0.0.0", 8091, "n1", 80, 1],
] as const;

function elements(lab: BridgeLab): FirewallElement[] {
  return [
    ...BRIDGES.flatMap((b) =>
      networkElements({
        ...b,
        trusted: [],
        mode4: "nat",
        mode6: "nat",
        leave4: b.masquerade ? "masquerade" : undefined,
        leave6: b.masquerade ? "masquerade" : undefined,
      }),
    ),
    ...PUBLISHED.flatMap(([hostIp, hostPort, member, containerPort, count]) =>
      (["tcp", "udp"] as const).flatMap((protocol) => {
        const target = lab.addresses(member)[hostIp.includes(":") ? 1 : 0];
        return publishElements({ protocol, hostIp: hostIp as Ip, hostPort, containerPort, count }, target);
      }),
    ),
  ];
}

/**
 * Who asks which address and port, who really listens and on which port, and where it must see the question come from:
 * an address, `dropped`, or `refused` (reached the host itself, where nobody listens).
 */
// oxfmt-ignore
const CASES: readonly (readonly [name: string, from: string, ip: string, port: number, server: string, at: number, seen: string])[] = [
  ["members of one bridge talk", "a1", "10.1.0.3", 80, "a2", 80, "10.1.0.2"],
  ["members of one bridge talk, IPv6", "a1", "fd00:1::3", 80, "a2", 80, "fd00:1::2"],
  ["different bridges are isolated", "a1", "10.2.0.2", 80, "b1", 80, "dropped"],
  ["different bridges are isolated, IPv6", "a1", "fd00:2::2", 80, "b1", 80, "dropped"],
  ["the way out is masqueraded", "a1", OUT, 80, "out", 80, HOST],
  ["the way out is masqueraded, IPv6", "a1", "2001:db8::2", 80, "out", 80, HOST6],
  ["the way out keeps its address without masquerade", "b1", OUT, 80, "out", 80, "10.2.0.2"],
  ["an unpublished port cannot be routed to", "out", "10.1.0.2", 80, "a1", 80, "dropped"],
  ["an unpublished port cannot be routed to, IPv6", "out", "fd00:1::2", 80, "a1", 80, "dropped"],
  ["a published port from outside", "out", HOST, 8080, "a1", 80, OUT],
  ["a published port from outside, IPv6", "out", HOST6, 8080, "a1", 80, "2001:db8::2"],
  ["a port on one address from outside", "out", HOST, 8082, "a1", 80, OUT],
  ["the more specific binding wins", "out", HOST, 8083, "a1", 80, OUT],
  ["the less specific binding serves the rest", "host", "127.0.0.1", 8083, "a2", 80, "10.1.0.1"],
  ["a port on loopback is not on other addresses", "out", HOST, 8081, "a1", 80, "refused"],
  ["a port on loopback is not for members", "a1", "10.1.0.1", 8081, "a1", 80, "refused"],
  ["a range keeps the port", "out", HOST, 9050, "a1", 9050, OUT],
  ["past the range there is nothing", "out", HOST, 9100, "a1", 9100, "refused"],
  ["a shifted range", "out", HOST, 7002, "a1", 7102, OUT],
  ["from the host by loopback", "host", "127.0.0.1", 8080, "a1", 80, "10.1.0.1"],
  ["from the host, published on loopback", "host", "127.0.0.1", 8081, "a1", 80, "10.1.0.1"],
  ["from the host by loopback, a range", "host", "127.0.0.1", 9001, "a1", 9001, "10.1.0.1"],
  ["from the host by its own address", "host", HOST, 8080, "a1", 80, HOST],
  ["a port on one address is not on loopback", "host", "127.0.0.1", 8082, "a1", 80, "refused"],
  ["a member to itself", "a1", HOST, 8080, "a1", 80, "10.1.0.1"],
  ["a member to itself, IPv6", "a1", HOST6, 8080, "a1", 80, "fd00:1::1"],
  ["a member to itself by the gateway", "a1", "10.1.0.1", 8080, "a1", 80, "10.1.0.1"],
  ["a member to its neighbour's port", "a2", HOST, 8080, "a1", 80, "10.1.0.1"],
  ["a member to itself without masquerade", "b1", HOST, 8090, "b1", 80, "10.2.0.1"],
  ["another bridge's published port", "b1", HOST, 8080, "a1", 80, "10.2.0.2"],
  ["internal: members talk", "i1", "10.3.0.3", 80, "i2", 80, "10.3.0.2"],
  ["internal: no way out", "i1", OUT, 80, "out", 80, "dropped"],
  ["internal: no way to another bridge", "i1", "10.1.0.2", 80, "a1", 80, "dropped"],
  ["internal: no way in from another bridge", "a1", "10.3.0.2", 80, "i1", 80, "dropped"],
  ["internal: no way in from outside", "out", "10.3.0.2", 80, "i1", 80, "dropped"],
  ["ICC off: no talk", "n1", "10.4.0.3", 80, "n2", 80, "dropped"],
  ["ICC off: no talk, IPv6", "n1", "fd00:4::3", 80, "n2", 80, "dropped"],
  ["ICC off: a neighbour's published port", "n2", HOST, 8091, "n1", 80, "10.4.0.1"],
  ["ICC off: the way out", "n1", OUT, 80, "out", 80, HOST],
  ["traffic of others passes untouched", "out", "203.0.113.2", 80, "far", 80, OUT],
];

// br_netfilter sends frames within a bridge through the IP hooks, and changes how a packet is turned around.
describe.each([{ brNetfilter: true }, { brNetfilter: false }])("br_netfilter $brNetfilter", (options) => {
  let lab: BridgeLab;
  let socket: NetlinkSocket;

  beforeAll(() => {
    lab = new BridgeLab(BRIDGES, options);
    socket = lab.host.visit(() => new NetlinkSocket(NETLINK.NETFILTER, new Uint8Array(0x2_0000)));
    const batch = compileTable(elements(lab), { observed: undefined, firstSeq: 1 });
    checkBatch(batch, socket.sendRaw(batch.bytes), "test");
  });

  afterAll(() => {
    socket.close();
    lab[Symbol.dispose]();
  });

  test.each(CASES)("%s: %s to %s port %i", (_, from, ip, port, server, listening, seen) => {
    const at = { ip: lab.addresses(server)[ip.includes(":") ? 1 : 0], port: listening };
    const timeoutMs = seen === "dropped" || seen === "refused" ? 120 : 1000;
    const ask = (protocol: "tcp" | "udp"): string =>
      lab.ask({ protocol, from, server, at, to: { ip: ip as Ip, port }, timeoutMs });
    // The probe of a datagram waits at the server, where a refusal cannot be told from a drop.
    expect([ask("tcp"), ask("udp")]).toEqual([seen, seen === "refused" ? "dropped" : seen]);
  });

  const loopback = { ip: "127.0.0.1" as Ip, port: 22 };
  const spoof = (from: string, port: number, server: string, at: { ip: Ip; port: number }): string =>
    lab.ask({ protocol: "tcp", from, server, at, to: { ip: "127.0.0.1" as Ip, port }, timeoutMs: 120 });

  test("a member cannot reach the host's loopback, nor what is published on it", () => {
    lab.addMember("spoof", A, 9);
    lab.makeSpoof("spoof", "10.1.0.1");
    const published = { ip: lab.addresses("a1")[0], port: 80 };
    expect(spoof("spoof", 22, "host", loopback)).toBe("dropped");
    expect(spoof("spoof", 8081, "a1", published)).toBe("dropped");
    expect(spoof("spoof", 8080, "a1", published)).toBe("dropped");
    // It is the table that stops it: route_localnet, which publishing on loopback needs, lets it through.
    lab.host.sh("nft add table inet netdock '{ flags dormant; }'");
    expect(spoof("spoof", 22, "host", loopback)).toBe("10.1.0.9");
    lab.host.sh("nft add table inet netdock");
  });

  test("from outside there is no way to what is published on loopback, even with route_localnet", () => {
    lab.makeSpoof("out", HOST);
    lab.host.sysctl("ipv4/conf/eth0/route_localnet", "1");
    const published = { ip: lab.addresses("a1")[0], port: 80 };
    expect(spoof("out", 8081, "a1", published)).toBe("refused");
    expect(spoof("out", 8080, "a1", published)).toBe("refused");
    // The spoofed packets do get as far as that.
    expect(spoof("out", 22, "host", loopback)).toBe(OUT);
  });
});

describe("the resolver's redirect", () => {
  const PORT = 40_053;
  /** A firewall of a program in the sandbox: it tracks connections, and lets through what it knows. */
  const TRACKING = `
    table inet own {
      chain in { type filter hook input priority filter; policy drop;
        ct state invalid drop; ct state established,related accept; th dport ${PORT} ct state new accept; }
      chain out { type filter hook output priority filter; policy drop;
        ct state established,related accept; th dport ${PORT} ct state new accept; }
      chain nat { type nat hook postrouting priority srcnat; }
    }`;

  test.each([
    { rules: "", conntrack: false },
    { rules: TRACKING, conntrack: true },
  ])("works by UDP and TCP, with connection tracking: $conntrack", ({ rules, conntrack }) => {
    using lab = new Lab();
    const sandbox = lab.node("sandbox");
    if (rules !== "") sandbox.sh(`nft -f - <<'END'\n${rules}\nEND`);
    const ask = (protocol: "tcp" | "udp"): unknown =>
      probe({
        protocol,
        server: sandbox.visit,
        client: sandbox.visit,
        at: { ip: "127.0.0.11" as Ip, port: PORT },
        to: { ip: "127.0.0.11" as Ip, port: 53 },
      });
    expect(ask("tcp")).toMatchObject({ kind: "failed" });
    const socket = sandbox.visit(() => new NetlinkSocket(NETLINK.NETFILTER, new Uint8Array(0x1_0000)));
    const batch = compileRedirect(PORT, 1);
    checkBatch(batch, socket.sendRaw(batch.bytes), "test");
    socket.close();
    // The client is connected to port 53: what comes back from elsewhere would not reach it.
    expect([ask("udp"), ask("tcp")]).toEqual([
      { kind: "arrived", from: "127.0.0.1" },
      { kind: "arrived", from: "127.0.0.1" },
    ]);
    const tracked = Number(
      sandbox.visit(() => readFileSync("/proc/sys/net/netfilter/nf_conntrack_count", "utf8")),
    );
    expect(tracked > 0).toBe(conntrack);
  });
});
