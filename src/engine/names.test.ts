import { beforeEach, describe, expect, test } from "vitest";
import { parseCidr } from "../base/cidr.ts";
import { parseIp } from "../base/ip.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";
import { HOST_NETNS } from "../model/ops.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { Network } from "../model/network.ts";
import type { NameSource } from "../model/resolver.ts";
import type { Sandbox } from "../model/sandbox.ts";
import type { ResolvConf } from "../plan/files/resolv-conf.ts";
import { anEndpoint, aNetwork, aSandbox } from "../testkit/nouns.ts";
import { createNameSource } from "./names.ts";
import { State } from "./state.ts";

const network = (name: string, but: Partial<Network> = {}): Network =>
  aNetwork({ id: `${name}-id` as NetworkId, name, ...but });
const sandbox = (name: string, but: Partial<Sandbox> = {}): Sandbox =>
  aSandbox({ id: `${name}-aaaaaaaaaaaaaaaa` as SandboxId, name, hostname: `${name}-host`, ...but });
const idOf = (name: string): SandboxId => sandbox(name).id;

let state: State;
let host: ResolvConf;
let names: NameSource;

function join(who: string, where: string, but: Partial<Endpoint> = {}): void {
  state.putEndpoint(
    anEndpoint({
      id: `${who}-${where}` as EndpointId,
      networkId: `${where}-id` as NetworkId,
      sandboxId: idOf(who),
      aliases: [who],
      ...but,
    }),
  );
}

beforeEach(() => {
  state = new State();
  host = { nameservers: [parseIp("192.0.2.53")], search: [], options: [] };
  names = createNameSource(state, () => host);
  for (const one of [
    network("front"),
    network("Back.End"),
    network("inner", { internal: true }),
    network("bridge", { predefined: true }),
  ]) {
    state.putNetwork(one);
  }
  for (const name of ["web", "db", "gone", "far", "lone"]) state.putSandbox(sandbox(name));
  state.putSandbox(sandbox("gone", { state: "exited" }));
  join("web", "front", { ipv4: parseCidr("10.1.0.2/24"), aliases: ["web", "WWW"] });
  join("web", "Back.End", { ipv4: parseCidr("10.2.0.2/24") });
  join("db", "Back.End", {
    ipv4: parseCidr("10.2.0.3/24"),
    ipv6: parseCidr("fd02::3/64"),
    aliases: ["db", "store"],
  });
  join("gone", "front", { ipv4: parseCidr("10.1.0.9/24") });
  join("far", "inner", { ipv4: parseCidr("10.3.0.2/24") });
  join("lone", "bridge", { ipv4: parseCidr("172.17.0.2/16") });
});

describe("lookup()", () => {
  test.each<[string, string, readonly string[] | undefined]>([
    ["web", "db", ["10.2.0.3", "fd02::3"]],
    ["web", "store", ["10.2.0.3", "fd02::3"]],
    ["web", "db-host", ["10.2.0.3", "fd02::3"]],
    ["web", "db-aaaaaaaaa", ["10.2.0.3", "fd02::3"]],
    ["web", "db.back.end", ["10.2.0.3", "fd02::3"]],
    ["web", "db.front", undefined],
    ["web", "db.back", undefined],
    ["db", "web", ["10.2.0.2"]],
    ["web", "web", ["10.2.0.2"]],
    ["web", "www", ["10.1.0.2"]],
    ["db", "www", undefined],
    ["web", "web.back.end", ["10.2.0.2"]],
    // Another network's members, a sandbox that ended, the default bridge.
    ["web", "far", undefined],
    ["web", "gone", undefined],
    ["lone", "lone", undefined],
    ["lone", "web", undefined],
    ["web", "example.org", undefined],
  ])("%s asks for %s", (who, name, expected) => {
    expect(names.lookup(idOf(who), name)).toEqual(expected);
  });

  test("a name that several carry gives all their addresses", () => {
    join("far", "front", { ipv4: parseCidr("10.1.0.3/24"), aliases: ["far", "www"] });
    expect(names.lookup(idOf("web"), "www")).toEqual(["10.1.0.2", "10.1.0.3"]);
  });

  test("a known name without an address is known", () => {
    join("far", "front", { aliases: ["far"] });
    expect(names.lookup(idOf("web"), "far")).toEqual([]);
  });

  test("the network that would be the gateway answers first", () => {
    join("web", "front", { ipv4: parseCidr("10.1.0.2/24"), gwPriority: 1 });
    expect(names.lookup(idOf("web"), "web")).toEqual(["10.1.0.2"]);
  });

  test("a whole name on any network comes before a part of it on another", () => {
    state.putSandbox(sandbox("web.front"));
    join("web.front", "Back.End", { ipv4: parseCidr("10.2.0.7/24") });
    join("web", "front", { ipv4: parseCidr("10.1.0.2/24"), gwPriority: 1 });
    expect(names.lookup(idOf("web"), "web.front")).toEqual(["10.2.0.7"]);
    expect(names.lookup(idOf("web"), "web.front.back.end")).toEqual(["10.2.0.7"]);
    state.deleteEndpoint("web.front-Back.End" as EndpointId);
    expect(names.lookup(idOf("web"), "web.front")).toEqual(["10.1.0.2"]);
  });

  test("links are known to their own sandbox, on their own network, and hide what others are called", () => {
    join("web", "Back.End", {
      ipv4: parseCidr("10.2.0.2/24"),
      links: [
        { alias: "database", name: "db" },
        { alias: "www", name: "store" },
      ],
    });
    expect(names.lookup(idOf("web"), "database")).toEqual(["10.2.0.3", "fd02::3"]);
    expect(names.lookup(idOf("web"), "database.back.end")).toEqual(["10.2.0.3", "fd02::3"]);
    expect(names.lookup(idOf("web"), "database.front")).toBeUndefined();
    expect(names.lookup(idOf("web"), "www")).toEqual(["10.2.0.3", "fd02::3"]);
    expect(names.lookup(idOf("db"), "database")).toBeUndefined();
    // Who is gone is unknown, and not somebody else.
    state.deleteEndpoint("db-Back.End" as EndpointId);
    expect(names.lookup(idOf("web"), "database")).toBeUndefined();
  });

  test("forgets who left", () => {
    state.deleteEndpoint("db-Back.End" as EndpointId);
    expect(names.lookup(idOf("web"), "db")).toBeUndefined();
    expect(names.reverse(idOf("web"), parseIp("10.2.0.3"))).toBeUndefined();
  });
});

describe("reverse()", () => {
  test.each([
    ["web", "10.2.0.3", "db.Back.End"],
    ["web", "fd02::3", "db.Back.End"],
    ["db", "10.2.0.2", "web.Back.End"],
    ["db", "10.1.0.2", undefined],
    ["web", "10.1.0.9", undefined],
    ["lone", "172.17.0.2", undefined],
  ])("%s asks for %s", (who, ip, expected) => {
    expect(names.reverse(idOf(who), parseIp(ip))).toBe(expected);
  });

  test("an address with a new holder is the new holder's, whenever the old one goes", () => {
    join("far", "front", { ipv4: parseCidr("10.1.0.2/24") });
    state.deleteEndpoint("web-front" as EndpointId);
    join("db", "front", { ipv4: parseCidr("10.1.0.4/24") });
    expect(names.reverse(idOf("db"), parseIp("10.1.0.2"))).toBe("far.front");
  });
});

describe("upstreams()", () => {
  test.each([["web"], ["lone"]])("of %s are the host's, asked from the host", (who) => {
    expect(names.upstreams(idOf(who))).toEqual({ servers: ["192.0.2.53"], netns: HOST_NETNS });
  });

  test("a sandbox on internal networks only has none", () => {
    expect(names.upstreams(idOf("far"))).toBeUndefined();
    join("far", "front", { ipv4: parseCidr("10.1.0.7/24") });
    expect(names.upstreams(idOf("far"))).toBeDefined();
    state.deleteEndpoint("far-front" as EndpointId);
    expect(names.upstreams(idOf("far"))).toBeUndefined();
  });

  test("a sandbox's own come instead of the host's, and are asked from inside it", () => {
    const dns = { servers: [parseIp("9.9.9.9")], search: [], options: [] };
    for (const name of ["web", "far"]) {
      state.putSandbox(sandbox(name, { dns }));
      expect(names.upstreams(idOf(name))).toEqual({ servers: ["9.9.9.9"], netns: idOf(name) });
    }
  });

  test("a host without servers has none to give", () => {
    host = { ...host, nameservers: [] };
    expect(names.upstreams(idOf("web"))).toBeUndefined();
  });
});

test.each([
  [[], [], false],
  [["ndots:2"], [], true],
  [["ndots:0"], [], true],
  [["ndots:x", "edns0"], [], false],
  [[], ["ndots:1"], true],
  // The user's options stand instead of the host's.
  [["ndots:2"], ["timeout:1"], false],
])("keepsShortNames() with the host's options %j and the user's %j is %j", (ofHost, ofUser, expected) => {
  host = { ...host, options: ofHost };
  state.putSandbox(sandbox("web", { dns: { servers: [], search: [], options: ofUser } }));
  expect(names.keepsShortNames(idOf("web"))).toBe(expected);
});
