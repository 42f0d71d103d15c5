import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeError, Reader, Writer } from "../../base/cursor.ts";
import { ipFromBytes } from "../../base/ip.ts";
import { macFromBytes } from "../../base/mac.ts";
import { decodeMessages, type Message } from "../netlink/message.ts";
import { NLM_F } from "../netlink/numbers.ts";
import {
  addElements,
  addRule,
  addTable,
  commentData,
  commentOf,
  decodeKey,
  decodeNft,
  encodeKey,
  encodeNft,
  type Expression,
  expression,
  type FieldValue,
  keySize,
  NFNL_MSG_BATCH,
  NFPROTO,
  type NftMessage,
  type NftType,
  packTypes,
  setType,
  transaction,
  unpackTypes,
  type Verdict,
} from "./index.ts";

const be32 = fc.integer({ min: 0, max: 0xffff_ffff });
const be64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const bytes = fc.uint8Array({ maxLength: 40 });
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/);

const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.constantFrom("accept", "drop", "continue", "break", "return").map((kind) => ({ kind })),
  fc.record({ kind: fc.constantFrom("jump", "goto"), chain: name }),
);
const data = fc.oneof(
  bytes.map((value) => ({ value })),
  verdict.map((one) => ({ verdict: one })),
);
const some = { requiredKeys: [] };

const anyExpression: fc.Arbitrary<Expression> = fc.oneof(
  fc.record({ key: be32, dreg: be32, sreg: be32 }, some).map((d): Expression => ({ kind: "meta", data: d })),
  fc
    .record({ dreg: be32, base: be32, offset: be32, len: be32, csumType: be32, csumOffset: be32 }, some)
    .map((d): Expression => ({ kind: "payload", data: d })),
  fc.record({ sreg: be32, op: be32, data }).map((d): Expression => ({ kind: "cmp", data: d })),
  fc
    .record({ sreg: be32, dreg: be32, len: be32, mask: data, xor: data }, some)
    .map((d): Expression => ({ kind: "bitwise", data: d })),
  fc.record({ dreg: be32, data }).map((d): Expression => ({ kind: "immediate", data: d })),
  fc
    .record({ set: name, sreg: be32, flags: be32 }, some)
    .map((d): Expression => ({ kind: "lookup", data: d })),
  fc
    .record({ rate: be64, unit: be64, burst: be32 }, some)
    .map((d): Expression => ({ kind: "limit", data: d })),
  fc
    .record({ key: be32, direction: fc.integer({ min: 0, max: 255 }) }, some)
    .map((d): Expression => ({ kind: "ct", data: d })),
  fc
    .record({ prefix: name, group: fc.integer({ min: 0, max: 0xffff }) }, some)
    .map((d): Expression => ({ kind: "log", data: d })),
  fc
    .record({ name: fc.constantFrom("exthdr", "numgen", "later"), bytes })
    .map((d): Expression => ({ kind: "unknown", ...d })),
);

const element = fc.record(
  { key: data, keyEnd: data, data, flags: be32, timeout: be64, userdata: bytes, expr: anyExpression },
  some,
);

const anyMessage: fc.Arbitrary<NftMessage> = fc
  .tuple(
    fc.constantFrom("new", "get", "delete"),
    fc.constantFrom(...Object.values(NFPROTO)),
    fc.oneof(
      fc
        .record({ name, flags: be32, handle: be64, userdata: bytes }, some)
        .map((value) => ({ kind: "table", value })),
      fc
        .record(
          {
            table: name,
            name,
            hook: fc.record(
              { hooknum: be32, priority: fc.integer(), dev: name, devs: fc.array(name, { maxLength: 3 }) },
              some,
            ),
            policy: be32,
            counters: fc.record({ bytes: be64, packets: be64 }, some),
          },
          some,
        )
        .map((value) => ({ kind: "chain", value })),
      fc
        .record(
          { table: name, chain: name, handle: be64, expressions: fc.array(anyExpression, { maxLength: 5 }) },
          some,
        )
        .map((value) => ({ kind: "rule", value })),
      fc
        .record(
          {
            table: name,
            name,
            keyType: be32,
            desc: fc.record(
              { size: be32, concat: fc.array(fc.record({ len: be32 }), { maxLength: 4 }) },
              some,
            ),
            timeout: be64,
          },
          some,
        )
        .map((value) => ({ kind: "set", value })),
      fc
        .record({ table: name, set: name, elements: fc.array(element, { maxLength: 4 }) }, some)
        .map((value) => ({ kind: "elements", value })),
      fc
        .record({ table: name, name, type: be32, data: bytes }, some)
        .map((value) => ({ kind: "object", value })),
    ),
  )
  .map(([verb, family, rest]) => ({ verb, family, ...rest }) as NftMessage);

describe("messages", () => {
  test("what is written is read back", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeNft(encodeNft(message, 0))).toEqual(message);
      }),
    );
  });

  test("damaged bytes give a value or a DecodeError, never anything else", () => {
    fc.assert(
      fc.property(
        anyMessage,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        fc.nat(),
        (message, damage, cut) => {
          const { type, body } = encodeNft(message, 0);
          for (const [at, byte] of damage) body[at % body.length] = byte;
          try {
            decodeNft({ type, body: body.subarray(0, cut % 3 === 0 ? cut % body.length : body.length) });
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        },
      ),
    );
  });

  test("an expression is the same bytes in memory full of rubbish", () => {
    fc.assert(
      fc.property(anyExpression, (one) => {
        const clean = new Writer(16);
        expression.write(clean, one, "expression");
        const dirty = new Writer(16);
        dirty.put(new Uint8Array(4096).fill(0xa5));
        dirty.reset();
        expression.write(dirty, one, "expression");
        expect(dirty.bytes()).toEqual(clean.bytes());
        const read = expression.read(clean.bytes(), 0, clean.length, "expression", 0);
        expect(read).toEqual(one);
      }),
    );
  });

  test("a value owns its memory", () => {
    const { type, body } = addRule({
      family: NFPROTO.INET,
      table: "t",
      chain: "c",
      expressions: [{ kind: "unknown", name: "later", bytes: Uint8Array.of(1, 2, 3) }],
    });
    const read = decodeNft({ type, body });
    const before = structuredClone(read);
    body.fill(0xff);
    expect(read).toEqual(before);
  });

  test("numbers of later kernels are kept", () => {
    const read = decodeNft({ type: (10 << 8) | 99, body: Uint8Array.of(1, 0, 0, 0, 7) });
    expect(read).toEqual({ kind: "unknown", number: 99, family: 1, bytes: Uint8Array.of(7) });
  });
});

const FIELDS: { readonly [T in NftType]: fc.Arbitrary<FieldValue> } = {
  nf_proto: fc.constantFrom("ipv4", "ipv6", 7),
  ipv4_addr: fc.uint8Array({ minLength: 4, maxLength: 4 }).map(ipFromBytes),
  ipv6_addr: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(ipFromBytes),
  ether_addr: fc.uint8Array({ minLength: 6, maxLength: 6 }).map(macFromBytes),
  inet_proto: fc.constantFrom("tcp", "udp", "sctp", "icmp", 99),
  inet_service: fc.integer({ min: 0, max: 65_535 }),
  mark: be32,
  ifname: fc.stringMatching(/^[!-~]{1,15}$/),
};
const typed = fc
  .array(fc.constantFrom(...(Object.keys(FIELDS) as NftType[])), { minLength: 1, maxLength: 5 })
  .chain((types) => fc.tuple(fc.constant(types), fc.tuple(...types.map((type) => FIELDS[type]))));

describe("keys", () => {
  test("are read back as they were written, each field at a multiple of four", () => {
    fc.assert(
      fc.property(typed, ([types, values]) => {
        const key = encodeKey(types, values, "key");
        expect(key.length).toBe(keySize(types));
        if (types.length > 1) expect(key.length % 4).toBe(0);
        expect(decodeKey(types, key)).toEqual(values);
        expect(unpackTypes(packTypes(types))).toEqual(types);
      }),
    );
  });

  test.each([
    [["ifname"], ["sixteen-letters!"]],
    [["ifname"], [""]],
    [["inet_service"], [65_536]],
    [["inet_service"], ["80"]],
    [["inet_proto"], ["tpc"]],
    [["ipv4_addr"], ["fd00::1"]],
    [["ipv6_addr"], ["10.0.0.1"]],
    [["ipv4_addr", "inet_service"], ["10.0.0.1"]],
  ] as const)("encodeKey(%j) refuses %j", (types, values) => {
    expect(() => encodeKey(types, values, "key")).toThrow(expect.objectContaining({ code: "invalid" }));
  });

  test("setType() names the fields of a concatenation with ranges, and of no other", () => {
    expect(setType({ key: ["ipv4_addr", "inet_proto"], interval: true }).desc).toEqual({
      concat: [{ len: 4 }, { len: 1 }],
    });
    expect(setType({ key: ["ipv4_addr", "inet_proto"] }).desc).toBeUndefined();
    expect(setType({ key: ["ipv4_addr"], interval: true }).desc).toBeUndefined();
  });
});

describe("comments", () => {
  test("come back, cut at 127 bytes", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 200 }).filter((text) => !text.includes("\0")),
        (text) => {
          const read = commentOf("set", commentData("set", text)) ?? "";
          expect(new TextEncoder().encode(read).length).toBeLessThan(128);
          if (new TextEncoder().encode(text).length < 128) expect(read).toBe(text);
        },
      ),
    );
  });

  test("are found among other entries, and not in what is no list", () => {
    expect(commentOf("set", Uint8Array.of(0, 1, 9, 7, 3, 104, 105, 0))).toBe("hi");
    expect(commentOf("rule", Uint8Array.of(1, 1, 9))).toBeUndefined();
    expect(commentOf("rule", Uint8Array.of(0, 200, 9))).toBeUndefined();
    expect(commentOf("rule", undefined)).toBeUndefined();
  });
});

describe("transaction()", () => {
  const table = { family: NFPROTO.INET, name: "t" };
  const open = (list: readonly Message[]): (readonly [number, number, boolean])[] =>
    list.map(({ type, seq, flags }) => [type & 0xff, seq, (flags & NLM_F.ACK) !== 0]);

  test("opens, closes, numbers its messages and asks for one ack", () => {
    const requests = [
      addTable(table),
      addElements({ family: NFPROTO.INET, table: "t", set: "s", elements: [] }),
    ];
    const { bytes: all, beginSeq, lastSeq } = transaction(requests, { firstSeq: 0xffff_ffff });
    expect([beginSeq, lastSeq]).toEqual([0xffff_ffff, 1]);
    expect(open(decodeMessages(all))).toEqual([
      [NFNL_MSG_BATCH.BEGIN, 0xffff_ffff, false],
      [0, 0, false],
      [12, 1, true],
      [NFNL_MSG_BATCH.END, 2, false],
    ]);
  });

  test("carries the generation in its first message", () => {
    const [begin] = decodeMessages(transaction([addTable(table)], { firstSeq: 1, generation: 77 }).bytes);
    const r = new Reader(begin?.body ?? new Uint8Array(0));
    expect([r.u8(), r.u8(), r.be16(), r.u16(), r.u16(), r.be32()]).toEqual([0, 0, 10, 8, 1, 77]);
    r.end();
  });

  test("is never empty: the kernel would not answer", () => {
    expect(() => transaction([], { firstSeq: 1 })).toThrow(/at least one/);
  });
});
