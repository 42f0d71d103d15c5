import { readFileSync } from "node:fs";
import { Writer } from "../../base/cursor.ts";
import { describe, expect, test } from "vitest";
import { opcodeName, rcodeName } from "./constants.ts";
import { decodeMessage, encodeMessage, writeMessage, type DnsMessage } from "./message.ts";
import { readQuery } from "./query.ts";
import { formatRecord } from "./record.ts";
import { sameQuestion, scanResponse } from "./scan.ts";

interface Recording {
  readonly command: string;
  readonly query: Uint8Array;
  readonly response: Uint8Array;
  readonly status: string;
  readonly records: readonly string[];
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));

const recordings: readonly Recording[] = readFileSync(
  new URL("testdata/recorded.txt", import.meta.url),
  "utf8",
)
  .split("\n\n")
  .map((block) => block.split("\n").filter((line) => line !== "" && !line.startsWith("#")))
  .filter((lines) => lines.length > 0)
  .map(([command, query, response, status, ...records]) => ({
    command: command as string,
    query: bytesOf((query as string).slice("query ".length)),
    response: bytesOf((response as string).slice("response ".length)),
    status: (status as string).slice("status ".length),
    records,
  }));

const allRecords = (message: DnsMessage): string[] =>
  [...message.answers, ...message.authorities, ...message.additionals].map(formatRecord);

/**
 * BIND leaves a tail of a single label in full where we point at it, and points into the data of SRV, HTTPS and DNAME
 * where we do not (RFC 3597 section 4 lets old software take such data as opaque). Everything else is equal to the byte.
 */
const compressedOtherwise: ReadonlySet<string> = new Set([
  "dig +norec +nocookie WWW.Shop.test A",
  "dig +norec +noedns shop.test MX",
  "dig +norec +noedns _http._tcp.shop.test SRV",
  "dig +norec +noedns web.shop.test HTTPS",
  "dig +norec +noedns alias.shop.test HTTPS",
  "dig +norec +noedns x.sub.shop.test A",
]);

test("the recording holds every command", () => {
  expect(recordings.length).toBe(23);
});

describe.each(recordings)("$command", ({ command, query, response, status, records }) => {
  test("decodes to what dig shows", () => {
    const message = decodeMessage(response);
    expect(`${opcodeName(message.opcode)} ${rcodeName(message.rcode)} ${message.id}`).toBe(status);
    expect(message.response).toBe(true);
    expect(allRecords(message)).toEqual(records);
  });

  test("encodes to the very bytes of dig and of BIND", () => {
    expect(encodeMessage(decodeMessage(query))).toEqual(query);
    const message = decodeMessage(response);
    const encoded = encodeMessage(message);
    expect(decodeMessage(encoded)).toEqual(message);
    if (compressedOtherwise.has(command)) expect(encoded).not.toEqual(response);
    else expect(encoded).toEqual(response);
  });

  test("encodes the same in a used buffer and behind other bytes", () => {
    const w = new Writer(4096);
    w.put(new Uint8Array(4096).fill(0xa5));
    w.reset();
    w.zeros(7);
    const message = decodeMessage(response);
    writeMessage(w, message);
    expect(w.view().slice(7)).toEqual(encodeMessage(message));
  });

  test("the light readers agree with the codec", () => {
    const message = decodeMessage(query);
    const read = readQuery(query);
    const scan = scanResponse(response);
    expect(scan?.id).toBe(message.id);
    if (read?.kind !== "query") {
      expect(read?.rcode).toBe(decodeMessage(response).rcode);
      return;
    }
    expect(read.name).toBe(message.questions[0]?.name.toLowerCase());
    expect(sameQuestion(response, query, read.questionEnd)).toBe(true);
    expect(scan?.ttlOffsets.length).toBe(records.length);
  });
});
