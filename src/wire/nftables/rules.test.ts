import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseRecorded, words } from "../../testkit/hex.ts";
import { decodeMessages, encodeMessage } from "../netlink/message.ts";
import {
  addRule,
  compare,
  CT_STATE,
  encodeKey,
  type Expression,
  immediate,
  IPS,
  loadAddressType,
  loadCt,
  loadMeta,
  loadPayload,
  lookupMap,
  lookupSet,
  mask,
  masquerade,
  nat,
  NF_NAT_RANGE,
  NFPROTO,
  NFT_CMP,
  NFT_CT,
  NFT_LIMIT,
  NFT_META,
  NFT_NAT,
  NFT_REG,
  NFT_REJECT,
  notrack,
  storePayload,
  verdictExpr,
} from "./index.ts";

const IN = { family: NFPROTO.INET, table: "t" };
const R1 = NFT_REG.R1;
const R2 = NFT_REG.R2;

const host32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const net16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);

const verdict = (kind: "accept" | "drop" | "return" | "continue"): Expression => verdictExpr({ kind });

/** `meta … ==`, `ip …`: what nft adds before a header's fields. */
const nfproto = (family: number): Expression[] => [
  loadMeta(NFT_META.NFPROTO, R1),
  compare(R1, "==", Uint8Array.of(family)),
];
const l4proto = (number: number): Expression[] => [
  loadMeta(NFT_META.L4PROTO, R1),
  compare(R1, "==", Uint8Array.of(number)),
];
const dport = { base: "transport", offset: 2, len: 2 } as const;
const ip = {
  saddr: { base: "network", offset: 12, len: 4 },
  daddr: { base: "network", offset: 16, len: 4 },
} as const;
const any = (bits: number): Expression[] => [mask(R1, R1, host32(bits)), compare(R1, "!=", host32(0))];

/** Sets are known to nft by number. */
const withId = (expression: Expression, setId: number): Expression =>
  expression.kind === "lookup" ? { kind: "lookup", data: { ...expression.data, setId } } : expression;

const RULES: Readonly<Record<string, readonly Expression[]>> = {
  accept: [verdict("accept")],
  "jump other": [verdictExpr({ kind: "jump", chain: "other" })],
  "goto other": [verdictExpr({ kind: "goto", chain: "other" })],
  return: [verdict("return")],
  continue: [verdict("continue")],
  notrack: [notrack],
  masquerade: [masquerade],
  counter: [{ kind: "counter", data: {} }],
  'iifname "br0"': [loadMeta(NFT_META.IIFNAME, R1), compare(R1, "==", encodeKey(["ifname"], ["br0"], "key"))],
  "meta mark 0x10": [loadMeta(NFT_META.MARK, R1), compare(R1, "==", host32(0x10))],
  "meta mark set 0x10": [
    immediate(R1, host32(0x10)),
    { kind: "meta", data: { key: NFT_META.MARK, sreg: R1 } },
  ],
  "meta nfproto ipv4 accept": [...nfproto(NFPROTO.IPV4), verdict("accept")],
  "meta l4proto tcp": l4proto(6),
  "ip daddr 127.0.0.0/8 drop": [
    ...nfproto(NFPROTO.IPV4),
    loadPayload({ ...ip.daddr, len: 1 }, R1),
    compare(R1, "==", Uint8Array.of(127)),
    verdict("drop"),
  ],
  "ip daddr 10.0.0.0/12": [
    ...nfproto(NFPROTO.IPV4),
    loadPayload(ip.daddr, R1),
    mask(R1, R1, Uint8Array.of(0xff, 0xf0, 0, 0)),
    compare(R1, "==", Uint8Array.of(10, 0, 0, 0)),
  ],
  "ip6 daddr ::1": [
    ...nfproto(NFPROTO.IPV6),
    loadPayload({ base: "network", offset: 24, len: 16 }, R1),
    compare(R1, "==", encodeKey(["ipv6_addr"], ["::1"], "key")),
  ],
  "udp dport set 5353": [...l4proto(17), immediate(R1, net16(5353)), storePayload(dport, R1, 6)],
  "tcp dport 80": [...l4proto(6), loadPayload(dport, R1), compare(R1, "==", net16(80))],
  "tcp dport != 10-20": [
    ...l4proto(6),
    loadPayload(dport, R1),
    { kind: "range", data: { sreg: R1, op: 1, from: { value: net16(10) }, to: { value: net16(20) } } },
  ],
  "ip saddr != 192.0.2.1": [
    ...nfproto(NFPROTO.IPV4),
    loadPayload(ip.saddr, R1),
    compare(R1, "!=", encodeKey(["ipv4_addr"], ["192.0.2.1"], "key")),
  ],
  "ct state established,related accept": [
    loadCt(NFT_CT.STATE, R1),
    ...any(CT_STATE.ESTABLISHED | CT_STATE.RELATED),
    verdict("accept"),
  ],
  "ct mark set 7": [immediate(R1, host32(7)), { kind: "ct", data: { key: NFT_CT.MARK, sreg: R1 } }],
  "ct original packets > 3": [
    { kind: "ct", data: { key: NFT_CT.PKTS, dreg: R1, direction: 0 } },
    { kind: "byteorder", data: { sreg: R1, dreg: R1, op: 1, len: 8, size: 8 } },
    {
      kind: "cmp",
      data: { sreg: R1, op: NFT_CMP.GT, data: { value: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 3) } },
    },
  ],
  "ct status dnat": [loadCt(NFT_CT.STATUS, R1), ...any(IPS.DST_NAT)],
  "fib daddr type local": [loadAddressType("daddr", R1), compare(R1, "==", host32(2))],
  "iifname @names": [loadMeta(NFT_META.IIFNAME, R1), withId(lookupSet("names", R1, false), 1)],
  "iifname != @names drop": [
    loadMeta(NFT_META.IIFNAME, R1),
    { kind: "lookup", data: { sreg: R1, set: "names", setId: 1, flags: 1 } },
    verdict("drop"),
  ],
  "iifname . oifname vmap @pairs": [
    loadMeta(NFT_META.IIFNAME, R1),
    loadMeta(NFT_META.OIFNAME, R2),
    withId(lookupMap("pairs", R1, NFT_REG.VERDICT), 3),
  ],
  "dnat ip to ip daddr . meta l4proto . th dport map @ports": [
    ...nfproto(NFPROTO.IPV4),
    loadPayload(ip.daddr, R1),
    loadMeta(NFT_META.L4PROTO, 9),
    loadPayload(dport, 10),
    withId(lookupMap("ports", R1, R1), 4),
    nat({ type: NFT_NAT.DNAT, family: NFPROTO.IPV4, address: R1, port: 9 }),
  ],
  "snat ip to 192.0.2.1-192.0.2.9 persistent": [
    immediate(R1, encodeKey(["ipv4_addr"], ["192.0.2.1"], "key")),
    immediate(R2, encodeKey(["ipv4_addr"], ["192.0.2.9"], "key")),
    {
      kind: "nat",
      data: {
        type: NFT_NAT.SNAT,
        family: NFPROTO.IPV4,
        addrMin: R1,
        addrMax: R2,
        flags: NF_NAT_RANGE.PERSISTENT,
      },
    },
  ],
  "tcp dport 80 redirect to :8080": [
    ...l4proto(6),
    loadPayload(dport, R1),
    compare(R1, "==", net16(80)),
    immediate(R1, net16(8080)),
    { kind: "redir", data: { protoMin: R1, flags: NF_NAT_RANGE.PROTO_SPECIFIED } },
  ],
  "masquerade random": [{ kind: "masq", data: { flags: NF_NAT_RANGE.PROTO_RANDOM } }],
  "limit rate 10/second burst 20 packets": [
    { kind: "limit", data: { rate: 10n, unit: 1n, burst: 20, type: NFT_LIMIT.PKTS, flags: 0 } },
  ],
  "limit rate over 1 mbytes/second": [
    { kind: "limit", data: { rate: 0x10_0000n, unit: 1n, type: NFT_LIMIT.PKT_BYTES, flags: 1 } },
  ],
  'log prefix "dropped: " level info': [{ kind: "log", data: { prefix: "dropped: ", level: 6 } }],
  "log group 5 snaplen 64": [{ kind: "log", data: { group: 5, snaplen: 64 } }],
  reject: [{ kind: "reject", data: { type: NFT_REJECT.ICMPX_UNREACH, icmpCode: 1 } }],
  "reject with tcp reset": [
    ...l4proto(6),
    { kind: "reject", data: { type: NFT_REJECT.TCP_RST, icmpCode: 0 } },
  ],
  "reject with icmpx admin-prohibited": [
    { kind: "reject", data: { type: NFT_REJECT.ICMPX_UNREACH, icmpCode: 3 } },
  ],
  "meta mark set meta mark and 0xff or 0x100": [
    loadMeta(NFT_META.MARK, R1),
    {
      kind: "bitwise",
      data: {
        sreg: R1,
        dreg: R1,
        op: 0,
        len: 4,
        mask: { value: host32(0xff) },
        xor: { value: host32(0x100) },
      },
    },
    { kind: "meta", data: { key: NFT_META.MARK, sreg: R1 } },
  ],
};

const PREFIX = "add rule inet t c ";
const rules = parseRecorded(readFileSync(new URL("testdata/nft.txt", import.meta.url), "utf8"))
  .map(({ note, bytes }) => ({ text: note.replace(/^.*nft /s, ""), bytes }))
  .filter(({ text }) => text.startsWith(PREFIX))
  .map(({ text, bytes }) => ({ text: text.slice(PREFIX.length), bytes }));

test.each(rules.filter(({ text }) => text in RULES))("nft add rule: $text", ({ text, bytes }) => {
  const [message] = decodeMessages(bytes);
  const request = addRule({ ...IN, chain: "c", expressions: RULES[text] ?? [] });
  expect(words(encodeMessage({ ...request, seq: message?.seq ?? 0, pid: 0 }))).toEqual(words(bytes));
});

test("every rule here was recorded", () => {
  expect(Object.keys(RULES).filter((text) => !rules.some((rule) => rule.text === text))).toEqual([]);
});
