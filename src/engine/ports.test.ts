import { beforeEach, describe, expect, test } from "vitest";
import { parseIp } from "../base/ip.ts";
import type { EndpointId, SandboxId } from "../model/ids.ts";
import type { PortMapping } from "../model/ports.ts";
import { FakeHost, fakeProxy } from "../testkit/fake-host.ts";
import type { HeldPort, PublishPlace } from "./port-wish.ts";
import { PortTable } from "./ports.ts";
import { parsePublish } from "./publish.ts";

const A = "a" as SandboxId;
const B = "b" as SandboxId;
const V4: PublishPlace = { family: 4, defaultIp: undefined, opened: false };
const V6: PublishPlace = { family: 6, defaultIp: undefined, opened: false };
const OPEN6: PublishPlace = { ...V6, opened: true };

let host: FakeHost;
let table: PortTable;

beforeEach(() => {
  host = new FakeHost();
  table = new PortTable({ host, proxy: fakeProxy }, (id) => `sandbox-${id}`);
});

const wishes = (...texts: string[]): PortMapping[] => texts.map((text) => parsePublish(text, "publish"));
const hold = (sandbox: SandboxId, text: string, places: readonly PublishPlace[] = [V4]): void =>
  void table.hold(sandbox, wishes(text), places);

describe("hold()", () => {
  test.each<[string, readonly PublishPlace[], readonly string[]]>([
    // "Every address" of the host is IPv6 ones, too; of a sandbox without IPv4 it is those only.
    ["80:80", [V4], ["0.0.0.0:80/tcp", ":::80/tcp"]],
    ["80:80", [V4, V6], ["0.0.0.0:80/tcp", ":::80/tcp"]],
    ["80:80", [V6], [":::80/tcp"]],
    ["80:80/udp", [V4], ["0.0.0.0:80/udp", ":::80/udp"]],
    ["80:80/sctp", [V4], ["0.0.0.0:80/sctp"]],
    ["80:80/sctp", [V4, V6], ["0.0.0.0:80/sctp", ":::80/sctp"]],
    ["0.0.0.0:80:80", [V4], ["0.0.0.0:80/tcp"]],
    ["[::1]:80:80", [V4], ["::1:80/tcp"]],
    ["127.0.0.1:80:80", [V6], ["127.0.0.1:80/tcp"]],
    ["[::]:80:80/sctp", [V4], []],
    ["127.0.0.1:80:80", [V4, V6], ["127.0.0.1:80/tcp"]],
    ["[fd00::1]:80:80", [V4, V6], ["fd00::1:80/tcp"]],
    ["0.0.0.0:80:80", [V4, V6], ["0.0.0.0:80/tcp"]],
    ["0.0.0.0:80-82:8080-8082", [V4], ["0.0.0.0:80/tcp", "0.0.0.0:81/tcp", "0.0.0.0:82/tcp"]],
    ["80:80", [{ ...V4, defaultIp: parseIp("127.0.0.1") }], ["127.0.0.1:80/tcp"]],
    // A default address is of one family, and publishes in that only; every address is no address.
    ["80:80", [V4, V6].map((p) => ({ ...p, defaultIp: parseIp("127.0.0.1") })), ["127.0.0.1:80/tcp"]],
    [
      "80:80",
      [V4, V6].map((p) => ({ ...p, defaultIp: parseIp("0.0.0.0") })),
      ["0.0.0.0:80/tcp", ":::80/tcp"],
    ],
    ["192.0.2.1:80:80", [{ ...V4, defaultIp: parseIp("127.0.0.1") }], ["192.0.2.1:80/tcp"]],
    // Where a family is open at the sandbox's own address, nothing of the host's leads there.
    ["80:80", [V4, OPEN6], ["0.0.0.0:80/tcp"]],
    ["[::1]:80:80", [V4, OPEN6], []],
    ["80:80", [OPEN6], []],
    ["80:80", [], []],
  ])("%s with %j holds %j", (text, places, sockets) => {
    hold(A, text, places);
    expect(host.heldPorts).toEqual([...sockets].toSorted());
  });

  test("takes one free number for both families", () => {
    const [four, six] = table.hold(A, wishes("80"), [V4, V6]);
    expect(four?.hostPort).toBeGreaterThan(49_152);
    expect(six?.hostPort).toBe(four?.hostPort);
  });

  test("takes the number it has when the other family comes later, if that is free", () => {
    const mappings = wishes("80", "443:443");
    host.ipv6 = false;
    const [first] = table.hold(A, mappings, [V4]);
    host.ipv6 = true;
    const later = table.hold(A, mappings, [V4, V6]);
    expect(later.map((p) => [p.hostIp, p.hostPort])).toEqual([
      ["::", first?.hostPort],
      ["::", 443],
    ]);
    expect(table.hold(A, mappings, [V4, V6])).toEqual([]);
  });

  test("takes another number where that one is another's", () => {
    const mappings = wishes("80");
    host.ipv6 = false;
    const [first] = table.hold(A, mappings, [V4]);
    host.ipv6 = true;
    host.busyPorts.push({ ip: parseIp("::"), port: first?.hostPort ?? 0, protocol: "tcp" });
    const [later] = table.hold(A, mappings, [V4, V6]);
    expect(later?.hostIp).toBe("::");
    expect(later?.hostPort).not.toBe(first?.hostPort);
  });

  test("tries other free numbers until one is free on both families", () => {
    host.busyPorts.push({ ip: parseIp("::"), port: 49_153, protocol: "tcp" });
    const held = table.hold(A, wishes("80"), [V4, V6]);
    expect(held.map((p) => p.hostPort)).toEqual([49_154, 49_154]);
    expect(host.heldPorts).toHaveLength(2);
  });

  test("a free range lies within the ports there are", () => {
    host.lastPort = 65_530;
    // The first free number is so high that ten do not fit behind it.
    expect(table.hold(A, wishes("0.0.0.0::80-89"), [V4])[0]?.hostPort).toBe(49_152);
    expect(host.heldPorts).toHaveLength(10);
  });

  test("a host without IPv6 publishes where it can", () => {
    host.ipv6 = false;
    hold(A, "80:80", [V4, V6]);
    expect(host.heldPorts).toEqual(["0.0.0.0:80/tcp"]);
    expect(() => hold(A, "[fd00::1]:81:81", [V4, V6])).toThrow("publish[0]: the host has no IPv6");
  });

  test("all or nothing", () => {
    host.busyPorts.push({ ip: parseIp("0.0.0.0"), port: 82, protocol: "tcp" });
    expect(() => table.hold(A, wishes("80:80", "81-82:81-82"), [V4])).toThrow(
      "publish[1]: port 0.0.0.0:82/tcp is held by nginx (pid 7): publish another port",
    );
    expect(host.heldPorts).toEqual([]);
    expect(table.of(A)).toEqual([]);
    hold(B, "80-81:80-81");
  });
});

describe("serve()", () => {
  test("leads by the proxy what it is told, port by port, and nothing else", () => {
    const [four, six] = table.hold(A, wishes("80-81:8080-8081"), [V4]);
    const target = parseIp("172.17.0.2");
    table.serve(A, [{ port: six as HeldPort, target }]);
    expect(host.servedPorts).toEqual([":::80/tcp → 172.17.0.2 8080", ":::81/tcp → 172.17.0.2 8081"]);
    const other = parseIp("172.18.0.2");
    table.serve(A, [{ port: four as HeldPort, target: other }]);
    expect(host.servedPorts).toEqual([
      "0.0.0.0:80/tcp → 172.18.0.2 8080",
      "0.0.0.0:81/tcp → 172.18.0.2 8081",
    ]);
    table.serve(A, []);
    expect(host.servedPorts).toEqual([]);
    expect(host.heldPorts).toHaveLength(4);
  });

  test("a port that cannot be served leaves its range asleep", () => {
    const [, six] = table.hold(A, wishes("80-81:80-81"), [V4]);
    const proxied = [{ port: six as HeldPort, target: parseIp("172.17.0.2") }];
    host.failAfter = 2;
    expect(() => table.serve(A, proxied)).toThrow("no memory (injected)");
    expect(host.servedPorts).toEqual([]);
    table.serve(A, proxied);
    expect(host.servedPorts).toHaveLength(2);
  });
});

describe("conflicts", () => {
  const held = "publish[0]: port";
  test.each([
    ["80:80", "80:81", `${held} 0.0.0.0:80/tcp is already published by sandbox sandbox-a`],
    ["127.0.0.1:80:80", "80:80", `${held} 0.0.0.0:80/tcp is already published by sandbox sandbox-a`],
    ["80:80", "127.0.0.1:80:80", `${held} 127.0.0.1:80/tcp is already published by sandbox sandbox-a`],
    ["80-89:80-89", "85:1", `${held} 0.0.0.0:85/tcp is already published`],
    ["85:1", "80-89:80-89", `${held} 0.0.0.0:85/tcp is already published`],
  ])("%s is in the way of %s", (first, second, message) => {
    hold(A, first);
    expect(() => hold(B, second)).toThrow(message);
    expect(() => hold(B, second)).toThrow(
      expect.objectContaining({
        code: "conflict",
        field: "publish[0]",
        remedy: "publish another port, or leave the host port out to get a free one",
      }),
    );
  });

  test.each([
    ["80:80", "80:80/udp"],
    ["127.0.0.1:80:80", "127.0.0.2:80:80"],
    ["0.0.0.0:80:80", "[::]:80:80"],
    ["80-84:80-84", "85-89:85-89"],
  ])("%s leaves room for %s", (first, second) => {
    hold(A, first, [V4, V6]);
    expect(() => hold(B, second, [V4, V6])).not.toThrow();
  });

  test("a sandbox can be in its own way", () => {
    expect(() => table.hold(A, wishes("80:80", "80:81"), [V4])).toThrow(
      "publish[1]: port 0.0.0.0:80/tcp is already published by this sandbox itself",
    );
    expect(host.heldPorts).toEqual([]);
  });
});

describe("letting go", () => {
  test("drop() takes back what hold() gave and nothing else", () => {
    table.hold(A, wishes("80:80"), [V4]);
    table.drop(A, table.hold(A, wishes("81:81"), [V4]));
    expect(host.heldPorts).toEqual(["0.0.0.0:80/tcp", ":::80/tcp"]);
  });

  test("keepPlaces() lets the others go, for whoever wants them", () => {
    hold(A, "80:80", [V4, V6]);
    table.keepPlaces(A, [V4]);
    expect(host.heldPorts).toEqual(["0.0.0.0:80/tcp", ":::80/tcp"]);
    table.keepPlaces(A, [V6]);
    expect(host.heldPorts).toEqual([":::80/tcp"]);
    hold(B, "0.0.0.0:80:80", [V4]);
    table.keepPlaces(A, []);
    expect(table.of(A)).toEqual([]);
  });

  test("keepPlaces() keeps what the proxy leads", () => {
    hold(A, "127.0.0.1:80:80", [V4]);
    table.keepPlaces(A, [V6]);
    expect(host.heldPorts).toEqual(["127.0.0.1:80/tcp"]);
  });

  test("release() and close() leave no socket", () => {
    hold(A, "80:80", [V4, V6]);
    hold(B, "81-83:81-83");
    table.release(A);
    expect(host.heldPorts).toHaveLength(6);
    table.close();
    expect(host.heldPorts).toEqual([]);
  });
});

describe("restore()", () => {
  const bound = (sandbox: SandboxId): Parameters<PortTable["restore"]>[2] =>
    table.of(sandbox).map((port) => ({ ...port, endpointId: "e" as EndpointId }));

  test("takes the same numbers again, and knows whose wishes they are", () => {
    const mappings = wishes("80", "127.0.0.1:53:53/udp");
    table.hold(A, mappings, [V4]);
    const stored = bound(A);
    const next = new PortTable({ host: new FakeHost(), proxy: fakeProxy }, (id) => id);
    expect(next.restore(A, mappings, stored)).toEqual([]);
    expect(next.of(A)).toEqual(table.of(A));
    expect(next.hold(A, mappings, [V4])).toEqual([]);
  });

  test("says what another process took meanwhile, and keeps it from other sandboxes", () => {
    hold(A, "0.0.0.0:80:80");
    const other = new FakeHost();
    other.busyPorts.push({ ip: parseIp("0.0.0.0"), port: 80, protocol: "tcp" });
    const next = new PortTable({ host: other, proxy: fakeProxy }, (id) => id);
    const failures = next.restore(A, wishes("0.0.0.0:80:80"), bound(A));
    expect(failures.map((e) => e.message)).toEqual(["port 0.0.0.0:80/tcp is held by nginx (pid 7)"]);
    expect(next.of(A)).toEqual(table.of(A));
    other.busyPorts.pop();
    expect(() => next.hold(B, wishes("80:80"), [V4])).toThrow("is already published by sandbox a");
  });
});
