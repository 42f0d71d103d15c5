import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DecodeError } from "../../base/cursor.ts";
import { parseRecorded } from "../../testkit/hex.ts";
import { decodeDone } from "./ack.ts";
import { type Address, decodeAddress, replaceAddress } from "./address.ts";
import { decodeRouteMessage, type RouteMessage } from "./decode.ts";
import { MACVLAN_MODE } from "./link-kind-numbers.ts";
import { IFF } from "./link-numbers.ts";
import { AF_BRIDGE, decodeLink, type Link, setLink } from "./link.ts";
import { decodeMessages, type Message } from "./message.ts";
import { decodeNeighbour, type Neighbour, replaceNeighbour } from "./neighbour.ts";
import { NLMSG } from "./numbers.ts";
import { IFA_F, NTF, NUD, RT_SCOPE, RTM, RTN } from "./route-numbers.ts";
import { decodeRoute, replaceRoute, type Route } from "./route.ts";
import { addRule, decodeRule } from "./rule.ts";

interface Noted {
  readonly note: string;
  readonly message: Message;
}

/** The messages of a file, each with the command that is told above it. */
function messagesOf(file: string): Noted[] {
  const text = readFileSync(new URL(`testdata/${file}.txt`, import.meta.url), "utf8");
  return parseRecorded(text).flatMap(({ note, bytes }) =>
    decodeMessages(bytes).map((message) => ({ note: note.split("\n").at(-1) ?? "", message })),
  );
}

/** What was answered to `command`, the end of the dump left out. */
function answers(file: string, command: string): RouteMessage[] {
  return messagesOf(file)
    .filter(({ note, message }) => note === command && message.type !== NLMSG.DONE)
    .map(({ message }) => decodeRouteMessage(message));
}

const links = (file: string, command: string): Link[] =>
  answers(file, command).flatMap((m) => (m.kind === "link" ? [m.link] : []));
const addresses = (command: string): Address[] =>
  answers("addresses", command).flatMap((m) => (m.kind === "address" ? [m.address] : []));
const routes = (command: string): Route[] =>
  answers("routes", command).flatMap((m) => (m.kind === "route" ? [m.route] : []));
const neighbours = (command: string): Neighbour[] =>
  answers("neighbours", command).flatMap((m) => (m.kind === "neighbour" ? [m.neighbour] : []));

const DUMPS = ["links", "bridge-ports", "addresses", "routes", "rules", "neighbours"];

describe("recorded dumps", () => {
  it.each(DUMPS)("%s: all messages are of a known kind, and the end is a good one", (file) => {
    const ends = messagesOf(file).filter(({ message }) => message.type === NLMSG.DONE);
    expect(ends.length).toBeGreaterThan(0);
    for (const { message } of ends) expect(decodeDone(message)).toEqual({ errno: 0, extack: {} });
    // Rules of multicast routing (RTNL_FAMILY_IPMR is 128, RTNL_FAMILY_IP6MR 129) are none of ours.
    const kinds = messagesOf(file)
      .filter(({ message }) => message.type !== NLMSG.DONE && (message.body[0] ?? 0) < 128)
      .map(({ message }) => decodeRouteMessage(message).kind);
    expect(kinds).not.toContain("unknown");
  });

  it("links: names, kinds and what is particular to each kind", () => {
    const list = links("links", "ip -d link show");
    expect(list.map((l) => [l.index, l.name, l.linkInfo?.info?.kind])).toEqual([
      [1, "lo", undefined],
      [2, "tap0", "tun"],
      [10, "br0", "bridge"],
      [20, "v0", "veth"],
      [21, "v1", "veth"],
      [40, "vx0", "vxlan"],
      [50, "mv0", "macvlan"],
    ]);
    const [lo, tap, bridge, v0, v1, vxlan, macvlan] = list;
    expect(lo).toMatchObject({ mtu: 65_536, address: "00:00:00:00:00:00", carrier: true });
    expect(tap?.linkInfo?.info).toMatchObject({ data: { type: 2, persist: true, packetInfo: false } });
    expect(bridge).toMatchObject({
      alias: "netdock:br0",
      address: "02:00:00:00:00:10",
      linkInfo: { info: { data: { mcastSnooping: false, ageingTime: 30_000, nfCallIptables: false } } },
    });
    expect(v0).toMatchObject({
      master: 10,
      group: 77,
      link: 21,
      linkInfo: {
        slave: { kind: "bridge", data: { hairpin: true, isolated: true, learning: true, cost: 2 } },
      },
    });
    expect(v1).toMatchObject({ link: 20, mtu: 1400, altNames: ["a-long-alternative-name"] });
    expect(v1?.linkInfo).toEqual({ info: { kind: "veth" } });
    expect(vxlan?.linkInfo?.info).toMatchObject({
      data: {
        id: 4711,
        local: "192.0.2.1",
        port: 4789,
        learning: false,
        proxy: true,
        l2miss: true,
        l3miss: false,
      },
    });
    expect(macvlan).toMatchObject({
      link: 21,
      linkInfo: { info: { data: { mode: MACVLAN_MODE.BRIDGE, flags: 0 } } },
    });
    expect((v0?.flags ?? 0) & IFF.UP).toBe(IFF.UP);
    expect((macvlan?.flags ?? 0) & IFF.UP).toBe(0);
  });

  it("bridge ports: settings are where the family is AF_BRIDGE", () => {
    const ports = links("bridge-ports", "bridge -d link show");
    expect(ports.map((l) => [l.family, l.index, l.master])).toEqual([
      [AF_BRIDGE, 20, 10],
      [AF_BRIDGE, 40, 10],
    ]);
    expect(ports[0]?.port).toMatchObject({ hairpin: true, isolated: true, neighSuppress: false, number: 1 });
  });

  it("addresses: IPv4 and IPv6, long flags, peers, lifetimes", () => {
    const list = addresses("ip addr show");
    expect(list.find((a) => a.local === "10.1.0.1")).toMatchObject({
      prefixLength: 24,
      broadcast: "10.1.0.255",
      label: "br0",
      flags: IFA_F.PERMANENT,
    });
    expect(list.find((a) => a.local === "10.2.0.1")).toMatchObject({ address: "10.2.0.2", prefixLength: 32 });
    expect(list.find((a) => a.address === "fd00::1")?.flags).toBe(IFA_F.NODAD | IFA_F.PERMANENT);
    expect(list.find((a) => a.address === "fd02::1")).toMatchObject({
      flags: IFA_F.NODAD | IFA_F.NOPREFIXROUTE,
      cacheInfo: { preferred: 499, valid: 999 },
    });
    expect(list.find((a) => a.address === "fe80::ff:fe00:10")?.scope).toBe(RT_SCOPE.LINK);
    expect(new Set(addresses("ip addr show dev v1").map((a) => a.index))).toEqual(new Set([21]));
  });

  it("routes: gateways, metrics, several paths, IPv4 by way of IPv6, long table numbers", () => {
    const list = routes("ip route show table all");
    const to = (destination: string | undefined): Route | undefined =>
      list.find((r) => r.destination === destination);
    expect(to(undefined)).toMatchObject({ destinationLength: 0, gateway: "10.1.0.254", oif: 10 });
    expect(to("10.9.0.0")).toMatchObject({
      priority: 7,
      metrics: { mtu: 1300 },
      preferredSource: "10.1.0.1",
      gateway: "10.1.0.2",
    });
    expect(to("10.8.0.0")?.multipath).toEqual([
      { flags: 0, hops: 0, index: 10, gateway: "10.1.0.3" },
      { flags: 0, hops: 1, index: 10, gateway: "10.1.0.4" },
    ]);
    expect(to("10.7.0.0")?.via).toBe("fd00::7");
    expect(to("10.6.0.0")).toMatchObject({ table: 1000, type: RTN.BLACKHOLE });
    const six = routes("ip -6 route show table all").find((r) => r.destination === "fd09::");
    expect(six).toMatchObject({ gateway: "fd00::2", priority: 1024, destinationLength: 64 });
    expect(routes("ip route get 10.9.1.1")).toMatchObject([
      { gateway: "10.1.0.2", preferredSource: "10.1.0.1" },
    ]);
  });

  it("rules", () => {
    const list = answers("rules", "ip rule show; ip -6 rule show").flatMap((m) =>
      m.kind === "rule" ? [m.rule] : [],
    );
    expect(list.find((r) => r.priority === 99)).toMatchObject({
      mark: 5,
      markMask: 255,
      iifName: "br0",
      table: 1000,
    });
    expect(list.find((r) => r.priority === 98)).toMatchObject({
      source: "fd00::",
      sourceLength: 64,
      suppressPrefixLength: 0,
      table: 254,
    });
  });

  it("neighbours and forwarding entries", () => {
    expect(neighbours("ip neigh show nud all").find((n) => n.destination === "fd00::2")).toMatchObject({
      index: 10,
      state: NUD.PERMANENT,
      flags: NTF.ROUTER,
      address: "02:00:00:00:01:02",
    });
    const fdb = neighbours("bridge fdb show br br0");
    expect(fdb.find((n) => n.address === "02:00:00:00:02:02")).toMatchObject({ index: 20, master: 10 });
    const vxlan = neighbours("bridge fdb show dev vx0").filter((n) => n.destination !== undefined);
    expect(vxlan.map(({ cacheInfo: _, ...rest }) => rest)).toEqual([
      {
        family: AF_BRIDGE,
        index: 40,
        state: NUD.PERMANENT | NUD.NOARP,
        flags: NTF.SELF,
        type: RTN.UNICAST,
        address: "02:00:00:00:02:03",
        destination: "192.0.2.3",
        port: 4790,
        vni: 12,
        viaIndex: 21,
      },
      {
        family: AF_BRIDGE,
        index: 40,
        state: NUD.PERMANENT | NUD.NOARP,
        flags: NTF.SELF,
        type: RTN.UNICAST,
        address: "00:00:00:00:00:00",
        destination: "192.0.2.2",
      },
    ]);
  });
});

describe("recorded notifications", () => {
  const seen = (command: string): string[] =>
    answers("events", command).map((m) =>
      m.kind === "unknown" ? m.kind : `${m.kind} ${m.gone ? "gone" : "new"}`,
    );

  it("tell what was made", () => {
    expect(seen("ip link add x0 index 60 type veth peer name x1 index 61")).toEqual(["link new", "link new"]);
    expect(seen("ip addr add 10.3.0.1/24 dev x0")).toEqual([
      "address new",
      "route new",
      "route new",
      "route new",
    ]);
    expect(seen("ip neigh add 10.3.0.2 lladdr 02:00:00:00:03:02 dev x0")).toEqual(["neighbour new"]);
    expect(seen("ip rule add priority 5 lookup 1000")).toEqual(["rule new"]);
  });

  it("tell what is gone", () => {
    expect(seen("ip rule del priority 5")).toEqual(["rule gone"]);
    const gone = answers("events", "ip link del x0").flatMap((m) =>
      m.kind === "link" && m.gone ? [m.link.name] : [],
    );
    expect(gone).toEqual(["x0", "x1"]);
  });
});

describe("what was recorded", () => {
  const all = [...DUMPS, "events"].flatMap(messagesOf).map(({ message }) => message);

  /** Writes a decoded message anew and reads it back. */
  function again(m: RouteMessage): unknown {
    switch (m.kind) {
      case "link":
        return decodeLink(setLink(m.link).body);
      case "address":
        return decodeAddress(replaceAddress(m.address).body);
      case "route":
        return decodeRoute(replaceRoute(m.route).body);
      case "rule":
        return decodeRule(addRule(m.rule).body);
      case "neighbour":
        return decodeNeighbour(replaceNeighbour(m.neighbour).body);
      default:
        return undefined;
    }
  }

  it("comes back the same when written anew", () => {
    let count = 0;
    for (const message of all) {
      const decoded = decodeRouteMessage(message);
      if (decoded.kind === "unknown") continue;
      const value = { link: {}, address: {}, route: {}, rule: {}, neighbour: {}, ...decoded }[decoded.kind];
      expect(again(decoded)).toEqual(value);
      count++;
    }
    expect(count).toBeGreaterThan(100);
  });

  it("reads, however damaged, or throws DecodeError", () => {
    const bodies = all.filter((m) => m.type !== NLMSG.DONE);
    const damage = fc.record({
      which: fc.nat(bodies.length - 1),
      bytes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      cut: fc.option(fc.nat(200)),
    });
    fc.assert(
      fc.property(damage, ({ which, bytes, cut }) => {
        const { type, body } = bodies[which] as Message;
        const copy = body.slice(0, cut ?? body.length);
        for (const [at, byte] of bytes) if (copy.length > 0) copy[at % copy.length] = byte;
        try {
          decodeRouteMessage({ type, body: copy });
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("decodeRouteMessage()", () => {
  it("keeps what it does not know", () => {
    const body = new Uint8Array([1, 2, 3]);
    expect(decodeRouteMessage({ type: 9999, body })).toEqual({ kind: "unknown", type: 9999, bytes: body });
    // A route of family RTNL_FAMILY_IPMR (128).
    const multicast = new Uint8Array([128, 0, 0, 0]);
    expect(decodeRouteMessage({ type: RTM.NEWROUTE, body: multicast }).kind).toBe("unknown");
  });

  it("reads any bytes or throws DecodeError", () => {
    const types = fc.constantFrom(RTM.NEWLINK, RTM.NEWADDR, RTM.DELROUTE, RTM.NEWRULE, RTM.NEWNEIGH);
    const family = fc.constantFrom(0, 2, 7, 10);
    fc.assert(
      fc.property(types, family, fc.uint8Array({ maxLength: 64 }), (type, first, body) => {
        if (body.length > 0) body[0] = first;
        try {
          decodeRouteMessage({ type, body });
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});
