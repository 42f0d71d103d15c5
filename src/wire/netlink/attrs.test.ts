import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DecodeError, Writer } from "../../base/cursor.ts";
import { NetError } from "../../base/errors.ts";
import { ipFromBigint } from "../../base/ip.ts";
import { hex, words } from "../../testkit/hex.ts";
import {
  attrs,
  type AttrTable,
  type AttrValues,
  lazy,
  listOf,
  nested,
  repeated,
  type ValueOf,
  variant,
} from "./attrs.ts";
import * as t from "./types.ts";
import type { AttrType } from "./types.ts";

const inner = attrs({ id: [1, t.be32], on: [2, t.flag] });
const kinds = variant({ kind: 1, data: 2 }, { red: nested(inner), blue: t.be16 });

const table = attrs({
  name: [1, t.cstr],
  size: [2, t.u32],
  nest: [3, nested(inner)],
  list: [4, listOf(1, t.u16)],
  tag: [5, repeated(t.u8)],
  what: [6, kinds],
  raw: [7, t.bytes],
});

function encode<V>(of: AttrTable<V>, values: AttrValues<V>): Uint8Array {
  const w = new Writer(8);
  of.encode(w, values);
  return w.bytes();
}

function decode<V>(of: AttrTable<V>, bytes: Uint8Array): AttrValues<V> {
  return of.decode(bytes, 0, bytes.length);
}

/** A writer whose memory was used before: what is not written shows as a5. */
function dirtyWriter(): Writer {
  const w = new Writer(4096);
  w.put(new Uint8Array(4096).fill(0xa5));
  w.reset();
  return w;
}

describe("attrs().encode()", () => {
  it("writes headers in host order, values in their own, and pads with zeros", () => {
    const w = dirtyWriter();
    table.encode(w, {
      name: "eth0",
      size: 1500,
      nest: { id: 7, on: true },
      list: [1, 2],
      tag: [8, 9],
      what: { kind: "blue", data: 0x1234 },
    });
    const expected = `
      0900 0100 6574 6830 0000 0000
      0800 0200 dc05 0000
      1000 0380 0800 0100 0000 0007 0400 0200
      1400 0480 0600 0100 0100 0000 0600 0100 0200 0000
      0500 0500 0800 0000 0500 0500 0900 0000
      1800 0680 0900 0100 626c 7565 0000 0000 0600 0200 1234 0000`;
    expect(words(w.bytes())).toEqual(words(hex(expected)));
  });

  it("writes in the order of the value's keys", () => {
    expect(encode(table, { size: 1, name: "a" })).not.toEqual(encode(table, { name: "a", size: 1 }));
  });

  it("leaves out what is undefined", () => {
    expect(encode(table, { name: undefined, size: undefined })).toHaveLength(0);
  });

  it.each([
    ["u32", { size: 2 ** 32 }, "size: 4294967296 is not valid: it must fit u32"],
    ["u16", { list: [70_000] }, "list: 70000 is not valid: it must fit u16"],
    ["u8", { tag: [-1] }, "tag: -1 is not valid: it must fit u8"],
    ["fraction", { size: 1.5 }, "size: 1.5 is not valid: it must fit u32"],
    ["NUL", { name: "a\0b" }, 'name: "a\\u0000b" is not valid: it must not contain NUL'],
    ["length", { raw: new Uint8Array(65_532) }, "an attribute holds at most 65531 bytes"],
  ] as const)("refuses a value that does not fit (%s)", (_, values, message) => {
    expect(() => encode(table, values)).toThrow(NetError);
    expect(() => encode(table, values)).toThrow(message);
  });

  it("writes the largest attribute there can be", () => {
    const raw = new Uint8Array(65_531).fill(7);
    expect(decode(table, encode(table, { raw }))).toEqual({ raw });
  });
});

describe("attrs().decode()", () => {
  it("keeps attributes it does not know, with the bits of their number", () => {
    const bytes = hex("0800 0200 0100 0000  0600 6380 abcd 0000");
    expect(decode(table, bytes)).toEqual({ size: 1, unknown: [{ type: 0x8063, bytes: hex("abcd") }] });
  });

  it("gives unknown attributes back when written", () => {
    const values = { size: 1, unknown: [{ type: 0x8063, bytes: hex("abcd") }] };
    expect(encode(table, values)).toEqual(hex("0800 0200 0100 0000  0600 6380 abcd 0000"));
  });

  it("does not care whether a nest is marked as one", () => {
    expect(decode(table, hex("0c00 0300 0800 0100 0000 0007"))).toEqual({ nest: { id: 7 } });
  });

  it("takes the last of attributes sent twice", () => {
    expect(decode(table, hex("0800 0200 0100 0000 0800 0200 0200 0000"))).toEqual({ size: 2 });
  });

  it("reads a last attribute without its padding", () => {
    expect(decode(table, hex("0500 0500 08"))).toEqual({ tag: [8] });
  });

  it("reads names with and without NUL, and names beyond ASCII", () => {
    expect(decode(table, hex("0700 0100 6162 63"))).toEqual({ name: "abc" });
    expect(decode(table, hex("0b00 0100 6100 6262 6262 62"))).toEqual({ name: "a" });
    expect(decode(table, encode(table, { name: "brücke-😀" }))).toEqual({ name: "brücke-😀" });
    // A NUL right after a byte beyond ASCII, and more behind it.
    expect(decode(table, hex("0900 0100 c3bc 0041 42"))).toEqual({ name: "ü" });
  });

  it("owns what it returns", () => {
    const bytes = hex("0600 0700 abcd 0000");
    const value = decode(table, bytes);
    bytes.fill(0);
    expect(value).toEqual({ raw: hex("abcd") });
  });

  it.each([
    ["a u32 of three bytes", "0700 0200 0100 00", "size (attribute 2): u32 takes 4 bytes, not 3 (at byte 4)"],
    [
      "a flaw in a nest",
      "0a00 0380 0600 0100 0000",
      "id (attribute 1): be32 takes 4 bytes, not 2 (at byte 8)",
    ],
    ["a length below the header's", "0300 0200 0000 0000", "attribute of length 3 in 8 bytes (at byte 0)"],
    ["a length past the end", "0900 0200 0000 0000", "attribute of length 9 in 8 bytes (at byte 0)"],
    ["bytes behind the last", "0800 0200 0100 0000 01", "attribute of length 0 in 1 bytes (at byte 8)"],
  ])("refuses %s", (_, text, message) => {
    expect(() => decode(table, hex(text))).toThrow(DecodeError);
    expect(() => decode(table, hex(text))).toThrow(message);
  });

  it("refuses a nest without end instead of exhausting the stack", () => {
    interface Chain {
      readonly next: AttrValues<Chain>;
    }
    const next: AttrType<AttrValues<Chain>> = lazy(() => chain);
    const chain: AttrType<AttrValues<Chain>> = nested(attrs<Chain>({ next: [1, next] }));
    const bytes = new Uint8Array(60_000);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += 4) {
      view.setUint16(at, bytes.length - at, true);
      view.setUint16(at + 2, 1, true);
    }
    expect(() => chain.read(bytes, 0, bytes.length, "chain", 0)).toThrow(/nested more than 16 deep/);
  });
});

describe("variant()", () => {
  const of = attrs({ what: [1, kinds] });

  it("keeps a kind it does not know, and writes it back", () => {
    const bytes = encode(of, { what: { kind: "unknown", name: "green", bytes: hex("01020304") } });
    expect(decode(of, bytes)).toEqual({ what: { kind: "unknown", name: "green", bytes: hex("01020304") } });
  });

  it("reads data that comes before its name", () => {
    expect(decode(of, hex("1800 0180 0600 0200 1234 0000 0900 0100 626c 7565 0000 0000"))).toEqual({
      what: { kind: "blue", data: 0x1234 },
    });
  });

  it("reads a name without data, and data without a name", () => {
    expect(decode(of, encode(of, { what: { kind: "red" } }))).toEqual({ what: { kind: "red" } });
    expect(decode(of, hex("0c00 0180 0600 0200 1234 0000"))).toEqual({
      what: { kind: "unknown", name: "", bytes: hex("1234") },
    });
  });
});

describe("types", () => {
  /** Every type with an arbitrary of its values. */
  const types: readonly (readonly [AttrType<unknown>, fc.Arbitrary<unknown>])[] = [
    [t.u8, fc.integer({ min: 0, max: 0xff })],
    [t.u16, fc.integer({ min: 0, max: 0xffff })],
    [t.u32, fc.integer({ min: 0, max: 0xffff_ffff })],
    [t.i32, fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })],
    [t.u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
    [t.be16, fc.integer({ min: 0, max: 0xffff })],
    [t.be32, fc.integer({ min: 0, max: 0xffff_ffff })],
    [t.be64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
    [t.bool8, fc.boolean()],
    [t.flag, fc.constant(true)],
    [t.bytes, fc.uint8Array({ maxLength: 64 })],
    [t.cstr, fc.string({ unit: "grapheme" }).filter((s) => !s.includes("\0"))],
    [t.str, fc.string({ unit: "binary" }).filter((s) => !s.includes("\0"))],
    [t.ip4, fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((n) => ipFromBigint(n, 4))],
    [t.ip6, fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((n) => ipFromBigint(n, 6))],
    [t.ip, fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((n) => ipFromBigint(n, 6))],
    [t.hwAddress, fc.uint8Array({ minLength: 7, maxLength: 20 })],
    [t.hwAddress, fc.constantFrom("02:42:0a:00:00:02", "ff:ff:ff:ff:ff:ff")],
    [
      t.u32Struct("pair", ["a", "b"]),
      fc.record({ a: fc.integer({ min: 0, max: 9 }), b: fc.constant(0xffff_ffff) }),
    ],
  ];

  it.each(types.map(([type, values]) => ({ name: type.name, type, values })))(
    "$name comes back as it was written, over a dirty buffer",
    ({ type, values }) => {
      fc.assert(
        fc.property(values, (value) => {
          const w = dirtyWriter();
          w.u8(0xa5);
          type.write(w, value, "x");
          expect(type.read(w.view(), 1, w.length, "x", 0)).toEqual(value);
        }),
      );
    },
  );

  it.each(types.map(([type]) => type))("$name reads any bytes or throws DecodeError", (type) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (raw) => {
        try {
          type.read(raw, 0, raw.length, "x", 0);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });

  it("reads 64-bit integers as a DataView does", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (raw) => {
        const view = new DataView(raw.buffer, raw.byteOffset, 8);
        expect(t.u64.read(raw, 0, 8, "x", 0)).toBe(view.getBigUint64(0, true));
        expect(t.be64.read(raw, 0, 8, "x", 0)).toBe(view.getBigUint64(0, false));
        expect(t.i32.read(raw, 0, 4, "x", 0)).toBe(view.getInt32(0, true));
      }),
    );
  });
});

describe("tables", () => {
  const text = fc.string({ maxLength: 20 }).filter((s) => !s.includes("\0"));
  const u16 = fc.integer({ min: 0, max: 0xffff });
  const values: fc.Arbitrary<ValueOf<typeof table>> = fc.record(
    {
      name: text,
      size: fc.integer({ min: 0, max: 0xffff_ffff }),
      nest: fc.record({ id: fc.nat(), on: fc.constant(true as const) }, { requiredKeys: [] }),
      list: fc.array(u16, { maxLength: 5 }),
      tag: fc.array(fc.integer({ min: 0, max: 0xff }), { minLength: 1, maxLength: 5 }),
      what: fc.oneof(
        fc.record({ kind: fc.constant("blue" as const), data: u16 }),
        fc.record({ kind: fc.constant("red" as const), data: fc.record({ id: fc.nat() }) }),
      ),
      raw: fc.uint8Array({ maxLength: 40 }),
    },
    { requiredKeys: [] },
  );

  it("come back as they were written", () => {
    fc.assert(
      fc.property(values, (value) => {
        const w = dirtyWriter();
        table.encode(w, value);
        expect(decode(table, w.bytes())).toEqual(value);
      }),
    );
  });

  it("read what was cut or changed on the way, or throw DecodeError", () => {
    const damage = fc.record({ at: fc.nat(200), byte: fc.nat(255), cut: fc.nat(200) });
    fc.assert(
      fc.property(values, damage, (value, { at, byte, cut }) => {
        const bytes = encode(table, value).slice(0, cut);
        if (at < bytes.length) bytes[at] = byte;
        try {
          decode(table, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});
