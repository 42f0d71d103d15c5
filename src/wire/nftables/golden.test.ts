import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseRecorded, words } from "../../testkit/hex.ts";
import { decodeMessages, encodeMessage, type Request } from "../netlink/message.ts";
import { NLM_F } from "../netlink/numbers.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  type Data,
  decodeNft,
  deleteChain,
  deleteElements,
  deleteRule,
  deleteSet,
  deleteTable,
  encodeKey,
  encodeNft,
  flushRules,
  flushSet,
  isNft,
  NF_INET,
  NFPROTO,
  NFT_TABLE_F,
  NFT_VERDICT,
  type NftType,
  setType,
  verdictExpr,
} from "./index.ts";

const IN = { family: NFPROTO.INET, table: "t" };
const key = (types: readonly NftType[], ...values: (string | number)[]): Data => ({
  value: encodeKey(types, values, "key"),
});
/** nft names sets by number where it knows them. */
const names = { ...IN, set: "names", setId: 1 };

const SETS: Readonly<Record<string, Request>> = {
  "add set inet t s { type ipv4_addr; }": addSet({
    ...IN,
    name: "s",
    id: 1,
    type: setType({ key: ["ipv4_addr"] }),
  }),
  'add set inet t s { type ifname; comment "ours"; }': addSet({
    ...IN,
    name: "s",
    id: 1,
    type: setType({ key: ["ifname"] }),
    comment: "ours",
  }),
  "add map inet t s { type ifname : verdict; }": addSet({
    ...IN,
    name: "s",
    id: 1,
    type: setType({ key: ["ifname"], data: "verdict" }),
  }),
  "add map inet t s { type inet_service : ipv4_addr; }": addSet({
    ...IN,
    name: "s",
    id: 1,
    type: setType({ key: ["inet_service"], data: ["ipv4_addr"] }),
  }),
  "add set inet t s { type ipv4_addr; timeout 10s; }": addSet({
    ...IN,
    name: "s",
    id: 1,
    type: { ...setType({ key: ["ipv4_addr"] }), flags: 0x10, timeout: 10_000n },
  }),
  "delete set inet t names": deleteSet({ ...IN, name: "names" }),
  'add element inet t names { "br1" comment "second" }': addElements({
    ...names,
    elements: [{ key: key(["ifname"], "br1"), userdata: new TextEncoder().encode("\0\x07second\0") }],
  }),
  'add element inet t names { "br0" }': addElements({
    ...names,
    elements: [{ key: key(["ifname"], "br0") }],
  }),
  "add element inet t addrs { 192.0.2.1 timeout 5s }": addElements({
    ...IN,
    set: "addrs",
    setId: 2,
    elements: [{ timeout: 5000n, key: key(["ipv4_addr"], "192.0.2.1") }],
  }),
  'add element inet t pairs { "br0" . "br1" : goto other }': addElements({
    ...IN,
    set: "pairs",
    setId: 3,
    elements: [
      { key: key(["ifname", "ifname"], "br0", "br1"), data: { verdict: { kind: "goto", chain: "other" } } },
    ],
  }),
  "add element inet t ports { 192.0.2.1 . tcp . 8080 : 10.0.0.2 . 80 }": addElements({
    ...IN,
    set: "ports",
    setId: 4,
    elements: [
      {
        key: key(["ipv4_addr", "inet_proto", "inet_service"], "192.0.2.1", "tcp", 8080),
        data: key(["ipv4_addr", "inet_service"], "10.0.0.2", 80),
      },
    ],
  }),
  "add element inet t ranges { 192.0.2.1 . udp . 8000-8099 : 10.0.0.2 }": addElements({
    ...IN,
    set: "ranges",
    setId: 5,
    elements: [
      {
        key: key(["ipv4_addr", "inet_proto", "inet_service"], "192.0.2.1", "udp", 8000),
        keyEnd: key(["ipv4_addr", "inet_proto", "inet_service"], "192.0.2.1", "udp", 8099),
        data: key(["ipv4_addr"], "10.0.0.2"),
      },
    ],
  }),
  'delete element inet t names { "br0" }': deleteElements({
    ...IN,
    set: "names",
    elements: [{ key: key(["ifname"], "br0") }],
  }),
};

const base = (
  type: "filter" | "nat",
  hooknum: number,
  priority: number,
): { type: typeof type; hooknum: number; priority: number } => ({
  type,
  hooknum,
  priority,
});

const COMMANDS: Readonly<Record<string, Request>> = {
  "add table inet t": addTable({ family: NFPROTO.INET, name: "t" }),
  'add table inet t { comment "of netdock"; }': addTable({
    family: NFPROTO.INET,
    name: "t",
    comment: "of netdock",
  }),
  "add table ip t { flags dormant; }": addTable({
    family: NFPROTO.IPV4,
    name: "t",
    flags: NFT_TABLE_F.DORMANT,
  }),
  "delete table inet t": deleteTable({ family: NFPROTO.INET, name: "t" }),
  "add chain inet t d": addChain({ ...IN, name: "d" }),
  'add chain inet t d { comment "for jumps"; }': addChain({ ...IN, name: "d", comment: "for jumps" }),
  "add chain inet t d { type filter hook forward priority filter; policy drop; }": addChain({
    ...IN,
    name: "d",
    hook: base("filter", NF_INET.FORWARD, 0),
    policy: NFT_VERDICT.DROP,
  }),
  "add chain inet t d { type nat hook prerouting priority -100; }": addChain({
    ...IN,
    name: "d",
    hook: base("nat", NF_INET.PRE_ROUTING, -100),
  }),
  'add chain netdev t d { type filter hook ingress device "lo" priority 0; }': addChain({
    family: NFPROTO.NETDEV,
    table: "t",
    name: "d",
    hook: { ...base("filter", 0, 0), dev: "lo" },
  }),
  "delete chain inet t other": deleteChain({ ...IN, name: "other" }),
  "flush chain inet t c": flushRules({ ...IN, chain: "c" }),
  "flush table inet t": flushRules(IN),
  "delete rule inet t c handle 3": deleteRule({ ...IN, chain: "c", handle: 3n }),
  'add rule inet t c drop comment "the rest"': addRule({
    ...IN,
    chain: "c",
    expressions: [verdictExpr({ kind: "drop" })],
    comment: "the rest",
  }),
  "add rule inet t c handle 3 drop": addRule({
    ...IN,
    chain: "c",
    expressions: [verdictExpr({ kind: "drop" })],
    after: 3n,
  }),
  ...SETS,
};

const recorded = parseRecorded(readFileSync(new URL("testdata/nft.txt", import.meta.url), "utf8")).map(
  ({ note, bytes }) => ({ command: note.replace(/^.*nft /s, ""), bytes }),
);

describe("nft sends what we send", () => {
  test.each(recorded.filter(({ command }) => command in COMMANDS))("$command", ({ command, bytes }) => {
    const request = COMMANDS[command];
    if (request === undefined) throw new Error(`no request for ${command}`);
    const seq = decodeMessages(bytes)[0]?.seq ?? 0;
    expect(words(encodeMessage({ ...request, seq, pid: 0 }))).toEqual(words(bytes));
  });

  test("every command here was recorded", () => {
    const commands = new Set(recorded.map(({ command }) => command));
    expect(Object.keys(COMMANDS).filter((command) => !commands.has(command))).toEqual([]);
  });

  test("flush set: the same attributes in another order", () => {
    const { bytes } = recorded.find(({ command }) => command.startsWith("flush set")) ?? {
      bytes: new Uint8Array(0),
    };
    const [message] = decodeMessages(bytes);
    expect(message && decodeNft(message)).toEqual(decodeNft(flushSet({ ...IN, set: "names" })));
  });
});

describe("what nft sends is read and written back byte for byte", () => {
  test.each(recorded)("$command", ({ bytes }) => {
    const [message] = decodeMessages(bytes);
    if (message === undefined || !isNft(message)) throw new Error("no message of nf_tables");
    const read = decodeNft(message);
    if (read.kind === "unknown") throw new Error("an unknown message");
    // nft sets NLM_F_APPEND and others; they are of the request, not of what it is about.
    const again = encodeNft(read, message.flags & ~NLM_F.REQUEST);
    expect(words(encodeMessage({ ...again, seq: message.seq, pid: message.pid }))).toEqual(words(bytes));
  });

  test("an expression that is not known keeps its name and bytes", () => {
    const { bytes } = recorded.find(({ command }) => command.includes("counter name")) ?? {
      bytes: new Uint8Array(0),
    };
    const [message] = decodeMessages(bytes);
    const read = message === undefined ? undefined : decodeNft(message);
    expect(read?.kind === "rule" && read.value.expressions).toMatchObject([
      { kind: "unknown", name: "objref" },
    ]);
  });
});
