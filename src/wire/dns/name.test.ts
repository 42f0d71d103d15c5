import fc from "fast-check";
import { DecodeError, Reader, Writer } from "../../base/cursor.ts";
import { describe, expect, test } from "vitest";
import { NameTable, parseDnsName, readName, ROOT, writeName, type DnsName } from "./name.ts";

const parse = (text: string): DnsName => parseDnsName(text, "name", "test");

function read(hex: string, at = 0): { name: DnsName; next: number } {
  const r = new Reader(new Uint8Array(Buffer.from(hex, "hex")));
  r.seek(at);
  const name = readName(r);
  r.check();
  return { name, next: r.offset };
}

function hexOf(...names: DnsName[]): string {
  const w = new Writer();
  const table = new NameTable(0);
  for (const name of names) writeName(w, name, table);
  return Buffer.from(w.view()).toString("hex");
}

describe("readName()", () => {
  test("reads labels, the root and a pointer", () => {
    expect(read("03776562047465737400")).toEqual({ name: "web.test", next: 10 });
    expect(read("00")).toEqual({ name: ROOT, next: 1 });
    // web.test at 0, then "a" with a pointer to "test" at 4.
    expect(read("037765620474657374000161c004ff", 10)).toEqual({ name: "a.test", next: 14 });
  });

  test("refuses pointers to itself, forward, and loops", () => {
    expect(() => read("c000")).toThrow("a name's pointer goes to 0, which is not backwards (at byte 0)");
    expect(() => read("c00200")).toThrow("not backwards");
    expect(() => read("0161c000")).toThrow("not backwards");
    // Two pointers at each other.
    expect(() => read("c002c000", 2)).toThrow("not backwards");
    // From 2 back to a label at 0 that runs into the pointer again.
    expect(() => read("0161c000", 2)).toThrow("not backwards");
  });

  test("refuses length octets that are neither label nor pointer", () => {
    expect(() => read("40")).toThrow("a label's length octet is 64");
    expect(() => read("80")).toThrow("a label's length octet is 128");
  });

  test("refuses names beyond 255 octets, also those put together by pointers", () => {
    const label = `3f${"61".repeat(63)}`;
    const full = `${label.repeat(3)}3d${"61".repeat(61)}00`;
    expect(full.length / 2).toBe(255);
    expect(read(full).next).toBe(255);
    expect(() => read(`${label.repeat(3)}3e${"61".repeat(62)}00`)).toThrow("longer than 255 octets");
    expect(() => read(`${full}0161c000`, 255)).toThrow("longer than 255 octets");
  });

  test("refuses every cut through a name", () => {
    const whole = "037765620474657374000161c004";
    for (let size = 10; size < whole.length / 2; size++) {
      expect(() => read(whole.slice(0, size * 2), 10)).toThrow(DecodeError);
    }
    for (let size = 0; size < 10; size++) expect(() => read(whole.slice(0, size * 2))).toThrow(DecodeError);
  });

  test("ends on any bytes, from any place", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), (bytes, start) => {
        const r = new Reader(bytes);
        r.seek(start % bytes.length);
        const name = readName(r);
        if (r.error === undefined) expect(parse(name)).toBe(name);
        else expect(name).toBe(ROOT);
      }),
    );
  });
});

describe("writeName()", () => {
  test("points at the longest tail written before, with its case", () => {
    expect(hexOf(parse("web.test"), parse("web.test"))).toBe("03776562047465737400c000");
    expect(hexOf(parse("web.test"), parse("a.test"))).toBe("037765620474657374000161c004");
    expect(hexOf(parse("web.test"), parse("a.TEST"))).toBe("0377656204746573740001610454455354" + "00");
    expect(hexOf(ROOT, ROOT)).toBe("0000");
  });

  test("never points beyond 14 bits", () => {
    const w = new Writer();
    const table = new NameTable(0);
    w.zeros(0x4000);
    writeName(w, parse("web"), table);
    writeName(w, parse("web"), table);
    expect(Buffer.from(w.view().slice(0x4000)).toString("hex")).toBe("03776562000377656200");
  });
});

describe("parseDnsName()", () => {
  test("drops the final dot and keeps case, and writes octets in one way", () => {
    expect(parse("Web.Test.")).toBe("Web.Test");
    expect(parse(".")).toBe(ROOT);
    expect(parse("\\119eb")).toBe("web");
    expect(parse("a\\.b\\\\.c")).toBe("a\\.b\\\\.c");
    expect(parse("a b")).toBe("a\\032b");
    expect(parse("a\\.")).toBe("a\\.");
    expect(parse("\\255")).toBe("\\255");
  });

  test.each([
    ["", "write at least one label, or `.` for the root"],
    ["a..b", "a label between two dots is empty"],
    [".a", "a label between two dots is empty"],
    ["..", "a label between two dots is empty"],
    ["a".repeat(64), "a label has at most 63 octets"],
    [`${"a".repeat(63)}.`.repeat(4), "a name has at most 255 octets"],
    ["münchen", "write names beyond ASCII in their xn-- form"],
    ["a\\", "a backslash is followed by one character or three digits"],
    ["a\\12", "a backslash is followed by one character or three digits"],
    ["\\256", "an escape stands for one octet"],
    ["\\é", "an escape stands for one octet"],
  ])("refuses %j", (text, right) => {
    expect(() => parseDnsName(text, "alias", "test")).toThrow(right);
    expect(() => parseDnsName(text, "alias", "test")).toThrow("alias: ");
  });
});
