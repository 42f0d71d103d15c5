import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseEnvFile } from "./env-file.ts";
import { interpolate } from "./interpolate.ts";

const ENV: Readonly<Record<string, string>> = { A: "a", EMPTY: "", PORT: "8080", NESTED: "$A" };
const lookup = (name: string): string | undefined => ENV[name];

describe("interpolate()", () => {
  // Compose Specification, 12-interpolation.md.
  test.each([
    ["plain", "plain"],
    ["$A", "a"],
    ["${A}", "a"],
    ["x$A.y", "xa.y"],
    ["$A$A", "aa"],
    ["$$A", "$A"],
    ["$$$A", "$a"],
    ["${MISSING:-d}", "d"],
    ["${EMPTY:-d}", "d"],
    ["${EMPTY-d}", ""],
    ["${MISSING-d}", "d"],
    ["${A:-d}", "a"],
    ["${A:?must}", "a"],
    ["${EMPTY?must}", ""],
    ["${A:+yes}", "yes"],
    ["${EMPTY:+yes}", ""],
    ["${EMPTY+yes}", "yes"],
    ["${MISSING+yes}", ""],
    ["${MISSING:-${A}}", "a"],
    ["${MISSING:-${OTHER:-x}y}z", "xyz"],
    ["${MISSING:-}", ""],
    ["${MISSING:-a:b-c?d}", "a:b-c?d"],
    // A value is taken as it is: it is not looked at again.
    ["$NESTED", "$A"],
  ])("%s → %s", (text, expected) => {
    expect(interpolate(text, lookup)).toEqual({ text: expected, unset: [] });
  });

  test("names the variables that are not set", () => {
    expect(interpolate("$X ${Y} ${Z:-z}", lookup)).toEqual({ text: "  z", unset: ["X", "Y"] });
  });

  test.each([
    ["$", 'the "$" at character 1 starts no variable: write $$ for a dollar sign'],
    ["a$1", 'the "$" at character 2 starts no variable: write $$ for a dollar sign'],
    ["${A", 'a "${" is never closed with "}"'],
    ["${}", '"${}" holds no variable name'],
    ["${A!}", '"${A!}" is no form of a variable: use :-, -, :?, ?, :+ or +'],
    ["${MISSING?}", "the variable MISSING must be set"],
    ["${MISSING:?say which}", "the variable MISSING must be set: say which"],
  ])("refuses %s", (text, reason) => {
    expect(interpolate(text, lookup)).toEqual({ reason });
  });

  test("gives text or a reason, whatever comes in, and undoes the doubling of dollars", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const result = interpolate(text, lookup);
        expect("text" in result || result.reason.length > 0).toBe(true);
        expect(interpolate(text.replaceAll("$", "$$$$"), lookup)).toEqual({ text, unset: [] });
      }),
    );
  });
});

describe("parseEnvFile()", () => {
  const values = (text: string, raw: boolean): unknown => {
    const result = parseEnvFile(text, lookup, raw);
    return "lines" in result
      ? Object.fromEntries(result.lines.map(({ name, value }) => [name, value]))
      : result;
  };

  test.each<[string, Record<string, string | null>]>([
    ["A=1\nB=2\n", { A: "1", B: "2" }],
    ["# comment\n\n  \nA=1 # one\nB=a#b", { A: "1", B: "a#b" }],
    ["export A=1", { A: "1" }],
    ["A = 1", { A: "1" }],
    ["A=", { A: "" }],
    ["A", { A: null }],
    ["A='x $PORT # y'", { A: "x $PORT # y" }],
    ['A="x $PORT" # c', { A: "x 8080" }],
    [String.raw`A="a\nb\"c\\d\$e\q"`, { A: 'a\nb"c\\d$e\\q' }],
    ["A='two\nlines'\nB=1", { A: "two\nlines", B: "1" }],
    ["X=1\nY=${X}2", { X: "1", Y: "12" }],
    ["A=a=b", { A: "a=b" }],
    ["\uFEFFA=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ])("%j", (text, expected) => {
    expect(values(text, false)).toEqual(expected);
  });

  test.each<[string, number, string]>([
    ["A=1\n=2", 2, "write NAME=value"],
    ["A B=1", 1, "write NAME=value"],
    ["A=1\nB='open", 2, "a quote (') is never closed"],
    ["A='x'y", 1, "nothing but a comment may follow the closing quote (')"],
    ["\n\nA=${", 3, 'a "${" is never closed with "}"'],
  ])("%j is wrong in line %d: %s", (text, line, reason) => {
    expect(values(text, false)).toEqual({ line, reason });
  });

  test("raw takes what follows the equals sign as it is", () => {
    expect(values("A='x' # y\nB=$PORT", true)).toEqual({ A: "'x' # y", B: "$PORT" });
  });

  test("reads lines or says which is wrong, whatever comes in", () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (text, raw) => {
        const result = parseEnvFile(text, lookup, raw);
        expect("lines" in result || result.line >= 1).toBe(true);
      }),
    );
  });
});
