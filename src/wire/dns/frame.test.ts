import fc from "fast-check";
import { expect, test } from "vitest";
import { frameHeader, FrameReader } from "./frame.ts";

const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

test("FrameReader gives the same messages however the stream is cut", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 0, max: 30 })), (sent, cuts) => {
      const stream = join(sent.flatMap((message) => [frameHeader(message.length), message]));
      const reader = new FrameReader(100);
      const got: Uint8Array[] = [];
      let at = 0;
      for (const cut of [...cuts, stream.length]) {
        const piece = stream.slice(at, at + cut);
        got.push(...(reader.push(piece) ?? []));
        // What was given out must not change with the socket's buffer.
        piece.fill(0xa5);
        at += piece.length;
      }
      expect(got).toEqual(sent);
      expect(reader.atBoundary).toBe(true);
    }),
  );
});

test("FrameReader refuses a message that is too long as soon as its length is there", () => {
  const reader = new FrameReader(100);
  expect(reader.push(Uint8Array.of(0, 100, 1))).toEqual([]);
  expect(reader.atBoundary).toBe(false);
  expect(new FrameReader(100).push(Uint8Array.of(0, 101))).toBeUndefined();
});
