import { expect, test } from "vitest";
import { localMac, macBytes, macFromBytes, parseMac, tryParseMac } from "./mac.ts";

test("parseMac() gives lower case with colons", () => {
  expect(parseMac("02-42-AC-11-00-0F")).toBe("02:42:ac:11:00:0f");
});

test.each([
  "",
  "02:42:ac:11:00",
  "02:42:ac:11:00:0g",
  "02:42-ac:11:00:02",
  "01:00:5e:00:00:01",
  "00:00:00:00:00:00",
])("parseMac() refuses %j", (text) => {
  expect(() => parseMac(text)).toThrow("is not a usable MAC address");
});

test("macBytes() and macFromBytes() are inverse", () => {
  const bytes = Uint8Array.of(2, 0, 255, 16, 1, 9);
  expect(macBytes(macFromBytes(bytes))).toEqual(bytes);
});

test("localMac() is unicast and locally administered", () => {
  expect(localMac(new Uint8Array(6).fill(0xff))).toBe("fe:ff:ff:ff:ff:ff");
  expect(localMac(new Uint8Array(6))).toBe("02:00:00:00:00:00");
  expect(tryParseMac(localMac(new Uint8Array(6)))).toBe("02:00:00:00:00:00");
});
