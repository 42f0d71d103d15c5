import fc from "fast-check";
import { DecodeError } from "../../base/cursor.ts";
import { ipFromBytes } from "../../base/ip.ts";
import { describe, expect, test } from "vitest";
import { RCODE, TYPE } from "./constants.ts";
import { formatMessage } from "./format.ts";
import { decodeMessage, encodeMessage, type DnsMessage } from "./message.ts";
import { parseDnsName, ROOT, type DnsName } from "./name.ts";
import { readQuery } from "./query.ts";
import type { RData } from "./rdata/index.ts";
import type { ResourceRecord } from "./record.ts";
import { scanResponse } from "./scan.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const bytes = (max: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: max });

/** Labels of any octets, from a small alphabet often enough that tails repeat and compression has work. */
const label = fc.oneof(
  fc.constantFrom("web", "Web", "shop", "test", "a\\.b", "\\000"),
  fc
    .uint8Array({ minLength: 1, maxLength: 20 })
    .map((octets) => Array.from(octets, (octet) => `\\${octet.toString().padStart(3, "0")}`).join("")),
);
const name: fc.Arbitrary<DnsName> = fc
  .array(label, { maxLength: 6 })
  .map((labels) => (labels.length === 0 ? ROOT : parseDnsName(labels.join("."), "name", "test")));

const known = new Set<number>([1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41, 64, 65, 250]);
const params = fc
  .uniqueArray(fc.record({ key: u16, value: bytes(20) }), { selector: (param) => param.key, maxLength: 4 })
  .map((list) => list.toSorted((a, b) => a.key - b.key));
const rdata: fc.Arbitrary<RData> = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((b): RData => ({ kind: "A", address: ipFromBytes(b) })),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((b): RData => ({ kind: "AAAA", address: ipFromBytes(b) })),
  fc.record({ kind: fc.constantFrom("CNAME", "NS", "PTR", "DNAME"), target: name }) as fc.Arbitrary<RData>,
  fc.record({
    kind: fc.constant("SOA" as const),
    primary: name,
    mailbox: name,
    serial: u32,
    refresh: u32,
    retry: u32,
    expire: u32,
    minimum: u32,
  }),
  fc.record({ kind: fc.constant("MX" as const), preference: u16, exchange: name }),
  fc.record({
    kind: fc.constant("TXT" as const),
    strings: fc.array(bytes(255), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("SRV" as const), priority: u16, weight: u16, port: u16, target: name }),
  fc.record({
    kind: fc.constantFrom("SVCB", "HTTPS"),
    priority: u16,
    target: name,
    params,
  }) as fc.Arbitrary<RData>,
  fc.record({
    kind: fc.constant("unknown" as const),
    type: u16.filter((type) => !known.has(type)),
    bytes: bytes(40),
  }),
);
const record: fc.Arbitrary<ResourceRecord> = fc.record({
  name,
  class: fc.constant(1),
  ttlSeconds: u32,
  data: rdata,
});
const section = fc.array(record, { maxLength: 4 });
const message: fc.Arbitrary<DnsMessage> = fc.record({
  id: u16,
  response: fc.boolean(),
  opcode: fc.integer({ min: 0, max: 15 }),
  authoritative: fc.boolean(),
  truncated: fc.boolean(),
  recursionDesired: fc.boolean(),
  recursionAvailable: fc.boolean(),
  reserved: fc.boolean(),
  authenticData: fc.boolean(),
  checkingDisabled: fc.boolean(),
  rcode: fc.integer({ min: 0, max: 15 }),
  questions: fc.array(fc.record({ name, type: u16, class: u16 }), { maxLength: 2 }),
  answers: section,
  authorities: section,
  additionals: section,
  edns: fc.option(
    fc.record({
      udpSize: u16,
      version: u8,
      dnssecOk: fc.boolean(),
      z: fc.integer({ min: 0, max: 0x7fff }),
      options: fc.array(fc.record({ code: u16, bytes: bytes(20) }), { maxLength: 3 }),
    }),
    { nil: undefined },
  ),
});

const empty: DnsMessage = {
  id: 1,
  response: false,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: true,
  recursionAvailable: false,
  reserved: false,
  authenticData: false,
  checkingDisabled: false,
  rcode: 0,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
};

/** Random bytes seldom get far; a header with small counts and a mutated real message do. */
const damaged: fc.Arbitrary<Uint8Array> = fc.oneof(
  bytes(64),
  fc
    .tuple(bytes(80), fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }))
    .map(([body, counts]) => Uint8Array.of(0, 1, 0, 0, ...counts.flatMap((count) => [0, count]), ...body)),
  fc
    .tuple(message, fc.array(fc.tuple(fc.nat(), u8), { minLength: 1, maxLength: 4 }), fc.nat())
    .map(([m, edits, cut]) => {
      const encoded = encodeMessage(m);
      for (const [at, value] of edits) encoded[at % encoded.length] = value;
      return cut % 3 === 0 ? encoded.subarray(0, cut % (encoded.length + 1)) : encoded;
    }),
);

function tryDecode(input: Uint8Array): DnsMessage | undefined {
  try {
    return decodeMessage(input);
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
    return undefined;
  }
}

describe("decodeMessage()", () => {
  test("gives back what encodeMessage() was given", () => {
    fc.assert(
      fc.property(message, (m) => {
        expect(decodeMessage(encodeMessage(m))).toEqual(m);
      }),
    );
  });

  test("gives a value or a DecodeError for any bytes, and the value can be written and read again", () => {
    fc.assert(
      fc.property(damaged, (input) => {
        const m = tryDecode(input);
        if (m === undefined) return;
        expect(formatMessage(m)).toContain(";;");
        expect(decodeMessage(encodeMessage(m))).toEqual(m);
      }),
      { numRuns: 1000 },
    );
  });

  test("refuses a second OPT record, one with a name, and one among the answers", () => {
    const opt = "0000290200000000000000";
    const named = "0161000029020000000000" + "0000";
    const of = (counts: string, records: string): Uint8Array =>
      new Uint8Array(Buffer.from(`000100000000${counts}${records}`, "hex"));
    expect(decodeMessage(of("000000000001", opt)).edns?.udpSize).toBe(512);
    expect(() => decodeMessage(of("000000000002", opt + opt))).toThrow("a second OPT record");
    expect(() => decodeMessage(of("000000000001", named))).toThrow("name is not the root");
    expect(() => decodeMessage(of("000100000000", opt))).toThrow("outside the additional section");
  });

  test("refuses data that is shorter or longer than its length says", () => {
    const a = (length: string, data: string): Uint8Array =>
      new Uint8Array(Buffer.from(`000180000000000100000000000001000100000000${length}${data}`, "hex"));
    expect(decodeMessage(a("0004", "0a000001")).answers[0]?.data).toEqual({ kind: "A", address: "10.0.0.1" });
    expect(() => decodeMessage(a("0005", "0a00000100"))).toThrow(
      "A data takes 4 bytes, its length says 5 (at byte 27)",
    );
    expect(() => decodeMessage(a("0003", "0a0000"))).toThrow(DecodeError);
    expect(() => decodeMessage(a("0004", "0a0000"))).toThrow("A data needs 4 bytes, 3 are left");
  });

  test("keeps empty data of updates in class ANY, whatever the type", () => {
    const update: DnsMessage = {
      ...empty,
      opcode: 5,
      authorities: [
        {
          name: parseDnsName("a", "name", "test"),
          class: 255,
          ttlSeconds: 0,
          data: { kind: "unknown", type: TYPE.A, bytes: new Uint8Array(0) },
        },
      ],
    };
    expect(decodeMessage(encodeMessage(update))).toEqual(update);
  });
});

describe("encodeMessage()", () => {
  test("refuses a response code that needs EDNS without it", () => {
    expect(() => encodeMessage({ ...empty, rcode: RCODE.BADVERS })).toThrow(/response code 16 needs EDNS/);
  });

  test("refuses data and messages beyond 65535 bytes", () => {
    const big = (size: number): ResourceRecord => ({
      name: ROOT,
      class: 1,
      ttlSeconds: 0,
      data: { kind: "unknown", type: 9999, bytes: new Uint8Array(size) },
    });
    expect(() => encodeMessage({ ...empty, answers: [big(65536)] })).toThrow("a record holds at most 65535");
    expect(() => encodeMessage({ ...empty, answers: [big(40000), big(40000)] })).toThrow(
      "the DNS carries at most 65535",
    );
  });

  test("refuses text records that no bytes can stand for", () => {
    const txt = (strings: readonly Uint8Array[]): DnsMessage => ({
      ...empty,
      answers: [{ name: ROOT, class: 1, ttlSeconds: 0, data: { kind: "TXT", strings } }],
    });
    expect(() => encodeMessage(txt([]))).toThrow("at least one string");
    expect(() => encodeMessage(txt([new Uint8Array(256)]))).toThrow("at most 255 octets, not 256");
  });
});

describe("the light readers", () => {
  test("readQuery() agrees with decodeMessage() on any bytes", () => {
    fc.assert(
      fc.property(damaged, (input) => {
        const light = readQuery(input);
        const full = tryDecode(input);
        if (light?.kind === "query") {
          // It does not look into the data of records, so it may take what the codec refuses; never the other way.
          if (full === undefined) return;
          expect(full.questions).toHaveLength(1);
          expect(light.name).toBe(full.questions[0]?.name.toLowerCase());
          expect([light.type, light.class]).toEqual([full.questions[0]?.type, full.questions[0]?.class]);
          expect(light.edns === undefined).toBe(full.edns === undefined);
          expect(light.edns?.udpSize).toBe(full.edns && Math.max(512, full.edns.udpSize));
          expect(light.edns?.dnssecOk).toBe(full.edns?.dnssecOk);
        } else if (full !== undefined) {
          const otherwise =
            full.response ||
            full.opcode !== 0 ||
            full.questions.length !== 1 ||
            (full.edns?.version ?? 0) > 0;
          expect(otherwise).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("scanResponse() agrees with decodeMessage() on any bytes", () => {
    fc.assert(
      fc.property(damaged, (input) => {
        const scan = scanResponse(input);
        const full = tryDecode(input);
        if (full === undefined) return;
        if (scan === undefined) {
          expect(!full.response || full.questions.length > 1).toBe(true);
          return;
        }
        const records = [...full.answers, ...full.authorities, ...full.additionals];
        expect(scan.truncated).toBe(full.truncated);
        expect(scan.rcode).toBe(full.rcode & 15);
        const view = new DataView(input.buffer, input.byteOffset);
        expect(scan.ttlOffsets.map((at) => view.getUint32(at))).toEqual(records.map((r) => r.ttlSeconds));
        const least = Math.min(...records.map((r) => (r.ttlSeconds > 0x7fffffff ? 0 : r.ttlSeconds)));
        expect(scan.lifetimeSeconds).toBeLessThanOrEqual(least);
        if (full.answers.length > 0 && scan.rcode === 0 && !full.truncated)
          expect(scan.lifetimeSeconds).toBe(least);
      }),
      { numRuns: 1000 },
    );
  });
});

test("formatMessage() shows a message as dig does", () => {
  const m: DnsMessage = {
    ...empty,
    response: true,
    edns: {
      udpSize: 1232,
      version: 0,
      dnssecOk: true,
      z: 0,
      options: [{ code: 10, bytes: Uint8Array.of(1, 255) }],
    },
    questions: [{ name: parseDnsName("Web", "name", "test"), type: TYPE.A, class: 1 }],
    answers: [
      {
        name: parseDnsName("Web", "name", "test"),
        class: 1,
        ttlSeconds: 600,
        data: { kind: "A", address: ipFromBytes(Uint8Array.of(10, 0, 0, 2)) },
      },
    ],
  };
  expect(formatMessage(m).split("\n")).toEqual([
    ";; QUERY NOERROR, id 1, flags qr rd",
    ";; EDNS version 0, flags do, udp 1232, options 10:01FF",
    ";Web. IN A",
    ";; answer",
    "Web. 600 IN A 10.0.0.2",
  ]);
});
