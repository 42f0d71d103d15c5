import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeError, Reader, Writer } from "./cursor.ts";

const STEPS = ["u8", "u16", "u32", "i32", "u64", "be16", "be32", "be64", "rest", "check"] as const;

describe("Reader", () => {
  test("keeps the first error and gives zeros after it", () => {
    const r = new Reader(Uint8Array.of(1, 2, 3), 100);
    expect(r.u16()).toBe(0x0201);
    expect(r.u32()).toBe(0);
    expect(r.u8()).toBe(0);
    expect(() => r.check()).toThrow(new DecodeError("u32 needs 4 bytes, 1 are left", 102));
  });

  test("end() refuses what is left over", () => {
    const r = new Reader(Uint8Array.of(1, 2));
    r.u8();
    expect(() => r.end()).toThrow("1 bytes too many (at byte 1)");
  });

  test("never reads past the end, whatever is asked", () => {
    const step = fc.constantFrom(...STEPS);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.array(step), (bytes, steps) => {
        const r = new Reader(bytes);
        for (const s of steps) {
          try {
            r[s]();
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
          expect(r.offset).toBeLessThanOrEqual(bytes.length);
        }
      }),
    );
  });
});

describe("Writer", () => {
  test("what is written is read back, in a buffer that was dirty and had to grow", () => {
    fc.assert(
      fc.property(
        fc.nat(0xff),
        fc.nat(0xffff),
        fc.nat(0xffffffff),
        fc.bigInt(0n, (1n << 64n) - 1n),
        (a, b, c, d) => {
          const w = new Writer(1);
          w.put(new Uint8Array(64).fill(0xa5)).reset();
          w.u8(a).align(4).u16(b).be16(b).u32(c).be32(c).u64(d).be64(d).zeros(3);
          const r = new Reader(w.bytes());
          expect([r.u8(), r.take(3), r.u16(), r.be16(), r.u32(), r.be32(), r.u64(), r.be64()]).toEqual([
            a,
            new Uint8Array(3),
            b,
            b,
            c,
            c,
            d,
            d,
          ]);
          expect(r.rest()).toEqual(new Uint8Array(3));
          r.end();
        },
      ),
    );
  });

  test("patches lengths in place", () => {
    const w = new Writer(4);
    w.u16(0).u32(0).patchU16(0, 0x1234);
    w.patchU32(2, 0xdeadbeef);
    expect(w.bytes()).toEqual(Uint8Array.of(0x34, 0x12, 0xef, 0xbe, 0xad, 0xde));
  });
});
