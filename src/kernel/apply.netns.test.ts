import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Ip } from "../base/ip.ts";
import type { Op } from "../model/ops.ts";
import { type HostNamespace, needs, withHostNamespace } from "../testkit/kernel.ts";
import { probe } from "../testkit/packets.ts";
import { decodeLink, getLink } from "../wire/netlink/link.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { Capabilities } from "./capabilities.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { ThreadNamespaces } from "./netns.ts";
import { address, attach, bridge, deletion, route, sysctl, veth } from "../testkit/steps.ts";

/** Links of the host as `name`s, loopback left out. */
function linkNames({ host }: HostNamespace): string[] {
  return host
    .observe("host")
    .links.map((link) => link.name)
    .filter((name) => name !== "lo");
}

const ip = (text: string): Ip => text as Ip;

test("two sandboxes on a bridge reach each other and the bridge, by IPv4 and IPv6, at once", (context) =>
  withHostNamespace(async (home) => {
    needs(context, "bridge", "veth", "ipv6");
    const { host, visit } = home;
    await host.apply([
      bridge("br0"),
      address("host", "br0", "10.5.0.1/24"),
      address("host", "br0", "fd05::1/64"),
    ]);
    for (const [name, n] of [
      ["aa", 2],
      ["bb", 3],
    ] as const) {
      host.createNetns(name);
      await host.apply(
        attach({
          name: `v${name}`,
          sandbox: name,
          master: "br0",
          addresses: [`10.5.0.${n}/24`, `fd05::${n}/64`],
          gateways: ["10.5.0.1", "fd05::1"],
        }),
      );
    }
    for (const [server, at, from] of [
      ["bb", "10.5.0.3", "10.5.0.2"],
      ["bb", "fd05::3", "fd05::2"],
      [undefined, "10.5.0.1", "10.5.0.2"],
      [undefined, "fd05::1", "fd05::2"],
    ] as const) {
      const outcome = probe({
        protocol: "tcp",
        server: (run) => visit(run, server),
        client: (run) => visit(run, "aa"),
        at: { ip: ip(at), port: 80 },
      });
      expect(outcome, at).toEqual({ kind: "arrived", from });
    }
    expect(host.observe("aa")).toMatchObject({
      links: [{ name: "lo" }, { name: "eth0", kind: "veth", up: true, mtuBytes: 1500 }],
      routes: expect.arrayContaining([
        { destination: "0.0.0.0/0", via: "10.5.0.1", link: "eth0", metric: 0 },
        { destination: "::/0", via: "fd05::1", link: "eth0", metric: 1024 },
      ]) as unknown,
    });
    await host.apply([deletion("vaa"), deletion("vbb"), deletion("br0")]);
    expect(linkNames(home)).toEqual([]);
    host.deleteNetns("aa");
    host.deleteNetns("bb");
  }));

test("a link is made with its MAC, MTU, master, alias and hairpin, and so is a veth's other end", () =>
  withHostNamespace(async ({ host, foreign }) => {
    host.createNetns("aa");
    const kind = {
      type: "veth",
      peer: { netns: "aa", name: "eth0", mac: "02:42:0a:05:00:02", mtuBytes: 1400 },
    } as const;
    await host.apply([
      bridge("br0", { mac: "02:42:00:00:00:01" as never, mtuBytes: 1450 }),
      {
        op: "link.create",
        netns: "host",
        link: {
          name: "v0",
          kind: kind as never,
          up: true,
          mac: "02:42:00:00:00:02" as never,
          mtuBytes: 1400,
          master: "br0",
          alias: "netdock:ep",
          hairpin: true,
        },
      },
    ]);
    expect(host.observe("host").links.slice(1)).toMatchObject([
      { name: "br0", kind: "bridge", up: true, mac: "02:42:00:00:00:01", alias: "netdock:br0" },
      {
        name: "v0",
        kind: "veth",
        up: true,
        mac: "02:42:00:00:00:02",
        mtuBytes: 1400,
        alias: "netdock:ep",
        master: "br0",
      },
    ]);
    expect(host.observe("aa").links[1]).toMatchObject({
      name: "eth0",
      mac: kind.peer.mac,
      mtuBytes: 1400,
      up: true,
    });
    const [port] = foreign.transact([getLink({ name: "v0" })]);
    expect(decodeLink(port!.messages[0]!.body).linkInfo?.slave).toMatchObject({
      kind: "bridge",
      data: { hairpin: true },
    });
    await host.apply([deletion("v0"), deletion("br0")]);
    host.deleteNetns("aa");
  }));

test("both ends of a veth are made with the one queue each way that a veth uses", () =>
  withHostNamespace(async ({ host, foreign, visit }) => {
    host.createNetns("aa");
    await host.apply([bridge("br0"), veth("v0", "aa", "br0", "eth0")]);
    const inside = visit(() => new NetlinkSocket(NETLINK.ROUTE, new Uint8Array(0x2_0000)), "aa");
    for (const [socket, name] of [
      [foreign, "v0"],
      [inside, "eth0"],
    ] as const) {
      const [reply] = socket.transact([getLink({ name })]);
      const { txQueues, rxQueues } = decodeLink(reply!.messages[0]!.body);
      expect([txQueues, rxQueues], name).toEqual([1, 1]);
    }
    inside.close();
    host.deleteNetns("aa");
  }));

test("linkLocal: false keeps both ends of a veth and a bridge without an address, up all the same", (context) =>
  withHostNamespace(async ({ host, visit }) => {
    needs(context, "ipv6");
    host.createNetns("aa");
    const silent = { linkLocal: false } as const;
    const pair = (name: string, rest: { readonly mtuBytes?: number; readonly linkLocal?: false }): Op => {
      const peer = { netns: "aa", name: `in-${name}`, ...rest };
      const link = {
        name,
        kind: { type: "veth", peer },
        up: true,
        master: "br0",
        alias: "netdock:ep",
        ...rest,
      };
      return { op: "link.create", netns: "host", link: link as never };
    };
    // IPv6 has nothing to set on a link whose packets it does not fit into.
    await host.apply([
      bridge("br0", silent),
      pair("quiet", silent),
      pair("small", { mtuBytes: 1000, ...silent }),
    ]);
    await host.apply([pair("plain", {})]);
    const withAddress = (sandbox?: string): string[] =>
      visit(() => readFileSync("/proc/thread-self/net/if_inet6", "latin1"), sandbox)
        .split("\n")
        .filter((line) => line.startsWith("fe80"))
        .map((line) => line.split(/\s+/).at(-1) ?? "");
    // The kernel notices a carrier some time after it is there (net/core/link_watch.c).
    await expect.poll(() => withAddress()).toEqual(["plain"]);
    await expect.poll(() => withAddress("aa")).toEqual(["in-plain"]);
    for (const netns of ["host", "aa"]) {
      expect(host.observe(netns).links.filter((link) => !link.up)).toEqual([]);
    }
    await host.apply(["quiet", "small", "plain", "br0"].map((name) => deletion(name)));
    host.deleteNetns("aa");
  }));

test("a failing step takes back all before it, and the error names step, subject and the kernel's words", () =>
  withHostNamespace(async (home) => {
    const { host } = home;
    host.createNetns("aa");
    await host.apply([bridge("br0"), address("host", "br0", "10.5.0.1/24"), veth("v0", "aa", "br0")]);
    const before = { host: host.observe("host"), aa: host.observe("aa") };
    const cases: readonly (readonly [Op, object])[] = [
      [bridge("br0"), { code: "conflict", op: "link.create", subject: "br0", errno: "EEXIST" }],
      [veth("v1", "aa", "br0", "eth0"), { code: "conflict", subject: "v1", errno: "EEXIST" }],
      [veth("v1", "aa", "br9", "eth1"), { code: "not_found", subject: "br9" }],
      [address("host", "nope", "10.0.0.1/8"), { code: "not_found", subject: "nope" }],
      [
        route("aa", "eth0", "9.0.0.0/8", "99.9.9.9"),
        { code: "kernel", op: "route.replace", errno: "ENETUNREACH", kernel: "Nexthop has invalid gateway" },
      ],
      [bridge("name-too-long-for-linux"), { code: "kernel", errno: "ERANGE" }],
      [{ op: "link.set", netns: "host", name: "nope", set: { up: true } }, { code: "not_found" }],
      [sysctl("host", "net.ipv4.nope.x", "1"), { code: "not_found", subject: "net.ipv4.nope.x" }],
      [sysctl("host", "net.ipv4.ip_forward", "dog"), { code: "invalid", field: "sysctls" }],
      [sysctl("host", "kernel.hostname", "x"), { code: "invalid", field: "sysctls" }],
      [sysctl("host", "net/../../kernel/hostname", "x"), { code: "invalid", field: "sysctls" }],
    ];
    for (const [bad, error] of cases) {
      const done = host.apply([
        bridge("undone"),
        sysctl("host", "net.ipv4.conf.br0.forwarding", "1"),
        address("host", "br0", "10.6.0.1/24"),
        {
          op: "link.set",
          netns: "host",
          name: "v0",
          set: { up: false, mtuBytes: 1300, master: null, alias: "x" },
        },
        address("aa", "eth0", "10.5.0.2/24"),
        route("aa", "eth0", "8.0.0.0/8"),
        bad,
      ]);
      await expect(done, JSON.stringify(bad)).rejects.toMatchObject(error);
      expect(host.observe("host"), JSON.stringify(bad)).toEqual(before.host);
      expect(host.observe("aa"), JSON.stringify(bad)).toEqual(before.aa);
      const forwarding = home.visit(() => readFileSync("/proc/sys/net/ipv4/conf/br0/forwarding", "utf8"));
      expect(forwarding).toBe("0\n");
    }
    await host.apply([deletion("v0"), deletion("br0")]);
    host.deleteNetns("aa");
  }));

test("a creation that fails leaves the link that has the name alone", () =>
  withHostNamespace(async (home) => {
    const { host } = home;
    await host.apply([bridge("br0", { alias: "somebody's" })]);
    await expect(host.apply([bridge("br0")])).rejects.toMatchObject({ code: "conflict" });
    expect(host.observe("host").links[1]?.alias).toBe("somebody's");
    await host.apply([deletion("br0")]);
  }));

test("route.replace changes the route there is, and a failure after it puts that back", () =>
  withHostNamespace(async ({ host }) => {
    host.createNetns("aa");
    await host.apply([
      bridge("br0"),
      veth("v0", "aa", "br0"),
      veth("v1", "aa", "br0", "eth1"),
      address("aa", "eth0", "10.5.0.2/24"),
      address("aa", "eth1", "10.6.0.2/24"),
      address("aa", "eth0", "fd05::2/64"),
      address("aa", "eth1", "fd06::2/64"),
      route("aa", "eth0", "0.0.0.0/0", "10.5.0.1"),
      route("aa", "eth0", "::/0", "fd05::1"),
    ]);
    const switched = [route("aa", "eth1", "0.0.0.0/0", "10.6.0.1"), route("aa", "eth1", "::/0", "fd06::1")];
    const defaults = (): unknown[] =>
      host.observe("aa").routes.flatMap((r) => (r.destination.endsWith("/0") ? [`${r.via} ${r.link}`] : []));
    await expect(host.apply([...switched, bridge("br0")])).rejects.toMatchObject({ code: "conflict" });
    expect(defaults()).toEqual(["10.5.0.1 eth0", "fd05::1 eth0"]);
    await host.apply(switched);
    expect(defaults()).toEqual(["10.6.0.1 eth1", "fd06::1 eth1"]);
    await host.apply([
      { ...switched[0], op: "route.delete" } as Op,
      { ...switched[1], op: "route.delete" } as Op,
    ]);
    expect(defaults()).toEqual([]);
    await host.apply([deletion("v0"), deletion("v1"), deletion("br0")]);
    host.deleteNetns("aa");
  }));

test("removing what is not there is fine, and so is an address that is there", () =>
  withHostNamespace(async ({ host }) => {
    await host.apply([
      bridge("br0"),
      address("host", "br0", "10.5.0.1/24"),
      address("host", "br0", "fd05::1/64"),
    ]);
    await host.apply([
      deletion("nope"),
      { ...address("host", "nope", "10.0.0.1/8"), op: "address.delete" } as Op,
      { ...address("host", "br0", "10.0.0.1/8"), op: "address.delete" } as Op,
      { ...route("host", "nope", "10.0.0.0/8"), op: "route.delete" } as Op,
      { ...route("host", "br0", "10.9.0.0/16"), op: "route.delete" } as Op,
      address("host", "br0", "10.5.0.1/24"),
      address("host", "br0", "fd05::1/64"),
      { op: "sysctl.set", netns: "host", key: "net.nope.x", value: "1", optional: true },
    ]);
    await host.apply([deletion("br0")]);
  }));

test("sysctls reach the namespace they name, and links with a dot in their name", () =>
  withHostNamespace(async ({ host, visit }) => {
    host.createNetns("aa");
    await host.apply([
      bridge("br.1"),
      sysctl("host", "net.ipv4.conf.br/1.route_localnet", "1"),
      sysctl("aa", "net.ipv4.ip_unprivileged_port_start", "80"),
      sysctl("aa", "net/ipv4/ip_default_ttl", "33"),
    ]);
    const read = (path: string, sandbox?: string): string =>
      visit(() => readFileSync(`/proc/sys/net/ipv4/${path}`, "utf8").trim(), sandbox);
    expect(read("conf/br.1/route_localnet")).toBe("1");
    expect([read("ip_unprivileged_port_start"), read("ip_unprivileged_port_start", "aa")]).toEqual([
      "1024",
      "80",
    ]);
    expect([read("ip_default_ttl"), read("ip_default_ttl", "aa")]).toEqual(["64", "33"]);
    await host.apply([deletion("br.1")]);
    host.deleteNetns("aa");
  }));

test("macvlan links are made in the sandbox, on a parent of the host's", (context) =>
  withHostNamespace(async ({ host }) => {
    needs(context, "macvlan");
    host.createNetns("aa");
    await host.apply([
      bridge("br0"),
      {
        op: "link.create",
        netns: "aa",
        link: {
          name: "eth0",
          kind: { type: "macvlan", parent: "br0", mode: "bridge" },
          up: true,
          alias: "netdock:mv",
        },
      },
      address("aa", "eth0", "10.5.0.2/24"),
    ]);
    expect(host.observe("aa").links[1]).toMatchObject({
      name: "eth0",
      kind: "macvlan",
      up: true,
      alias: "netdock:mv",
      addresses: expect.arrayContaining(["10.5.0.2/24"]) as unknown,
    });
    await host.apply([deletion("br0")]);
    host.deleteNetns("aa");
  }));

test("a kind of link that the kernel lacks is refused by name", () =>
  withHostNamespace(async ({ host }) => {
    const threads = new ThreadNamespaces();
    const has = new Capabilities(threads).has("ipvlan");
    threads.close();
    const kind = { type: "ipvlan", parent: "br0", mode: "l2", flag: "bridge" } as const;
    await host.apply([bridge("br0")]);
    const made = host.apply([{ op: "link.create", netns: "host", link: { name: "ip0", kind, up: true } }]);
    if (has) await made;
    else {
      await expect(made).rejects.toMatchObject({
        code: "unsupported",
        message: "link.create ip0: this kernel lacks ipvlan links (CONFIG_IPVLAN)",
      });
    }
    await host.apply([deletion("br0")]);
  }));
