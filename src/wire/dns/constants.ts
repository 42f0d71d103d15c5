/**
 * Numbers of the DNS, spelled as the IANA registry "Domain Name System (DNS) Parameters" spells them. A number missing here
 * is still carried: types and classes are plain numbers everywhere, and these names are for people and for `switch`.
 */

/** RR types (RFC 1035 section 3.2.2 and later) and query types (section 3.2.3). */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  /** RFC 3596 */
  AAAA: 28,
  /** RFC 2782 */
  SRV: 33,
  /** RFC 6672 */
  DNAME: 39,
  /** RFC 6891: a pseudo-record that carries EDNS, never data. */
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  /** RFC 9460 */
  SVCB: 64,
  HTTPS: 65,
  /** RFC 8945: signs the message and must come last. */
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const;

export const CLASS = {
  IN: 1,
  CH: 3,
  HS: 4,
  /** RFC 2136: in updates, "not this record". */
  NONE: 254,
  ANY: 255,
} as const;

export const OPCODE = {
  QUERY: 0,
  IQUERY: 1,
  STATUS: 2,
  NOTIFY: 4,
  UPDATE: 5,
  /** RFC 8490 */
  DSO: 6,
} as const;

/** Response codes. Above 15 they need EDNS, whose OPT record holds the upper eight bits (RFC 6891 section 6.1.3). */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const;

/** Bits of the header's second word (RFC 1035 section 4.1.1; AD and CD: RFC 4035 section 3.2). */
export const FLAG = {
  /** Response. */
  QR: 0x8000,
  /** Authoritative answer. */
  AA: 0x0400,
  /** Truncated: ask again by TCP. */
  TC: 0x0200,
  /** Recursion desired. */
  RD: 0x0100,
  /** Recursion available. */
  RA: 0x0080,
  /** Reserved, zero. */
  Z: 0x0040,
  /** Authentic data. */
  AD: 0x0020,
  /** Checking disabled. */
  CD: 0x0010,
} as const;

export const OPCODE_SHIFT = 11;
export const OPCODE_MASK = 0x7800;
export const RCODE_MASK = 0x000f;

/** Octets before the first question. */
export const HEADER_SIZE = 12;
/** What a client without EDNS takes by UDP (RFC 1035 section 4.2.1). */
export const PLAIN_UDP_SIZE = 512;
/** An OPT record without options: root name, type, class, TTL and length. */
export const OPT_SIZE = 11;

function namesOf(table: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(table).map(([name, value]) => [value, name]));
}

const types = namesOf(TYPE);
const classes = namesOf(CLASS);
const opcodes = namesOf(OPCODE);
const rcodes = namesOf(RCODE);

/** `A`, or `TYPE1234` where the number has no name here (RFC 3597 section 5). */
export function typeName(type: number): string {
  return types.get(type) ?? `TYPE${type}`;
}

/** `IN`, or `CLASS1234`. */
export function className(value: number): string {
  return classes.get(value) ?? `CLASS${value}`;
}

export function opcodeName(opcode: number): string {
  return opcodes.get(opcode) ?? `OPCODE${opcode}`;
}

export function rcodeName(rcode: number): string {
  return rcodes.get(rcode) ?? `RCODE${rcode}`;
}
