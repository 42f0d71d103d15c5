import { describe, expect, test } from "vitest";
import { NetError } from "../base/errors.ts";
import { parseHost, showAddress } from "./host.ts";

test.each([
  ["unix:///run/netdock/netdock.sock", "/run/netdock/netdock.sock"],
  ["/tmp/x.sock", "/tmp/x.sock"],
  [`/${"x".repeat(106)}`, `/${"x".repeat(106)}`],
])("parseHost() reads %s", (text, path) => {
  expect(parseHost(text, "-H")).toEqual({ kind: "unix", path });
});

test.each([
  ["tcp://127.0.0.1:2376", "127.0.0.1", 2376, "tcp://127.0.0.1:2376"],
  ["tcp://lab-1.example", "lab-1.example", 2376, "tcp://lab-1.example:2376"],
  ["TCP://[fd00::1]:1234/", "fd00::1", 1234, "tcp://[fd00::1]:1234"],
])("parseHost() reads %s, and showAddress() writes it", (text, host, port, shown) => {
  const address = parseHost(text, "-H");
  expect(address).toEqual({ kind: "tcp", host, port });
  expect(showAddress(address)).toBe(shown);
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
    ["tcp://", "write tcp://HOST:PORT"],
    ["tcp:2376", "write tcp://HOST:PORT"],
    ["tcp://fd00::1:2376", "write tcp://HOST:PORT"],
    ["tcp://host:2376/path", "write tcp://HOST:PORT"],
    ["tcp://root@host", "write tcp://HOST:PORT"],
    ["tcp://host:65536", "a port is a number from 1 to 65535"],
    ["tcp://host:0", "a port is a number from 1 to 65535"],
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
