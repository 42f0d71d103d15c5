import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatElapsed, parseDuration } from "./duration.ts";
import { didYouMean, nearest } from "./nearest.ts";
import { isSplitFailure, splitWords } from "./shell-words.ts";
import { formatTable } from "./table.ts";

describe("splitWords()", () => {
  test.each<[string, readonly string[] | string]>([
    ["", []],
    ["  \t\n ", []],
    ["node web.mjs", ["node", "web.mjs"]],
    ["sh -c 'exec sleep 1'", ["sh", "-c", "exec sleep 1"]],
    [`echo "a  b" c`, ["echo", "a  b", "c"]],
    [`echo ""`, ["echo", ""]],
    ["echo ''x", ["echo", "x"]],
    [`a"b"'c'd`, ["abcd"]],
    [String.raw`a\ b`, ["a b"]],
    [String.raw`"a\"b\n"`, [String.raw`a"b\n`]],
    [String.raw`'a\b'`, [String.raw`a\b`]],
    ["a\\\nb", ["ab"]],
    ["echo 'open", "a quote (') is never closed"],
    ['echo "open', 'a quote (") is never closed'],
    ["echo \\", "it ends with a backslash"],
  ])("%j", (line, expected) => {
    const split = splitWords(line);
    expect(isSplitFailure(split) ? split.reason : split).toEqual(expected);
  });

  test("gives back any words that were quoted", () => {
    const quote = (word: string): string => `'${word.replaceAll("'", `'"'"'`)}'`;
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        expect(splitWords(words.map(quote).join(" "))).toEqual(words);
      }),
    );
  });
});

describe("parseDuration()", () => {
  test.each([
    ["30s", 30_000],
    ["1m30s", 90_000],
    ["1h5m30s20ms", 3_930_020],
    ["1.5s", 1500],
    ["500us", 0.5],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["", "30", "s", "1 s", "-1s", "1d", "1s1"])("refuses %j", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

test.each([
  [0, "0 ms"],
  [999.4, "999 ms"],
  [1234, "1.2 s"],
  [45_000, "45 s"],
  [600_000, "10 min"],
  [4 * 3_600_000, "4 h"],
  [3 * 86_400_000, "3 d"],
])("formatElapsed(%d) is %s", (ms, text) => {
  expect(formatElapsed(ms)).toBe(text);
});

describe("nearest()", () => {
  const keys = ["ports", "networks", "command", "network_mode", "env_file"];
  test.each([
    ["port", "ports"],
    ["prots", "ports"],
    ["comand", "command"],
    ["netwroks", "networks"],
    ["Networks", "networks"],
    ["network-mode", "network_mode"],
    ["zzz", undefined],
    ["", undefined],
  ])("of %j is %s", (typed, expected) => {
    expect(nearest(typed, keys)).toBe(expected);
  });

  test("didYouMean() says nothing when nothing is near", () => {
    expect(didYouMean("comand", keys)).toBe(', did you mean "command"?');
    expect(didYouMean("zzzzz", keys)).toBe("");
  });
});

test("formatTable() aligns columns, takes cells of several lines, and leaves no trailing space", () => {
  const rows = [
    ["web", "front 10.0.0.2\nback 10.1.0.2", ""],
    ["storehouse", "", "x"],
  ];
  expect(formatTable(["NAME", "NETWORKS", "PORTS"], rows)).toBe(
    [
      "NAME         NETWORKS         PORTS",
      "web          front 10.0.0.2",
      "             back 10.1.0.2",
      "storehouse                    x",
      "",
    ].join("\n"),
  );
  expect(formatTable(["A", "B"], [])).toBe("A   B\n");
});
