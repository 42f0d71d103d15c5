import { ipBytes, type Family, type Ip } from "../../base/ip.ts";
import {
  CLASS,
  FLAG,
  HEADER_SIZE,
  OPCODE_MASK,
  OPT_SIZE,
  PLAIN_UDP_SIZE,
  RCODE_MASK,
  TYPE,
} from "./constants.ts";
import type { BadQuery, Query } from "./query.ts";

/**
 * Writing the replies a server makes by the thousand, straight from the query's own bytes: the question goes back exactly
 * as it came, in the client's spelling, and owner names are pointers to it.
 */

/** Gives memory for a reply; what is in it does not matter, every octet is written. */
export type Allocate = (size: number) => Uint8Array;

/** What we tell of ourselves. */
export interface Responder {
  readonly allocate: Allocate;
  /** Largest UDP message we say we take. */
  readonly udpSize: number;
}

/** The question's name, where answers point for their owner. */
const POINTER_TO_QUESTION = 0xc000 | HEADER_SIZE;

/** How long a reply to this query may be by UDP. */
export function udpLimit(query: Query): number {
  return query.edns?.udpSize ?? PLAIN_UDP_SIZE;
}

function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >> 8;
  out[at + 1] = value;
}

/** Header and question of a reply. Of the client's flags, RD and CD go back (RFC 1035 section 4.1.1; RFC 4035 section 3.2.2). */
function putHead(out: Uint8Array, query: Query | BadQuery, flags: number, answers: number): void {
  const { bytes, questionEnd, edns } = query;
  // A scrap may be shorter than a header: what it lacks reads as zero.
  for (let at = 0; at < questionEnd; at++) out[at] = bytes[at] ?? 0;
  const asked = ((bytes[2] as number) << 8) | (bytes[3] ?? 0);
  put16(out, 2, FLAG.QR | (asked & (OPCODE_MASK | FLAG.RD | FLAG.CD)) | FLAG.RA | flags);
  put16(out, 4, questionEnd > HEADER_SIZE ? 1 : 0);
  put16(out, 6, answers);
  put16(out, 8, 0);
  put16(out, 10, edns === undefined ? 0 : 1);
}

/** Our OPT record, without options; DO goes back as it came (RFC 3225 section 3). */
function putOpt(out: Uint8Array, at: number, query: Query | BadQuery, udpSize: number, rcode: number): void {
  out[at] = 0;
  put16(out, at + 1, TYPE.OPT);
  put16(out, at + 3, udpSize);
  out[at + 5] = rcode >> 4;
  out[at + 6] = 0;
  put16(out, at + 7, query.edns?.dnssecOk === true ? 0x8000 : 0);
  put16(out, at + 9, 0);
}

/** A reply without records: an error, "no such name", "nothing of this type", or "too long, ask by TCP". */
export function emptyReply(
  query: Query | BadQuery,
  reply: { readonly rcode: number; readonly flags: number },
  responder: Responder,
): Uint8Array {
  const size = query.questionEnd + (query.edns === undefined ? 0 : OPT_SIZE);
  const out = responder.allocate(size);
  putHead(out, query, reply.flags | (reply.rcode & RCODE_MASK), 0);
  if (query.edns !== undefined) putOpt(out, query.questionEnd, query, responder.udpSize, reply.rcode);
  return out;
}

export interface AddressAnswer {
  readonly family: Family;
  /** All of that family. */
  readonly addresses: readonly Ip[];
  /** Index of the address that comes first; the others follow in turn, so that load spreads over them. */
  readonly first: number;
  readonly ttlSeconds: number;
  /** Largest size the client takes. What does not fit is left out and the reply marked truncated. */
  readonly limit: number;
}

/** A or AAAA records for the name asked, authoritative. */
export function addressReply(query: Query, answer: AddressAnswer, responder: Responder): Uint8Array {
  const { addresses, family } = answer;
  const dataSize = family === 4 ? 4 : 16;
  const recordSize = 12 + dataSize;
  const optSize = query.edns === undefined ? 0 : OPT_SIZE;
  const room = Math.floor((answer.limit - query.questionEnd - optSize) / recordSize);
  const count = Math.max(0, Math.min(addresses.length, room));
  const out = responder.allocate(query.questionEnd + count * recordSize + optSize);
  putHead(out, query, FLAG.AA | (count < addresses.length ? FLAG.TC : 0), count);
  let at = query.questionEnd;
  for (let i = 0; i < count; i++) {
    put16(out, at, POINTER_TO_QUESTION);
    put16(out, at + 2, family === 4 ? TYPE.A : TYPE.AAAA);
    put16(out, at + 4, CLASS.IN);
    put16(out, at + 6, answer.ttlSeconds >>> 16);
    put16(out, at + 8, answer.ttlSeconds);
    put16(out, at + 10, dataSize);
    putIp(out, at + 12, addresses[(answer.first + i) % addresses.length] as Ip);
    at += recordSize;
  }
  if (query.edns !== undefined) putOpt(out, at, query, responder.udpSize, 0);
  return out;
}

/** `ipBytes` checks as it reads; this trusts the type, for the dotted quads that most answers are. */
function putIp(out: Uint8Array, start: number, ip: Ip): void {
  if (ip.includes(":")) {
    out.set(ipBytes(ip), start);
    return;
  }
  let value = 0;
  let at = start;
  for (let i = 0; i < ip.length; i++) {
    const code = ip.charCodeAt(i);
    if (code === 0x2e) {
      out[at++] = value;
      value = 0;
    } else value = value * 10 + code - 0x30;
  }
  out[at] = value;
}
