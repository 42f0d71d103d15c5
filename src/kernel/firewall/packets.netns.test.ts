import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ip } from "../../base/ip.ts";
import { networkElements, publishElements } from "../../plan/firewall/index.ts";
import { Lab, type LabNode } from "../../testkit/lab.ts";
import { probe } from "../../testkit/packets.ts";
import { NETLINK } from "../../wire/netlink/numbers.ts";
import { NetlinkSocket } from "../netlink-socket.ts";
import { checkBatch, compileTable } from "./index.ts";

const OUTSIDE = "198.51.100.2";
/** The host's address there. */
const HOST = "198.51.100.1";
const HOST6 = "2001:db8::1";

/** Bridges of the host: number in the addresses, members, and the network's options. */
const BRIDGES = [
  { bridge: "nd-a", net: 1, members: ["a1", "a2"], internal: false, icc: true, masquerade: true },
  { bridge: "nd-b", net: 2, members: ["b1"], internal: false, icc: true, masquerade: false },
  { bridge: "nd-i", net: 3, members: ["i1", "i2"], internal: true, icc: true, masquerade: false },
  { bridge: "nd-n", net: 4, members: ["n1", "n2"], internal: false, icc: false, masquerade: true },
] as const;

/** Where members live: `a1` is 10.1.0.2 and fd00:1::2, `a2` the next. */
const ADDRESSES: Readonly<Record<string, readonly [Ip, Ip]>> = Object.fromEntries<readonly [Ip, Ip]>([
  ...BRIDGES.flatMap(({ net, members }) =>
    members.map((name, i): [string, [Ip, Ip]] => [
      name,
      [`10.${net}.0.${i + 2}` as Ip, `fd00:${net}::${i + 2}` as Ip],
    ]),
  ),
  ["out", [OUTSIDE as Ip, "2001:db8::2" as Ip]],
  ["far", ["203.0.113.2" as Ip, "2001:db8:1::2" as Ip]],
]);

/** What is published: host address, first host port, member and its first port, number of ports. */
const PUBLISHED = [
  ["0.0.0.0", 8080, "a1", 80, 1],
  ["::", 8080, "a1", 80, 1],
  ["127.0.0.1", 8081, "a1", 80, 1],
  [HOST, 8082, "a1", 80, 1],
  // The more specific binding of the same port wins.
  [HOST, 8083, "a1", 80, 1],
  ["0.0.0.0", 8083, "a2", 80, 1],
  ["0.0.0.0", 9000, "a1", 9000, 100],
  ["0.0.0.0", 7000, "a1", 7100, 3],
  ["0.0.0.0", 8090, "b1", 80, 1],
  ["0.0.0.0", 8091, "n1", 80, 1],
] as const;

function elements(): ReturnType<typeof networkElements> {
  return [
    ...BRIDGES.flatMap((b) =>
      networkElements({ ...b, masquerade4: b.masquerade, masquerade6: b.masquerade }),
    ),
    ...PUBLISHED.flatMap(([hostIp, hostPort, member, containerPort, count]) =>
      (["tcp", "udp"] as const).flatMap((protocol) => {
        const target = ADDRESSES[member]?.[hostIp.includes(":") ? 1 : 0] as Ip;
        return publishElements({ protocol, hostIp: hostIp as Ip, hostPort, containerPort, count }, target);
      }),
    ),
  ];
}

/** One question: who asks whom, where the server really listens, and where it must see the question come from. */
interface Case {
  readonly name: string;
  readonly from: string;
  readonly to: readonly [string, number];
  readonly server: string;
  readonly port?: number;
  /** An address, or `dropped`, or `refused`: reached the host itself, where nobody listens. */
  readonly seen: string;
}

const CASES: readonly Case[] = [
  { name: "members of one bridge talk", from: "a1", to: ["10.1.0.3", 80], server: "a2", seen: "10.1.0.2" },
  {
    name: "members of one bridge talk, IPv6",
    from: "a1",
    to: ["fd00:1::3", 80],
    server: "a2",
    seen: "fd00:1::2",
  },
  { name: "different bridges are isolated", from: "a1", to: ["10.2.0.2", 80], server: "b1", seen: "dropped" },
  {
    name: "different bridges are isolated, IPv6",
    from: "a1",
    to: ["fd00:2::2", 80],
    server: "b1",
    seen: "dropped",
  },
  { name: "the way out is masqueraded", from: "a1", to: [OUTSIDE, 80], server: "out", seen: HOST },
  {
    name: "the way out is masqueraded, IPv6",
    from: "a1",
    to: ["2001:db8::2", 80],
    server: "out",
    seen: HOST6,
  },
  {
    name: "the way out keeps its address without masquerade",
    from: "b1",
    to: [OUTSIDE, 80],
    server: "out",
    seen: "10.2.0.2",
  },
  {
    name: "an unpublished port cannot be routed to",
    from: "out",
    to: ["10.1.0.2", 80],
    server: "a1",
    seen: "dropped",
  },
  {
    name: "an unpublished port cannot be routed to, IPv6",
    from: "out",
    to: ["fd00:1::2", 80],
    server: "a1",
    seen: "dropped",
  },
  { name: "a published port from outside", from: "out", to: [HOST, 8080], server: "a1", seen: OUTSIDE },
  {
    name: "a published port from outside, IPv6",
    from: "out",
    to: [HOST6, 8080],
    server: "a1",
    seen: "2001:db8::2",
  },
  { name: "a port on one address from outside", from: "out", to: [HOST, 8082], server: "a1", seen: OUTSIDE },
  { name: "the more specific binding wins", from: "out", to: [HOST, 8083], server: "a1", seen: OUTSIDE },
  {
    name: "the less specific binding serves the rest",
    from: "host",
    to: ["127.0.0.1", 8083],
    server: "a2",
    seen: "10.1.0.1",
  },
  {
    name: "a port on loopback is not on other addresses",
    from: "out",
    to: [HOST, 8081],
    server: "a1",
    seen: "refused",
  },
  {
    name: "a port on loopback is not for members",
    from: "a1",
    to: ["10.1.0.1", 8081],
    server: "a1",
    seen: "refused",
  },
  { name: "a range keeps the port", from: "out", to: [HOST, 9050], server: "a1", port: 9050, seen: OUTSIDE },
  {
    name: "past the range there is nothing",
    from: "out",
    to: [HOST, 9100],
    server: "a1",
    port: 9100,
    seen: "refused",
  },
  { name: "a shifted range", from: "out", to: [HOST, 7002], server: "a1", port: 7102, seen: OUTSIDE },
  {
    name: "from the host by loopback",
    from: "host",
    to: ["127.0.0.1", 8080],
    server: "a1",
    seen: "10.1.0.1",
  },
  {
    name: "from the host, published on loopback",
    from: "host",
    to: ["127.0.0.1", 8081],
    server: "a1",
    seen: "10.1.0.1",
  },
  {
    name: "from the host by loopback, a range",
    from: "host",
    to: ["127.0.0.1", 9001],
    server: "a1",
    port: 9001,
    seen: "10.1.0.1",
  },
  { name: "from the host by its own address", from: "host", to: [HOST, 8080], server: "a1", seen: HOST },
  {
    name: "a port on one address is not on loopback",
    from: "host",
    to: ["127.0.0.1", 8082],
    server: "a1",
    seen: "refused",
  },
  { name: "a member to itself", from: "a1", to: [HOST, 8080], server: "a1", seen: "10.1.0.1" },
  { name: "a member to itself, IPv6", from: "a1", to: [HOST6, 8080], server: "a1", seen: "fd00:1::1" },
  {
    name: "a member to itself by the gateway",
    from: "a1",
    to: ["10.1.0.1", 8080],
    server: "a1",
    seen: "10.1.0.1",
  },
  { name: "a member to its neighbour's port", from: "a2", to: [HOST, 8080], server: "a1", seen: "10.1.0.1" },
  {
    name: "a member to itself without masquerade",
    from: "b1",
    to: [HOST, 8090],
    server: "b1",
    seen: "10.2.0.1",
  },
  { name: "another bridge's published port", from: "b1", to: [HOST, 8080], server: "a1", seen: "10.2.0.2" },
  { name: "internal: members talk", from: "i1", to: ["10.3.0.3", 80], server: "i2", seen: "10.3.0.2" },
  { name: "internal: no way out", from: "i1", to: [OUTSIDE, 80], server: "out", seen: "dropped" },
  {
    name: "internal: no way to another bridge",
    from: "i1",
    to: ["10.1.0.2", 80],
    server: "a1",
    seen: "dropped",
  },
  {
    name: "internal: no way in from another bridge",
    from: "a1",
    to: ["10.3.0.2", 80],
    server: "i1",
    seen: "dropped",
  },
  {
    name: "internal: no way in from outside",
    from: "out",
    to: ["10.3.0.2", 80],
    server: "i1",
    seen: "dropped",
  },
  { name: "ICC off: no talk", from: "n1", to: ["10.4.0.3", 80], server: "n2", seen: "dropped" },
  { name: "ICC off: no talk, IPv6", from: "n1", to: ["fd00:4::3", 80], server: "n2", seen: "dropped" },
  {
    name: "ICC off: a neighbour's published port",
    from: "n2",
    to: [HOST, 8091],
    server: "n1",
    seen: "10.4.0.1",
  },
  { name: "ICC off: the way out", from: "n1", to: [OUTSIDE, 80], server: "out", seen: HOST },
  {
    name: "traffic of others passes untouched",
    from: "out",
    to: ["203.0.113.2", 80],
    server: "far",
    seen: OUTSIDE,
  },
];

// br_netfilter sends frames within a bridge through the IP hooks, and changes how a packet is turned around.
describe.each([{ brNetfilter: true }, { brNetfilter: false }])(
  "packets, br_netfilter $brNetfilter",
  ({ brNetfilter }) => {
    let lab: Lab;
    let socket: NetlinkSocket;
    const nodes = new Map<string, LabNode>();
    const node = (name: string): LabNode => {
      const found = nodes.get(name) ?? lab.node(name);
      nodes.set(name, found);
      return found;
    };

    /** A node on a link of the host's; `gateway` is the host's end. */
    const outer = (name: string, link: string, net: { host: string; host6: string }): void => {
      const [v4, v6] = ADDRESSES[name] as readonly [Ip, Ip];
      lab.wire({ node: node("host"), link }, { node: node(name), link: "eth0" });
      node("host").sh(
        `ip address add ${net.host}/24 dev ${link}`,
        `ip address add ${net.host6}/64 dev ${link} nodad`,
      );
      node(name).sh(
        `ip address add ${v4}/24 dev eth0`,
        `ip address add ${v6}/64 dev eth0 nodad`,
        `ip route add default via ${net.host}`,
        `ip route add default via ${net.host6}`,
      );
    };

    const member = (
      name: string,
      bridge: string,
      net: number,
      addresses: readonly [string, string],
    ): void => {
      lab.wire({ node: node("host"), link: `v-${name}` }, { node: node(name), link: "eth0" });
      node("host").sh(`ip link set v-${name} master ${bridge}`, `bridge link set dev v-${name} hairpin on`);
      node(name).sh(
        `ip address add ${addresses[0]}/24 dev eth0`,
        `ip address add ${addresses[1]}/64 dev eth0 nodad`,
        `ip route add default via 10.${net}.0.1`,
        `ip route add default via fd00:${net}::1`,
      );
    };

    beforeAll(() => {
      lab = new Lab();
      const host = node("host");
      outer("out", "eth0", { host: HOST, host6: HOST6 });
      outer("far", "eth1", { host: "203.0.113.1", host6: "2001:db8:1::1" });
      host.sysctl("ipv4/ip_forward", "1");
      host.sysctl("ipv6/conf/all/forwarding", "1");
      for (const { bridge, net, members, icc } of BRIDGES) {
        // Without ICC, frames within the bridge must meet the firewall whatever the host's own setting.
        const call = icc ? "" : "nf_call_iptables 1 nf_call_ip6tables 1";
        host.sh(
          `ip link add ${bridge} type bridge ${call}`,
          `ip address add 10.${net}.0.1/24 dev ${bridge}`,
          `ip address add fd00:${net}::1/64 dev ${bridge} nodad`,
          `ip link set ${bridge} up`,
        );
        host.sysctl(`ipv4/conf/${bridge}/route_localnet`, "1");
        for (const name of members) member(name, bridge, net, ADDRESSES[name] as readonly [Ip, Ip]);
      }
      for (const key of ["iptables", "ip6tables"]) {
        host.sysctl(`bridge/bridge-nf-call-${key}`, brNetfilter ? "1" : "0");
      }
      socket = host.visit(() => new NetlinkSocket(NETLINK.NETFILTER, new Uint8Array(0x2_0000)));
      const batch = compileTable(elements(), { observed: undefined, firstSeq: 1 });
      checkBatch(batch, socket.sendRaw(batch.bytes), "test");
    });

    afterAll(() => {
      socket.close();
      lab[Symbol.dispose]();
    });

    const ask = (what: Omit<Case, "name">, protocol: "tcp" | "udp"): string => {
      const { from, to, server, port = 80, seen } = what;
      const at = ADDRESSES[server]?.[to[0].includes(":") ? 1 : 0] as Ip;
      const outcome = probe({
        protocol,
        server: node(server).visit,
        client: node(from).visit,
        at: { ip: at, port },
        to: { ip: to[0] as Ip, port: to[1] },
        ...(seen === "dropped" || seen === "refused" ? { timeoutMs: 120 } : {}),
      });
      return outcome.kind === "arrived" ? outcome.from : (WORDS[outcome.errno] ?? outcome.errno);
    };

    test.each(CASES)("$name: $from to $to", (what) => {
      // The probe of a datagram waits at the server, where a refusal cannot be told from a drop.
      const udp = what.seen === "refused" ? "dropped" : what.seen;
      expect([ask(what, "tcp"), ask(what, "udp")]).toEqual([what.seen, udp]);
    });

    /** A node that sends to 127.0.0.0/8 over the wire: its loopback has no address, so such addresses are not its own. */
    const makeSpoof = (name: string, gateway: string): void => {
      node(name).sysctl("ipv4/conf/eth0/route_localnet", "1");
      node(name).sh("ip address del 127.0.0.1/8 dev lo", `ip route add 127.0.0.0/8 via ${gateway}`);
    };
    const spoof = (from: string, port: number, server: { name: string; at: Ip; port: number }): string => {
      const to = { ip: "127.0.0.1" as Ip, port };
      const at = { ip: server.at, port: server.port };
      const outcome = probe({
        protocol: "tcp",
        server: node(server.name).visit,
        client: node(from).visit,
        at,
        to,
        timeoutMs: 120,
      });
      return outcome.kind === "arrived" ? "arrived" : (WORDS[outcome.errno] ?? outcome.errno);
    };
    const loopback = { name: "host", at: "127.0.0.1" as Ip, port: 22 };
    const published = { name: "a1", at: "10.1.0.2" as Ip, port: 80 };

    test("a member cannot reach the host's loopback, nor what is published on it", () => {
      member("spoof", "nd-a", 1, ["10.1.0.9", "fd00:1::9"]);
      makeSpoof("spoof", "10.1.0.1");
      expect(spoof("spoof", 22, loopback)).toBe("dropped");
      expect(spoof("spoof", 8081, published)).toBe("dropped");
      expect(spoof("spoof", 8080, published)).toBe("dropped");
      // It is the table that stops it: route_localnet, which publishing on loopback needs, lets it through.
      node("host").sh("nft add table inet netdock '{ flags dormant; }'");
      expect(spoof("spoof", 22, loopback)).toBe("arrived");
      node("host").sh("nft add table inet netdock");
    });

    test("from outside there is no way to what is published on loopback, even with route_localnet", () => {
      makeSpoof("out", HOST);
      node("host").sysctl("ipv4/conf/eth0/route_localnet", "1");
      expect(spoof("out", 8081, published)).toBe("refused");
      expect(spoof("out", 8080, published)).toBe("refused");
      // The spoofed packets do get as far as that.
      expect(spoof("out", 22, loopback)).toBe("arrived");
    });
  },
);

/** What a client sees where nothing came back in time, and where somebody said no. */
const WORDS: Readonly<Record<string, string>> = {
  EAGAIN: "dropped",
  EINPROGRESS: "dropped",
  EALREADY: "dropped",
  ECONNREFUSED: "refused",
};
