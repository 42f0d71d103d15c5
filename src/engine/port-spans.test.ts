import { describe, expect, test } from "vitest";
import { mergeSpans, parsePortSpan, showSpan } from "./port-spans.ts";

describe("parsePortSpan()", () => {
  test.each([
    ["80", "80/tcp"],
    ["53/UDP", "53/udp"],
    ["8000-8009/sctp", "8000-8009/sctp"],
  ])("reads %s", (text, shown) => {
    expect(showSpan(parsePortSpan(text, "ports[0]", "test"))).toBe(shown);
  });

  test.each(["", "0", "65536", "90-80", "80/icmp", "http", "80-", "80:80"])(
    "refuses %j, naming the field",
    (text) => {
      expect(() => parsePortSpan(text, "ports[0]", "test")).toThrow(
        expect.objectContaining({ code: "invalid", field: "ports[0]" }),
      );
    },
  );
});

test.each([
  [["80", "80"], ["80/tcp"]],
  [
    ["90-99", "80", "81", "53/udp", "95-120"],
    ["80-81/tcp", "90-120/tcp", "53/udp"],
  ],
  [["1-65535", "7"], ["1-65535/tcp"]],
])("mergeSpans(%j)", (texts, merged) => {
  const spans = texts.map((text) => parsePortSpan(text, "ports[0]", "test"));
  expect(mergeSpans(spans).map(showSpan)).toEqual(merged);
});
