import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DecodeError, Writer } from "../../base/cursor.ts";
import { hex, words } from "../../testkit/hex.ts";
import { decodeMessages, encodeBatch, encodeMessage, type Message, putMessage } from "./message.ts";
import { NLM_F, NLMSG } from "./numbers.ts";

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const message: fc.Arbitrary<Message> = fc.record({
  type: u16,
  flags: u16,
  seq: u32,
  pid: u32,
  body: fc.uint8Array({ maxLength: 40 }),
});

describe("encodeMessage()", () => {
  it("writes the header in host order and pads the body", () => {
    const bytes = encodeMessage({
      type: NLMSG.NOOP,
      flags: NLM_F.REQUEST | NLM_F.ACK,
      seq: 0x0102_0304,
      pid: 7,
      body: hex("aabbcc"),
    });
    expect(words(bytes)).toEqual(words(hex("13000000 0100 0500 04030201 07000000 aabbcc00")));
  });
});

describe("encodeBatch()", () => {
  it("numbers requests one after the other, past 2³² too", () => {
    const request = { type: 16, flags: 1, body: hex("ff") };
    const messages = decodeMessages(encodeBatch([request, request, request], { firstSeq: 0xffff_ffff }));
    expect(messages.map((m) => m.seq)).toEqual([0xffff_ffff, 0, 1]);
    expect(messages.map((m) => m.pid)).toEqual([0, 0, 0]);
  });

  it("of nothing is nothing", () => {
    expect(encodeBatch([], { firstSeq: 1 })).toHaveLength(0);
  });
});

describe("decodeMessages()", () => {
  it("gives back what was written, over a dirty buffer", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        const w = new Writer(512);
        w.put(new Uint8Array(512).fill(0xa5)).reset();
        for (const one of messages) putMessage(w, one);
        expect(decodeMessages(w.bytes())).toEqual(messages);
        expect(decodeMessages(w.bytes()).map(encodeMessage)).toEqual(messages.map(encodeMessage));
      }),
    );
  });

  it("reads a last message without its padding", () => {
    expect(decodeMessages(hex("11000000 0100 0000 00000000 00000000 aa"))).toHaveLength(1);
  });

  it.each([
    ["a header cut short", "10000000 0100", "a message header takes 16 bytes, 6 are left (at byte 0)"],
    [
      "a length below the header's",
      `0f000000${"00".repeat(12)}`,
      "message of 15 bytes in 16 bytes (at byte 0)",
    ],
    ["a length past the end", `20000000${"00".repeat(12)}`, "message of 32 bytes in 16 bytes (at byte 0)"],
  ])("refuses %s", (_, text, expected) => {
    expect(() => decodeMessages(hex(text))).toThrow(DecodeError);
    expect(() => decodeMessages(hex(text))).toThrow(expected);
  });

  it("reads any bytes or throws DecodeError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          decodeMessages(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});
