import { FLAG, HEADER_SIZE, RCODE, RCODE_MASK, TYPE } from "./constants.ts";
import { skipName } from "./query.ts";

/**
 * What a forwarder must know of a response it passes on as it is: whether it fits the query, how long it may be kept and
 * where its TTLs stand. Data is never taken apart, so record types we do not know pass unharmed, compressed names and all.
 */
export interface ResponseScan {
  readonly id: number;
  /** Four bits; the codes above 15 concern EDNS itself. */
  readonly rcode: number;
  readonly truncated: boolean;
  /** 12 when the server sent no question back. */
  readonly questionEnd: number;
  /** Where the TTLs of all records but OPT stand. */
  readonly ttlOffsets: readonly number[];
  /**
   * Seconds for which the response may be kept; 0: not at all. For answers the least TTL. For "no such name" and "no such
   * type" what the SOA record says, at most its own TTL (RFC 2308 section 5); without one, 0.
   */
  readonly lifetimeSeconds: number;
}

/** RFC 2181 section 8: a TTL with its top bit set counts as zero. */
const MAX_TTL = 0x7fffffff;

const be16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
const be32 = (bytes: Uint8Array, at: number): number => be16(bytes, at) * 0x10000 + be16(bytes, at + 2);
const ttl = (seconds: number): number => (seconds > MAX_TTL ? 0 : seconds);

/** `undefined` for bytes that are no response to one question. */
export function scanResponse(bytes: Uint8Array): ResponseScan | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  const flags = be16(bytes, 2);
  const questions = be16(bytes, 4);
  if ((flags & FLAG.QR) === 0 || questions > 1) return undefined;
  let at = HEADER_SIZE;
  if (questions === 1) {
    const named = skipName(bytes, at);
    if (named < 0 || named + 4 > bytes.length) return undefined;
    at = named + 4;
  }
  const questionEnd = at;
  const answers = be16(bytes, 6);
  const records = answers + be16(bytes, 8) + be16(bytes, 10);
  const ttlOffsets: number[] = [];
  let least = MAX_TTL;
  let negative = 0;
  for (let i = 0; i < records; i++) {
    const named = skipName(bytes, at);
    if (named < 0 || named + 10 > bytes.length) return undefined;
    const type = be16(bytes, named);
    const end = named + 10 + be16(bytes, named + 8);
    if (end > bytes.length) return undefined;
    if (type !== TYPE.OPT) {
      const seconds = ttl(be32(bytes, named + 4));
      ttlOffsets.push(named + 4);
      least = Math.min(least, seconds);
      // MINIMUM is the last field of SOA data, which has five numbers and two names of at least one octet.
      if (type === TYPE.SOA && i >= answers && end - named - 10 >= 22) {
        negative = Math.min(seconds, ttl(be32(bytes, end - 4)));
      }
    }
    at = end;
  }
  if (at !== bytes.length) return undefined;
  const rcode = flags & RCODE_MASK;
  const positive = rcode === RCODE.NOERROR && answers > 0;
  const failed = rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN;
  const truncated = (flags & FLAG.TC) !== 0;
  return {
    id: be16(bytes, 0),
    rcode,
    truncated,
    questionEnd,
    ttlOffsets,
    lifetimeSeconds: failed || truncated ? 0 : positive ? least : Math.min(negative, least),
  };
}

/** Whether a response answers this question: same name in any case, same type, same class. */
export function sameQuestion(response: Uint8Array, query: Uint8Array, questionEnd: number): boolean {
  if (response.length < questionEnd) return false;
  const nameEnd = questionEnd - 4;
  for (let at = HEADER_SIZE; at < questionEnd; at++) {
    const a = response[at] as number;
    const b = query[at] as number;
    // Length octets are below 64, so lowering the case of letters never touches one.
    if (a !== b && (at >= nameEnd || lower(a) !== lower(b))) return false;
  }
  return true;
}

const lower = (octet: number): number => (octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet);

/** Writes an age into every TTL: what is left of it after so many seconds in a cache. */
export function ageTtls(bytes: Uint8Array, offsets: readonly number[], ageSeconds: number): void {
  for (const at of offsets) {
    const left = Math.max(0, ttl(be32(bytes, at)) - ageSeconds);
    bytes[at] = left >>> 24;
    bytes[at + 1] = left >>> 16;
    bytes[at + 2] = left >>> 8;
    bytes[at + 3] = left;
  }
}
