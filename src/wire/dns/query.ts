import { FLAG, HEADER_SIZE, OPCODE_MASK, PLAIN_UDP_SIZE, RCODE, TYPE } from "./constants.ts";
import { lowerOctetText, MAX_NAME, ROOT, type DnsName } from "./name.ts";

/**
 * Reading a query as a server must, and no more: the question, the flags and what EDNS says. It is the fast twin of
 * `decodeMessage` for the path that answers a hundred thousand of them a second; the tests hold both against each other.
 */
export interface Query {
  readonly kind: "query";
  /** The message as it came. */
  readonly bytes: Uint8Array;
  /** The header's second word. */
  readonly flags: number;
  /** The name asked for, in lower case. The case it was asked in is in `bytes`. */
  readonly name: DnsName;
  readonly type: number;
  readonly class: number;
  /** Offset behind the question, which begins at 12. */
  readonly questionEnd: number;
  /** What the client's OPT record says; absent: a client without EDNS. */
  readonly edns: QueryEdns | undefined;
}

export interface QueryEdns {
  /** At least 512, whatever the client wrote (RFC 6891 section 6.2.3). */
  readonly udpSize: number;
  readonly dnssecOk: boolean;
}

/** A message that gets an error code for an answer. */
export interface BadQuery {
  readonly kind: "bad";
  readonly bytes: Uint8Array;
  readonly rcode: number;
  /** Where the readable question ends; 12 when there is none to send back. */
  readonly questionEnd: number;
  /** Present when the answer must carry EDNS: the code does not fit without. */
  readonly edns: QueryEdns | undefined;
}

function bad(bytes: Uint8Array, rcode: number, questionEnd: number, edns?: QueryEdns): BadQuery {
  return { kind: "bad", bytes, rcode, questionEnd, edns };
}

const be16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

/**
 * `undefined`: no answer at all. That is for responses, so that two servers can never keep each other busy, and for
 * scraps too short to tell.
 */
export function readQuery(bytes: Uint8Array): Query | BadQuery | undefined {
  if (bytes.length < 3 || ((bytes[2] as number) & (FLAG.QR >> 8)) !== 0) return undefined;
  if (bytes.length < HEADER_SIZE) return bad(bytes, RCODE.FORMERR, HEADER_SIZE);
  const flags = be16(bytes, 2);
  if ((flags & OPCODE_MASK) !== 0) return bad(bytes, RCODE.NOTIMP, HEADER_SIZE);
  // RFC 9619: a query has exactly one question.
  if (be16(bytes, 4) !== 1) return bad(bytes, RCODE.FORMERR, HEADER_SIZE);

  let name = "";
  let at = HEADER_SIZE;
  for (;;) {
    const length = bytes[at];
    // There is no earlier name a pointer could mean, so every octet above 63 is wrong here.
    if (length === undefined || length > 63) return bad(bytes, RCODE.FORMERR, HEADER_SIZE);
    at++;
    if (length === 0) break;
    const end = at + length;
    if (end >= bytes.length || end - HEADER_SIZE >= MAX_NAME) return bad(bytes, RCODE.FORMERR, HEADER_SIZE);
    if (name !== "") name += ".";
    for (; at < end; at++) name += lowerOctetText[bytes[at] as number] as string;
  }
  if (at + 4 > bytes.length) return bad(bytes, RCODE.FORMERR, HEADER_SIZE);
  const type = be16(bytes, at);
  const klass = be16(bytes, at + 2);
  const questionEnd = at + 4;

  let edns: QueryEdns | undefined;
  const records = be16(bytes, 6) + be16(bytes, 8) + be16(bytes, 10);
  if (records > 0 || bytes.length !== questionEnd) {
    const found = readOpt(bytes, questionEnd, records);
    if (found === "malformed") return bad(bytes, RCODE.FORMERR, questionEnd);
    // RFC 6891 section 6.1.3: a version we do not speak is answered with BADVERS and the highest one we do.
    if (found !== undefined && found.version > 0) return bad(bytes, RCODE.BADVERS, questionEnd, found);
    edns = found;
  }
  const asked = name === "" ? ROOT : (name as DnsName);
  return { kind: "query", bytes, flags, name: asked, type, class: klass, questionEnd, edns };
}

/** Walks all records behind the question; OPT counts only as the single one, and in the additional section. */
function readOpt(
  bytes: Uint8Array,
  start: number,
  records: number,
): (QueryEdns & { version: number }) | "malformed" | undefined {
  const firstAdditional = records - be16(bytes, 10);
  let edns: (QueryEdns & { version: number }) | undefined;
  let at = start;
  for (let i = 0; i < records; i++) {
    const named = skipName(bytes, at);
    if (named < 0 || named + 10 > bytes.length) return "malformed";
    const end = named + 10 + be16(bytes, named + 8);
    if (end > bytes.length) return "malformed";
    if (be16(bytes, named) === TYPE.OPT) {
      if (i < firstAdditional || edns !== undefined || named !== at + 1) return "malformed";
      edns = {
        udpSize: Math.max(be16(bytes, named + 2), PLAIN_UDP_SIZE),
        version: bytes[named + 5] as number,
        dnssecOk: ((bytes[named + 6] as number) & 0x80) !== 0,
      };
    }
    at = end;
  }
  return at === bytes.length ? edns : "malformed";
}

/** Offset behind a name, or -1. A pointer ends a name and is not followed. */
export function skipName(bytes: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return -1;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2 <= bytes.length ? at + 2 : -1;
    if (length > 63) return -1;
    at += length + 1;
  }
}
