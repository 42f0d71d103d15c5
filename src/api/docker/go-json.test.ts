import fc from "fast-check";
import { expect, test } from "vitest";
import { scanJson } from "./go-json.ts";

// What Go 1.24 says (encoding/json, scanner.go) of texts that begin with no JSON value.
test.each([
  ["", "EOF"],
  [" \n", "EOF"],
  ["{", "unexpected EOF"],
  ['{"a":1', "unexpected EOF"],
  ['"abc', "unexpected EOF"],
  ["tru", "unexpected EOF"],
  ["-", "unexpected EOF"],
  ["{invalid json", "invalid character 'i' looking for beginning of object key string"],
  ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ["[1 2]", "invalid character '2' after array element"],
  ["[1,]", "invalid character ']' looking for beginning of value"],
  ["x", "invalid character 'x' looking for beginning of value"],
  ["trux", "invalid character 'x' in literal true (expecting 'e')"],
  ["nul!", "invalid character '!' in literal null (expecting 'l')"],
  ["-x", "invalid character 'x' in numeric literal"],
  ["1.x", "invalid character 'x' after decimal point in numeric literal"],
  ["1ex", "invalid character 'x' in exponent of numeric literal"],
  ['"\\x"', "invalid character 'x' in string escape code"],
  ['"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape"],
  ['"a\nb"', "invalid character '\\n' in string literal"],
  ["[".repeat(100_000), "exceeded max depth"],
])("%j: %s", (text, error) => {
  expect(scanJson(text).error).toBe(error);
});

test.each([
  ["{} trailing", 2],
  [' {"a":[1]} {', 10],
  ["12 3", 2],
  ["[]]", 2],
  ["01", 1],
])("in %j the first value ends at %i", (text, end) => {
  expect(scanJson(text)).toEqual({ end });
});

test("a text is JSON for it exactly where it is for JSON.parse", () => {
  const nearly = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, more]) => {
    const split = at % (text.length + 1);
    return text.slice(0, split) + more + text.slice(split + 1);
  });
  fc.assert(
    fc.property(fc.oneof(fc.json(), nearly, fc.string()), (text) => {
      const { end, error } = scanJson(text);
      const whole = error === undefined && /^[ \t\r\n]*$/.test(text.slice(end));
      expect(whole).toBe(isJson(text));
    }),
    { numRuns: 5000 },
  );
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
