import { expect, test } from "vitest";
import { hex, words } from "../../testkit/hex.ts";
import { encodeMessage } from "./message.ts";
import { decodeNsid, getNsid } from "./nsid.ts";

test("getNsid() asks by descriptor, as `ip netns list-id` does", () => {
  expect(words(encodeMessage({ ...getNsid(7), seq: 0, pid: 0 }))).toEqual(
    words(hex("1c000000 5a000100 00000000 00000000 00000000 08000300 07000000")),
  );
});

test("decodeNsid() gives the id, and undefined where the kernel says that none is assigned", () => {
  expect(decodeNsid(hex("00000000 08000100 03000000"))).toBe(3);
  expect(decodeNsid(hex("00000000 08000100 ffffffff"))).toBeUndefined();
  expect(() => decodeNsid(hex("0000"))).toThrow("skip needs 4 bytes");
});
