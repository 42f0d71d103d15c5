import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DecodeError } from "../../base/cursor.ts";
import { parseRecorded } from "../../testkit/hex.ts";
import { type Ack, ackError, decodeAck, decodeDone, dumpInterrupted } from "./ack.ts";
import { errnoName } from "./errno.ts";
import { decodeMessages, type Message } from "./message.ts";
import { NL_ATTR_TYPE, NLM_F, NLMSG } from "./numbers.ts";

const recorded = parseRecorded(readFileSync(new URL("testdata/acks.txt", import.meta.url), "utf8"));

/** The messages recorded under the note that starts with `start`. */
function messagesOf(start: string): Message[] {
  const found = recorded.filter(({ note }) => note.startsWith(`${start}:`));
  return found.flatMap(({ bytes }) => decodeMessages(bytes));
}

function ackOf(start: string): Ack {
  return decodeAck(messagesOf(start)[0]!);
}

describe("decodeAck()", () => {
  it("reads a success", () => {
    expect(ackOf("success")).toEqual({ errno: 0, seq: 1, extack: {} });
  });

  it("reads an error of which the kernel says no more", () => {
    expect(ackOf("no extack")).toEqual({ errno: 17, seq: 1, extack: {} });
  });

  it("reads the kernel's words", () => {
    expect(ackOf("message")).toEqual({ errno: 95, seq: 1, extack: { message: "Unknown device type" } });
  });

  it("reads where the bad attribute is", () => {
    expect(ackOf("message and offset")).toEqual({
      errno: 34,
      seq: 1,
      extack: { message: "VXLAN ID must be lower than 16777216", offset: 60 },
    });
  });

  it("reads what would have been accepted", () => {
    const policy = { type: NL_ATTR_TYPE.U8, min: 0n, max: 1n };
    const extack = { message: "integer out of range", offset: 68, policy };
    expect(ackOf("policy")).toEqual({ errno: 34, seq: 1, extack });
  });

  it("reads which attribute is missing", () => {
    const { note } = recorded.find((one) => one.note.startsWith("missing attribute"))!;
    expect(ackOf(note.slice(0, note.indexOf(":")))).toEqual({
      errno: 22,
      seq: 1,
      extack: { missingType: 1 },
    });
  });

  it("skips the repeated request when the ack is not capped", () => {
    expect(ackOf("uncapped (without NETLINK_CAP_ACK)").extack).toEqual({ message: "Unknown device type" });
    expect(ackOf("without NETLINK_EXT_ACK")).toEqual({ errno: 95, seq: 1, extack: {} });
  });

  it("tells the requests of one send apart", () => {
    const acks = messagesOf("two requests in one send, the first refused").map(decodeAck);
    expect(acks).toEqual([
      { errno: 19, seq: 1, extack: {} },
      { errno: 0, seq: 2, extack: {} },
    ]);
  });

  it("refuses what is no ack", () => {
    const done = { type: NLMSG.DONE, flags: 0, seq: 0, pid: 0, body: new Uint8Array(20) };
    expect(() => decodeAck(done)).toThrow("message type 3 is no ack");
    expect(() => decodeAck({ ...done, type: NLMSG.ERROR, body: new Uint8Array(4) })).toThrow(DecodeError);
  });

  it("reads any body or throws DecodeError", () => {
    const flags = fc.constantFrom(0, NLM_F.CAPPED, NLM_F.ACK_TLVS, NLM_F.CAPPED | NLM_F.ACK_TLVS);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), flags, (body, bits) => {
        for (const [decode, type] of [
          [decodeAck, NLMSG.ERROR],
          [decodeDone, NLMSG.DONE],
        ] as const) {
          try {
            decode({ type, flags: bits, seq: 1, pid: 0, body });
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        }
      }),
    );
  });
});

describe("decodeDone()", () => {
  it("reads the error that ended a dump", () => {
    const done = messagesOf("end of a dump with an error").at(-1)!;
    expect(decodeDone(done)).toEqual({ errno: 2, extack: { message: "ipv6: FIB table does not exist" } });
  });

  it("reads a good end, and an empty one", () => {
    const done = { type: NLMSG.DONE, flags: NLM_F.MULTI, seq: 1, pid: 0, body: new Uint8Array(4) };
    expect(decodeDone(done)).toEqual({ errno: 0, extack: {} });
    expect(decodeDone({ ...done, body: new Uint8Array(0) })).toEqual({ errno: 0, extack: {} });
  });
});

describe("dumpInterrupted()", () => {
  it("looks at the flag", () => {
    const message = { type: NLMSG.DONE, flags: NLM_F.MULTI, seq: 1, pid: 0, body: new Uint8Array(4) };
    expect(dumpInterrupted(message)).toBe(false);
    expect(dumpInterrupted({ ...message, flags: NLM_F.MULTI | NLM_F.DUMP_INTR })).toBe(true);
  });
});

describe("ackError()", () => {
  it("carries operation, subject, error name and the kernel's words", () => {
    const error = ackError(ackOf("message and offset"), { op: "link.add", subject: "vx1" });
    expect(error.toJSON()).toEqual({
      code: "kernel",
      op: "link.add",
      message: "link.add vx1: VXLAN ID must be lower than 16777216 (ERANGE)",
      subject: "vx1",
      errno: "ERANGE",
      kernel: "VXLAN ID must be lower than 16777216",
    });
  });

  it("does without the kernel's words", () => {
    const error = ackError(ackOf("no extack"), { op: "link.add", subject: "br0" });
    expect(error.toJSON()).toEqual({
      code: "conflict",
      op: "link.add",
      message: "link.add br0: EEXIST",
      subject: "br0",
      errno: "EEXIST",
    });
  });

  it("names a missing attribute", () => {
    const ack = { errno: 22, extack: { missingType: 1, offset: 4 } };
    expect(ackError(ack, { op: "x", subject: "y" }).kernel).toBe("attribute 1 is missing");
  });

  it("tells where, when the kernel says nothing else", () => {
    const ack = { errno: 22, extack: { offset: 36 } };
    expect(ackError(ack, { op: "x", subject: "y" }).message).toBe(
      "x y: rejected at byte 36 of the request (EINVAL)",
    );
  });
});

describe("errnoName()", () => {
  it.each([
    [1, "EPERM"],
    [11, "EAGAIN"],
    [17, "EEXIST"],
    [95, "EOPNOTSUPP"],
    [524, "ENOTSUPP"],
    [4095, "errno 4095"],
  ])("of %i is %s", (number, name) => {
    expect(errnoName(number)).toBe(name);
  });
});
