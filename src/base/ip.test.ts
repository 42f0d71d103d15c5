import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isNetError } from "./errors.ts";
import { ipBytes, ipFromBigint, ipFromBytes, ipToBigint, parseIp, tryParseIp } from "./ip.ts";

describe("tryParseIp()", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["FD00::0001", "fd00::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
    ["1::", "1::"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"],
  ])("reads %s as %s", (text, canonical) => {
    expect(tryParseIp(text)).toBe(canonical);
  });

  test.each([
    "",
    "10.0.0",
    "10.0.0.0.1",
    "10.0.0.256",
    "010.0.0.1",
    " 10.0.0.1",
    "10.0.0.1 ",
    "10.0.0.1/24",
    "0x10.0.0.1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    ":::",
    ":1",
    "1:",
    "1:2:3:4:5:6:7::8",
    "12345::",
    "g::",
    "fe80::1%eth0",
    "::1.2.3",
    "1.2.3.4::",
  ])("refuses %j", (text) => {
    expect(tryParseIp(text)).toBeUndefined();
  });

  test("gives an address in canonical form, or nothing, for any text", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/)),
        (text) => {
          const ip = tryParseIp(text);
          if (ip !== undefined) expect(tryParseIp(ip)).toBe(ip);
        },
      ),
    );
  });
});

describe("parseIp()", () => {
  test("names field, value and remedy", () => {
    try {
      parseIp("10.0.0.300", "dns.servers[1]", "sandbox.create");
      expect.unreachable();
    } catch (error) {
      expect(isNetError(error, "invalid") && error.toJSON()).toEqual({
        code: "invalid",
        op: "sandbox.create",
        message: 'dns.servers[1]: "10.0.0.300" is not an IP address: write it like 10.0.0.2 or fd00::2',
        field: "dns.servers[1]",
        value: '"10.0.0.300"',
        remedy: "write it like 10.0.0.2 or fd00::2",
      });
    }
  });
});

describe("bytes and numbers", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    // Zero groups are where the text form is intricate.
    fc
      .array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 })
      .map((a) => Uint8Array.from(a)),
  );

  test("ipFromBytes() and ipBytes() are inverse", () => {
    fc.assert(
      fc.property(bytes, (input) => {
        const ip = ipFromBytes(input);
        expect(ipBytes(ip)).toEqual(Uint8Array.from(input));
        expect(tryParseIp(ip)).toBe(ip);
      }),
    );
  });

  test("ipToBigint() and ipFromBigint() are inverse", () => {
    fc.assert(
      fc.property(bytes, (input) => {
        const ip = ipFromBytes(input);
        expect(ipFromBigint(ipToBigint(ip), input.length === 4 ? 4 : 6)).toBe(ip);
      }),
    );
  });
});
