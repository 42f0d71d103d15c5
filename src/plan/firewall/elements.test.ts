import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Subnet } from "../../base/cidr.ts";
import type { Ip } from "../../base/ip.ts";
import type { FirewallElement } from "../../model/firewall.ts";
import {
  allowElements,
  diffElements,
  elementData,
  elementKey,
  type MapDeclaration,
  networkElements,
  openElements,
  openFromElements,
  ownPolicyElements,
  peerElements,
  policyElements,
  publishElements,
  TABLE,
  translatable,
} from "./index.ts";

const ip = (text: string): Ip => text as Ip;
const open = {
  bridge: "nd-a",
  internal: false,
  icc: true,
  trusted: [],
  mode4: "nat",
  mode6: "nat",
  leave4: "masquerade",
  leave6: undefined,
} as const;
const port = { protocol: "tcp", hostIp: ip("0.0.0.0"), hostPort: 8080, containerPort: 80, count: 1 } as const;

/** The elements as lines, for a short comparison. */
const lines = (elements: readonly FirewallElement[]): string[] =>
  elements.map((element) =>
    [elementKey(element), elementData(element)].filter((text) => text !== "").join(" : "),
  );

describe("networkElements()", () => {
  test("a network that members may leave", () => {
    expect(lines(networkElements(open))).toEqual([
      "bridges nd-a",
      "same nd-a . nd-a",
      "pairs nd-a . nd-a : accept",
      "to nd-a . ipv4 : goto published-only",
      "to nd-a . ipv6 : goto published-only",
      "masquerade4 nd-a",
    ]);
  });

  test("without ICC members reach each other's published ports only", () => {
    expect(lines(networkElements({ ...open, icc: false }))).toEqual(
      expect.arrayContaining([
        "pairs nd-a . nd-a : goto apart",
        "apart nd-a . ipv4 : goto published-only",
        "apart nd-a . ipv6 : goto published-only",
      ]),
    );
  });

  test("an internal network has no way in or out, whatever else it says", () => {
    expect(lines(networkElements({ ...open, internal: true, leave6: "masquerade" }))).toEqual([
      "bridges nd-a",
      "same nd-a . nd-a",
      "pairs nd-a . nd-a : accept",
      "to nd-a . ipv4 : drop",
      "to nd-a . ipv6 : drop",
      "from nd-a : drop",
    ]);
  });
});

describe("networkElements(), gateway modes", () => {
  test.each([
    ["nat", "goto published-only"],
    ["nat-unprotected", "accept"],
    ["routed", "goto routed"],
  ] as const)("%s lets packets from elsewhere %s", (mode4, verdict) => {
    expect(lines(networkElements({ ...open, mode4 }))).toContain(`to nd-a . ipv4 : ${verdict}`);
  });

  test("isolated members have no host, in that family", () => {
    const all = lines(networkElements({ ...open, internal: true, mode4: "isolated" }));
    expect(all.filter((line) => line.startsWith("isolated"))).toEqual(["isolated nd-a . ipv4"]);
  });

  test("without ICC, ports of a routed network are open to its members, too", () => {
    const all = lines(networkElements({ ...open, icc: false, mode6: "routed" }));
    expect(all).toEqual(
      expect.arrayContaining(["apart nd-a . ipv4 : goto published-only", "apart nd-a . ipv6 : goto routed"]),
    );
  });

  test("trusted links and a source address of the user's are elements", () => {
    const all = lines(networkElements({ ...open, trusted: ["eth1"], leave4: ip("198.51.100.7") }));
    expect(all).toEqual(expect.arrayContaining(["trusted eth1 . nd-a", "snat4 nd-a : 198.51.100.7"]));
    expect(all).not.toContain("masquerade4 nd-a");
  });
});

describe("openElements()", () => {
  const tcp = (containerPort: number, count = 1) => ({ protocol: "tcp", containerPort, count }) as const;

  test.each([
    [[tcp(80)], ["open4 10.0.0.2 . tcp . 80"]],
    [[tcp(80), tcp(80)], ["open4 10.0.0.2 . tcp . 80"]],
    [
      [tcp(80), { ...tcp(80), protocol: "udp" }],
      ["open4 10.0.0.2 . tcp . 80", "open4 10.0.0.2 . udp . 80"],
    ],
    [[tcp(80, 10)], ["open4-range 10.0.0.2 . tcp . 80 - 10.0.0.2 . tcp . 89"]],
    // An interval set takes no overlaps.
    [[tcp(85, 10), tcp(80, 10), tcp(95)], ["open4-range 10.0.0.2 . tcp . 80 - 10.0.0.2 . tcp . 95"]],
    [
      [tcp(80), tcp(82)],
      ["open4 10.0.0.2 . tcp . 80", "open4 10.0.0.2 . tcp . 82"],
    ],
    [[], []],
  ] as const)("%j", (ports, expected) => {
    expect(lines(openElements({ address: ip("10.0.0.2"), ports }))).toEqual(expected);
  });

  test("each family has its set", () => {
    expect(lines(openElements({ address: ip("fd00::2"), ports: [tcp(80)] }))).toEqual([
      "open6 fd00::2 . tcp . 80",
    ]);
  });
});

describe("publishElements()", () => {
  test.each([
    [port, "10.0.0.2", ["publish4-any tcp . 8080 : 10.0.0.2 . 80"]],
    [{ ...port, protocol: "udp" }, "10.0.0.2", ["publish4-any udp . 8080 : 10.0.0.2 . 80"]],
    [{ ...port, hostIp: ip("127.0.0.1") }, "10.0.0.2", ["publish4 127.0.0.1 . tcp . 8080 : 10.0.0.2 . 80"]],
    [{ ...port, hostIp: ip("::") }, "fd00::2", ["publish6-any tcp . 8080 : fd00::2 . 80"]],
    [{ ...port, hostIp: ip("2001:db8::1") }, "fd00::2", ["publish6 2001:db8::1 . tcp . 8080 : fd00::2 . 80"]],
    // Equal ports on both sides: one element, however long the range.
    [
      { ...port, containerPort: 8080, count: 100 },
      "10.0.0.2",
      ["publish4-any-range tcp . 8080 - tcp . 8179 : 10.0.0.2"],
    ],
    [
      { ...port, hostIp: ip("192.0.2.1"), containerPort: 8080, count: 2 },
      "10.0.0.2",
      ["publish4-range 192.0.2.1 . tcp . 8080 - 192.0.2.1 . tcp . 8081 : 10.0.0.2"],
    ],
    // One port is no range, even with equal ports: its map costs the same whatever is in it.
    [{ ...port, containerPort: 8080 }, "10.0.0.2", ["publish4-any tcp . 8080 : 10.0.0.2 . 8080"]],
    // Other ranges: an element a port.
    [
      { ...port, count: 2 },
      "10.0.0.2",
      ["publish4-any tcp . 8080 : 10.0.0.2 . 80", "publish4-any tcp . 8081 : 10.0.0.2 . 81"],
    ],
  ] as const)("%j to %s", (binding, target, expected) => {
    expect(lines(publishElements(binding, ip(target)))).toEqual(expected);
  });

  test.each([
    ["::", "10.0.0.2", false],
    ["0.0.0.0", "fd00::2", false],
    ["::1", "fd00::2", false],
    ["127.0.0.1", "10.0.0.2", true],
    ["::", "fd00::2", true],
  ])("%s to %s can be translated: %j", (hostIp, target, expected) => {
    expect(translatable(ip(hostIp), ip(target))).toBe(expected);
  });
});

describe("allowElements()", () => {
  const from = ["192.0.2.0/24" as Subnet, "198.51.100.7/32" as Subnet, "2001:db8::/32" as Subnet];
  test.each([
    [{ hostIp: ip("0.0.0.0") }, []],
    [
      { hostIp: ip("0.0.0.0"), from },
      [
        "guarded4 0.0.0.0 . tcp . 8080 - 255.255.255.255 . tcp . 8080",
        "allowed4 0.0.0.0 . tcp . 8080 . 192.0.2.0 - 255.255.255.255 . tcp . 8080 . 192.0.2.255",
        "allowed4 0.0.0.0 . tcp . 8080 . 198.51.100.7 - 255.255.255.255 . tcp . 8080 . 198.51.100.7",
      ],
    ],
    [
      { hostIp: ip("203.0.113.1"), count: 100, from: [from[0] as Subnet] },
      [
        "guarded4 203.0.113.1 . tcp . 8080 - 203.0.113.1 . tcp . 8179",
        "allowed4 203.0.113.1 . tcp . 8080 . 192.0.2.0 - 203.0.113.1 . tcp . 8179 . 192.0.2.255",
      ],
    ],
    // Nobody of that family is on the list: all are kept out.
    [
      { hostIp: ip("2001:db8::1"), from: [from[0] as Subnet] },
      ["guarded6 2001:db8::1 . tcp . 8080 - 2001:db8::1 . tcp . 8080"],
    ],
  ] as const)("%j", (binding, expected) => {
    expect(lines(allowElements({ ...port, ...binding }))).toEqual(expected);
  });
});

test("openFromElements() lets in whom any list of the port names, each port once", () => {
  const from = ["10.0.0.0/8", "192.0.2.0/24", "fd00::/8"] as Subnet[];
  const one = { protocol: "tcp", containerPort: 80, count: 10, from: [from[1] as Subnet] } as const;
  expect(lines(openFromElements(ip("10.9.0.2"), [one]))).toEqual([
    "open4-from 10.9.0.2 . tcp . 80 . 192.0.2.0 - 10.9.0.2 . tcp . 89 . 192.0.2.255",
  ]);
  const other = { ...one, containerPort: 85, count: 1, from };
  expect(lines(openFromElements(ip("10.9.0.2"), [one, other]))).toEqual([
    "open4-from 10.9.0.2 . tcp . 80 . 192.0.2.0 - 10.9.0.2 . tcp . 84 . 192.0.2.255",
    "open4-from 10.9.0.2 . tcp . 85 . 192.0.2.0 - 10.9.0.2 . tcp . 85 . 192.0.2.255",
    "open4-from 10.9.0.2 . tcp . 85 . 10.0.0.0 - 10.9.0.2 . tcp . 85 . 10.255.255.255",
    "open4-from 10.9.0.2 . tcp . 86 . 192.0.2.0 - 10.9.0.2 . tcp . 89 . 192.0.2.255",
  ]);
});

describe("peerElements()", () => {
  test("every port is one element, given ports are one more each", () => {
    const peer = { from: "nd-a", to: "nd-b" };
    expect(lines(peerElements({ ...peer, ports: [] }))).toEqual([
      "peers nd-a . nd-b : accept",
      "peered nd-a . nd-b",
    ]);
    const ports = [
      { protocol: "tcp", first: 80, last: 80 },
      { protocol: "udp", first: 8000, last: 8009 },
    ] as const;
    expect(lines(peerElements({ ...peer, ports }))).toEqual([
      "peers nd-a . nd-b : goto peer-ports",
      "peered nd-a . nd-b",
      "peer-ports nd-a . nd-b . tcp . 80 - nd-a . nd-b . tcp . 80",
      "peer-ports nd-a . nd-b . udp . 8000 - nd-a . nd-b . udp . 8009",
    ]);
  });
});

test("elements fit their maps", () => {
  const maps = new Map(TABLE.maps.map((map) => [map.name, map]));
  const elements = [
    ...networkElements({ ...open, leave6: "masquerade" }),
    ...networkElements({ ...open, trusted: ["eth1"], leave4: ip("192.0.2.7"), leave6: ip("2001:db8::7") }),
    ...networkElements({ ...open, internal: true, mode4: "isolated", icc: false }),
    ...["10.0.0.2", "fd00::2"].flatMap((address) =>
      [1, 9].flatMap((count) => openElements({ address: ip(address), ports: [{ ...port, count }] })),
    ),
    ...["0.0.0.0", "192.0.2.1"].flatMap((host) =>
      [80, 8080].flatMap((first) =>
        publishElements({ ...port, hostIp: ip(host), containerPort: first, count: 3 }, ip("10.0.0.2")),
      ),
    ),
    ...["::", "2001:db8::1"].flatMap((host) =>
      [80, 8080].flatMap((first) =>
        publishElements({ ...port, hostIp: ip(host), containerPort: first, count: 3 }, ip("fd00::2")),
      ),
    ),
  ];
  const from = ["192.0.2.0/24" as Subnet, "2001:db8::/32" as Subnet];
  for (const host of ["0.0.0.0", "::"]) elements.push(...allowElements({ ...port, hostIp: ip(host), from }));
  elements.push(
    ...peerElements({ from: "nd-a", to: "nd-b", ports: [{ protocol: "tcp", first: 80, last: 90 }] }),
  );
  for (const to of ["10.0.0.2", "fd00::2"]) {
    elements.push(...openFromElements(ip(to), [{ protocol: "tcp", containerPort: 80, count: 1, from }]));
  }
  const rules = from.map((to) => ({ action: "allow" as const, to, ports: [] }));
  elements.push(...policyElements("nd-a", { default: "deny", rules }));
  for (const own of ["10.0.0.2", "fd00::2"])
    elements.push(...ownPolicyElements(ip(own), { default: "deny", rules }));
  // Together they use every map there is.
  expect(new Set(elements.map(({ map }) => map))).toEqual(new Set(maps.keys()));
  const wrong = elements.filter((element) => !fits(maps.get(element.map), element));
  expect(wrong).toEqual([]);
});

function fits(map: MapDeclaration | undefined, { key, keyEnd, data }: FirewallElement): boolean {
  if (
    map === undefined ||
    key.length !== map.key.length ||
    (keyEnd !== undefined) !== (map.interval === true)
  )
    return false;
  if (map.data === undefined) return data === undefined;
  return map.data === "verdict"
    ? typeof data === "string"
    : Array.isArray(data) && data.length === map.data.length;
}

describe("diffElements()", () => {
  const element = fc
    .record({
      protocol: fc.constantFrom("tcp" as const, "udp" as const),
      hostPort: fc.integer({ min: 1, max: 6 }),
      to: fc.constantFrom("10.0.0.2", "10.0.0.3"),
    })
    .map(({ to, ...what }) => publishElements({ ...port, ...what }, ip(to))[0] as FirewallElement);
  const table = fc.uniqueArray(element, { selector: elementKey });
  const asMap = (elements: readonly FirewallElement[]): Map<string, string> =>
    new Map(elements.map((one) => [elementKey(one), elementData(one)]));

  test("carried out on one list gives the other, and touches nothing that is equal", () => {
    fc.assert(
      fc.property(table, table, (from, to) => {
        const { add, remove } = diffElements(from, to);
        const state = asMap(from);
        for (const one of remove) expect(state.delete(elementKey(one))).toBe(true);
        for (const one of add) {
          expect(state.has(elementKey(one))).toBe(false);
          state.set(elementKey(one), elementData(one));
        }
        expect(state).toEqual(asMap(to));
        const same = from.filter((one) => asMap(to).get(elementKey(one)) === elementData(one));
        expect(add.length).toBe(to.length - same.length);
        expect(remove.length).toBe(from.length - same.length);
      }),
    );
  });
});
