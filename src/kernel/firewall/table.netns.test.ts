import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FirewallElement } from "../../model/firewall.ts";
import type { Ip } from "../../base/ip.ts";
import {
  diffElements,
  formatRuleset,
  networkElements,
  publishElements,
  resolverRedirect,
  TABLE,
} from "../../plan/firewall/index.ts";
import { Lab, type LabNode, needsCommand } from "../../testkit/lab.ts";
import { NETLINK } from "../../wire/netlink/numbers.ts";
import { NetlinkSocket } from "../netlink-socket.ts";
import {
  checkBatch,
  compileChange,
  compileRedirect,
  compileRemoval,
  compileTable,
  decodeElements,
  type FirewallBatch,
  readTable,
  type TableDump,
  tableIsOurs,
} from "./index.ts";

const OPEN = {
  internal: false,
  icc: true,
  trusted: ["eth7"],
  mode4: "nat",
  mode6: "routed",
  leave4: "masquerade",
  leave6: "masquerade",
} as const;

const binding = (
  hostIp: string,
  hostPort: number,
  containerPort: number,
  count: number,
  to: string,
): FirewallElement[] =>
  publishElements({ protocol: "tcp", hostIp: hostIp as Ip, hostPort, containerPort, count }, to as Ip);

const ELEMENTS: readonly FirewallElement[] = [
  ...networkElements({ bridge: "nd-a", ...OPEN }),
  ...networkElements({ bridge: "nd-longest-name", ...OPEN, internal: true, icc: false }),
  ...binding("0.0.0.0", 8080, 80, 1, "10.0.0.2"),
  ...binding("127.0.0.1", 8000, 8000, 100, "10.0.0.2"),
  ...binding("::", 9000, 9010, 3, "fd00::2"),
  ...binding("2001:db8::1", 9000, 9000, 2, "fd00::2"),
];

let lab: Lab;
let host: LabNode;
let socket: NetlinkSocket;

beforeEach(() => {
  lab = new Lab();
  host = lab.node("host");
  socket = host.visit(() => new NetlinkSocket(NETLINK.NETFILTER, new Uint8Array(0x4_0000)));
});

afterEach(() => {
  socket.close();
  lab[Symbol.dispose]();
});

const run = (batch: FirewallBatch | undefined): void => {
  if (batch !== undefined) checkBatch(batch, socket.sendRaw(batch.bytes), "test");
};
const read = (): TableDump | undefined => readTable((request, decode) => socket.dump(request, decode));
const readIt = (): TableDump => {
  const dump = read();
  if (dump === undefined) throw new Error("there is no table");
  return dump;
};
const write = (elements: readonly FirewallElement[]): void =>
  run(compileTable(elements, { observed: read(), firstSeq: 1 }));
const inTable = (): FirewallElement[] => decodeElements(readIt());
const SAME = { add: [], remove: [] };

describe("compileTable()", () => {
  test("makes what is read back as ours, with its elements", () => {
    expect(read()).toBeUndefined();
    write(ELEMENTS);
    expect(tableIsOurs(readIt())).toBe(true);
    expect(diffElements(inTable(), ELEMENTS)).toEqual(SAME);
  });

  test("replaces elements and rules, and nothing of the user's", (context) => {
    needsCommand(context, "nft", "nftables");
    write(ELEMENTS);
    // A rule of the user's may stand on a set of ours, a chain and a set of his own.
    host.sh(
      "nft add set inet netdock user-blocked '{ type ipv4_addr; }'",
      "nft add chain inet netdock user-more",
      "nft add rule inet netdock user-more ip saddr @user-blocked counter drop",
      "nft add rule inet netdock user-forward iifname @bridges jump user-more",
    );
    const before = host.sh(
      "nft list chain inet netdock user-forward",
      "nft list chain inet netdock user-more",
    );
    write(ELEMENTS.slice(3));
    expect(tableIsOurs(readIt())).toBe(true);
    expect(diffElements(inTable(), ELEMENTS.slice(3))).toEqual(SAME);
    expect(host.sh("nft list chain inet netdock user-forward", "nft list chain inet netdock user-more")).toBe(
      before,
    );
  });

  test.for([
    ["a rule gone", "nft flush chain inet netdock guard"],
    ["a rule too many", "nft add rule inet netdock forward drop"],
    [
      "a rule changed",
      "nft flush chain inet netdock guard; nft add rule inet netdock guard ip daddr 126.0.0.0/8 iifname @bridges drop",
    ],
    [
      "a lookup inverted",
      "nft flush chain inet netdock guard; nft add rule inet netdock guard ip daddr 127.0.0.0/8 iifname != @bridges drop",
    ],
    ["a policy changed", "nft add chain inet netdock forward '{ policy drop; }'"],
    [
      "a chain of another version",
      "nft add chain inet netdock old; nft add rule inet netdock forward jump old",
    ],
    [
      "a map of another version",
      "nft add map inet netdock old '{ type ifname : verdict; }'; nft add element inet netdock old '{ x : goto hairpin }'",
    ],
    ["an element for any key", "nft add element inet netdock to '{ * : accept }'"],
    [
      "a map of another type",
      "nft flush chain inet netdock publish4; nft delete map inet netdock publish4; nft add map inet netdock publish4 '{ type ipv4_addr : ipv4_addr; }'",
    ],
    [
      "a chain on another hook",
      "nft flush chain inet netdock guard; nft delete chain inet netdock guard; nft add chain inet netdock guard '{ type filter hook input priority 5; }'",
    ],
    ["an anonymous set", "nft add rule inet netdock forward tcp dport '{ 1, 2 }' drop"],
  ] as const)("sees and repairs %s", ([, commands], context) => {
    needsCommand(context, "nft", "nftables");
    write(ELEMENTS);
    host.sh(commands);
    expect(tableIsOurs(readIt())).toBe(false);
    write(ELEMENTS);
    expect(tableIsOurs(readIt())).toBe(true);
    expect(diffElements(inTable(), ELEMENTS)).toEqual(SAME);
  });

  test("takes ten thousand published ports in one transaction", () => {
    const many = Array.from({ length: 10_000 }, (_, i) =>
      binding("192.0.2.1", i + 1, 80, 1, "10.0.0.2"),
    ).flat();
    write(many);
    expect(diffElements(inTable(), many)).toEqual(SAME);
  });

  test("compileRemoval() leaves no table, twice over", () => {
    write(ELEMENTS);
    run(compileRemoval(1));
    expect(read()).toBeUndefined();
    run(compileRemoval(1));
    expect(read()).toBeUndefined();
  });
});

describe("compileChange()", () => {
  const one = binding("192.0.2.1", 8080, 80, 1, "10.0.0.2");
  const range = binding("192.0.2.1", 8000, 8000, 50, "10.0.0.2");
  const network = networkElements({ bridge: "nd-z", ...OPEN });

  test.each([
    ["a port", one],
    ["a range", range],
    ["a shifted range", binding("::", 100, 200, 300, "fd00::2")],
    ["a network", network],
  ])("adds and removes %s, also when it is there or absent already", (_, elements) => {
    write(ELEMENTS);
    const change = { add: elements, remove: [] };
    run(compileChange(change, 7));
    run(compileChange(change, 7));
    expect(diffElements(inTable(), [...ELEMENTS, ...elements])).toEqual(SAME);
    const back = { add: [], remove: elements };
    run(compileChange(back, 7));
    run(compileChange(back, 7));
    expect(diffElements(inTable(), ELEMENTS)).toEqual(SAME);
  });

  test("gives a key in both lists its new data", () => {
    write(ELEMENTS);
    run(compileChange({ add: [...one, ...range], remove: [] }, 7));
    const moved = binding("192.0.2.1", 8080, 81, 1, "10.0.0.3");
    const shorter = binding("192.0.2.1", 8000, 8000, 20, "10.0.0.3");
    run(compileChange({ add: [...moved, ...shorter], remove: [...one, ...range] }, 7));
    expect(diffElements(inTable(), [...ELEMENTS, ...moved, ...shorter])).toEqual(SAME);
  });

  test("is all or nothing, and its error names the element", () => {
    write(ELEMENTS);
    const clash = [
      ...one,
      ...binding("0.0.0.0", 8080, 81, 1, "10.0.0.9"),
      ...binding("192.0.2.1", 8081, 80, 1, "10.0.0.2"),
    ];
    expect(() => run(compileChange({ add: clash, remove: [] }, 7))).toThrow(
      expect.objectContaining({
        code: "conflict",
        errno: "EEXIST",
        subject: "element publish4-any tcp . 8080",
      }),
    );
    // Also where many travel in one message.
    const list = Array.from({ length: 9 }, (_, i) => binding("0.0.0.0", 8075 + i, 81, 1, "10.0.0.9")).flat();
    expect(() => run(compileChange({ add: list, remove: [] }, 7))).toThrow(
      expect.objectContaining({ subject: "element publish4-any tcp . 8080" }),
    );
    expect(diffElements(inTable(), ELEMENTS)).toEqual(SAME);
  });

  test("without a table it says so", () => {
    expect(() => run(compileChange({ add: one, remove: [] }, 7))).toThrow(
      expect.objectContaining({ code: "not_found", errno: "ENOENT" }),
    );
  });
});

describe("nft", () => {
  /** As nft 1.0 and later write it, without layout, with priorities as numbers and elements in the order of their text. */
  const plain = (text: string): string =>
    text
      .replaceAll(
        /priority (raw|dstnat|filter|srcnat);/g,
        (_, name: string) => `priority ${PRIORITIES[name]};`,
      )
      .replaceAll(/\s+/g, " ")
      .replaceAll(/(?<=elements = \{ )[^}]*(?= \})/g, (list) => list.split(", ").toSorted().join(", "))
      .trim();

  test("shows our table as formatRuleset() does", (context) => {
    needsCommand(context, "nft", "nftables");
    write(ELEMENTS);
    expect(plain(host.sh("nft list ruleset"))).toBe(plain(formatRuleset(TABLE, ELEMENTS)));
    run(compileRemoval(1));
    run(compileRedirect(40_000, 1));
    expect(plain(host.sh("nft list ruleset"))).toBe(plain(formatRuleset(resolverRedirect(40_000), [])));
  });

  test("makes of the same text what we make", (context) => {
    needsCommand(context, "nft", "nftables");
    host.sh(`nft -f - <<'END'\n${formatRuleset(TABLE, ELEMENTS)}END`);
    const { rules, ...rest } = readIt();
    // nft turns the single byte of the protocol around where a key may be a range, which changes nothing.
    const same = rules.map(({ expressions = [], ...rule }) => ({
      ...rule,
      expressions: expressions.filter(({ kind }) => kind !== "byteorder"),
    }));
    expect(tableIsOurs({ ...rest, rules: same })).toBe(true);
    expect(diffElements(inTable(), ELEMENTS)).toEqual(SAME);
  });
});

const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, dstnat: -100, filter: 0, srcnat: 100 };

test("compileRedirect() replaces the port; 0 removes the table", (context) => {
  needsCommand(context, "nft", "nftables");
  run(compileRedirect(40_000, 1));
  run(compileRedirect(40_001, 1));
  const text = host.sh("nft list table ip netdock-dns");
  expect(text.match(/40001/g)).toHaveLength(4);
  expect(text).not.toContain("40000");
  run(compileRedirect(0, 1));
  run(compileRedirect(0, 1));
  expect(host.sh("nft list tables")).toBe("");
});
