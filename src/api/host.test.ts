import { describe, expect, test } from "vitest";
import { NetError } from "../base/errors.ts";
import { parseHost } from "./host.ts";

test.each([
  ["unix:///run/netdock/netdock.sock", "/run/netdock/netdock.sock"],
  ["/tmp/x.sock", "/tmp/x.sock"],
  [`/${"x".repeat(106)}`, `/${"x".repeat(106)}`],
])("parseHost() reads %s", (text, path) => {
  expect(parseHost(text, "-H")).toBe(path);
});

function refusal(text: string): NetError {
  try {
    parseHost(text, "NETDOCK_HOST");
  } catch (error) {
    if (error instanceof NetError) return error;
  }
  throw new Error(`${text} was not refused by a NetError`);
}

describe("parseHost() refuses", () => {
  test.each([
    ["", 'NETDOCK_HOST: "" is not valid: write the absolute path of a Unix socket, such as unix:///run/'],
    ["netdock.sock", "write the absolute path of a Unix socket"],
    ["unix://netdock.sock", "write the absolute path of a Unix socket"],
    ["tcp://127.0.0.1:2375", "netdock is not reached by tcp: write the absolute path"],
    ["ssh://root@host", "netdock is not reached by ssh: write the absolute path"],
    [`/${"x".repeat(107)}`, "a socket path has at most 107 bytes, this one has 108"],
    [`/${"é".repeat(54)}`, "a socket path has at most 107 bytes, this one has 109"],
    ["/a\0b", "a path has no NUL in it"],
  ])("%j", (text, words) => {
    const error = refusal(text);
    expect(error.message).toContain(words);
    expect(error).toMatchObject({ code: "invalid", field: "NETDOCK_HOST" });
  });
});
