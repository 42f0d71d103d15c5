import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Cidr, parseCidr } from "../base/cidr.ts";
import { withHostNamespace } from "../testkit/kernel.ts";
import { address, bridge, deletion, route } from "../testkit/steps.ts";
import { addRoute } from "../wire/netlink/route.ts";
import { readNameServers } from "./surroundings.ts";

test("taken are all prefixes the host routes to, in any table, except by our own bridges", () =>
  withHostNamespace(async ({ host, foreign }) => {
    await host.apply([
      bridge("br0"),
      address("host", "br0", "10.5.0.1/24"),
      bridge("theirs", { alias: "theirs" }),
      address("host", "theirs", "192.168.7.1/24"),
      address("host", "theirs", "fd07::1/64"),
      route("host", "theirs", "10.0.0.0/8", "192.168.7.9"),
      route("host", "theirs", "0.0.0.0/0", "192.168.7.9"),
    ]);
    const { index } = host.observe("host").links.find((link) => link.name === "theirs")!;
    const vpn = {
      family: 2,
      table: 51_820,
      type: 1,
      destination: "172.30.0.0",
      destinationLength: 16,
      oif: index,
    };
    expect(foreign.transact([addRoute(vpn as never)])[0]?.ack?.errno ?? 0).toBe(0);
    const servers = host.nameServers();
    const none: ReadonlySet<Cidr> = new Set();
    const taken = host.takenPrefixes(none).filter(({ why }) => !why.includes("name server"));
    expect(taken.map(({ prefix }) => prefix).toSorted()).toEqual([
      "10.0.0.0/8",
      "172.30.0.0/16",
      "192.168.7.0/24",
      "fd07::/64",
    ]);
    expect(taken.find(({ prefix }) => prefix === "10.0.0.0/8")?.why).toBe(
      "the host has a route to 10.0.0.0/8 by theirs",
    );
    // A pool that is known already is not for the host to take.
    const rest = host.takenPrefixes(new Set([parseCidr("10.0.0.0/8")])).map(({ prefix }) => prefix);
    expect(rest).toContain("192.168.7.0/24");
    expect(rest).not.toContain("10.0.0.0/8");
    // Name servers that are not on loopback are taken too, each as itself.
    const outside = servers.filter((ip) => !ip.startsWith("127.") && ip !== "::1");
    expect(host.takenPrefixes(none).length - taken.length).toBe(new Set(outside).size);
    await host.apply([deletion("br0"), deletion("theirs")]);
  }));

test("the uplink is the link by which the world is reached, and there may be none", () =>
  withHostNamespace(async ({ host }) => {
    expect(host.uplinkMtu()).toBeUndefined();
    await host.apply([
      bridge("up4", { mtuBytes: 1420 }),
      bridge("up6", { mtuBytes: 1400 }),
      address("host", "up4", "192.0.2.1/24"),
      address("host", "up6", "2001:db8::1/64"),
      route("host", "up6", "::/0", "2001:db8::9"),
    ]);
    expect(host.uplinkMtu()).toBe(1400);
    await host.apply([route("host", "up4", "0.0.0.0/0", "192.0.2.9")]);
    expect(host.uplinkMtu()).toBe(1420);
    await host.apply([deletion("up4"), deletion("up6")]);
  }));

test("readNameServers() takes `nameserver` lines only, zones left off, and none from a missing file", () =>
  withHostNamespace(({ runDir }) => {
    const path = join(runDir, "resolv.conf");
    writeFileSync(
      path,
      "# nameserver 1.1.1.1\nsearch x\nnameserver 9.9.9.9\n nameserver\tfe80::1%eth0 \nnameserver x\n",
    );
    expect(readNameServers(path)).toEqual(["9.9.9.9", "fe80::1"]);
    expect(readNameServers(join(runDir, "none"))).toEqual([]);
  }));
