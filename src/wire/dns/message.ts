import { Reader, Writer } from "../../base/cursor.ts";
import { NetError } from "../../base/errors.ts";
import { FLAG, OPCODE_MASK, OPCODE_SHIFT, RCODE_MASK, TYPE } from "./constants.ts";
import { readEdns, writeEdns, type Edns } from "./edns.ts";
import { NameTable, ROOT } from "./name.ts";
import { rdataType } from "./rdata/index.ts";
import {
  readQuestion,
  readRecordBody,
  readRecordHeader,
  writeQuestion,
  writeRecord,
  type Question,
  type ResourceRecord,
} from "./record.ts";

/** A whole message, query or response (RFC 1035 section 4.1). */
export interface DnsMessage {
  readonly id: number;
  /** QR */
  readonly response: boolean;
  readonly opcode: number;
  /** AA */
  readonly authoritative: boolean;
  /** TC: records were left out; ask again by TCP. */
  readonly truncated: boolean;
  /** RD */
  readonly recursionDesired: boolean;
  /** RA */
  readonly recursionAvailable: boolean;
  /** The one bit of Z that is still reserved. */
  readonly reserved: boolean;
  /** AD */
  readonly authenticData: boolean;
  /** CD */
  readonly checkingDisabled: boolean;
  /** All twelve bits; above 15 only together with `edns`. */
  readonly rcode: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Without the OPT record, which is `edns`. */
  readonly additionals: readonly ResourceRecord[];
  readonly edns?: Edns | undefined;
}

/** Throws DecodeError, and nothing else, for bytes that are no message. Byte fields are views into `bytes`. */
export function decodeMessage(bytes: Uint8Array): DnsMessage {
  const r = new Reader(bytes);
  const id = r.be16();
  const flags = r.be16();
  const counts = { questions: r.be16(), answers: r.be16(), authorities: r.be16(), additionals: r.be16() };
  const questions: Question[] = [];
  for (let i = 0; i < counts.questions && r.error === undefined; i++) questions.push(readQuestion(r));
  const answers = readSection(r, counts.answers, undefined);
  const authorities = readSection(r, counts.authorities, undefined);
  const opt: OptHolder = { edns: undefined, rcodeHigh: 0 };
  const additionals = readSection(r, counts.additionals, opt);
  r.end();
  const set = (flag: number): boolean => (flags & flag) !== 0;
  return {
    id,
    response: set(FLAG.QR),
    opcode: (flags & OPCODE_MASK) >> OPCODE_SHIFT,
    authoritative: set(FLAG.AA),
    truncated: set(FLAG.TC),
    recursionDesired: set(FLAG.RD),
    recursionAvailable: set(FLAG.RA),
    reserved: set(FLAG.Z),
    authenticData: set(FLAG.AD),
    checkingDisabled: set(FLAG.CD),
    rcode: (opt.rcodeHigh << 4) | (flags & RCODE_MASK),
    questions,
    answers,
    authorities,
    additionals,
    edns: opt.edns,
  };
}

interface OptHolder {
  edns: Edns | undefined;
  rcodeHigh: number;
}

/** `opt` is given for the additional section only, the one place for an OPT record (RFC 6891 section 6.1.1). */
function readSection(r: Reader, count: number, opt: OptHolder | undefined): ResourceRecord[] {
  const records: ResourceRecord[] = [];
  for (let i = 0; i < count && r.error === undefined; i++) {
    const header = readRecordHeader(r);
    if (header.type !== TYPE.OPT) {
      records.push(readRecordBody(r, header));
      continue;
    }
    if (opt === undefined) r.fail("an OPT record outside the additional section");
    else if (opt.edns !== undefined) r.fail("a second OPT record");
    else if (header.name !== ROOT) r.fail("an OPT record whose name is not the root");
    else Object.assign(opt, readEdns(r, header));
  }
  return records;
}

/** Throws NetError `invalid` for a message that no bytes can stand for (a code that needs EDNS, 64 KiB and more). */
export function encodeMessage(message: DnsMessage): Uint8Array {
  const w = new Writer(512);
  writeMessage(w, message);
  return w.bytes();
}

/** Appends a message; names in it point back to its own first octet, wherever in the writer that is. */
export function writeMessage(w: Writer, message: DnsMessage): void {
  const start = w.length;
  if (message.rcode > RCODE_MASK && message.edns === undefined) {
    throw new NetError("invalid", "dns.encode", {
      message: `response code ${message.rcode} needs EDNS: the header holds codes up to ${RCODE_MASK}`,
      field: "rcode",
      value: String(message.rcode),
    });
  }
  w.be16(message.id).be16(headerFlags(message));
  w.be16(message.questions.length).be16(message.answers.length).be16(message.authorities.length);
  w.be16(message.additionals.length + (message.edns === undefined ? 0 : 1));
  const names = new NameTable(start);
  for (const question of message.questions) writeQuestion(w, question, names);
  for (const record of message.answers) writeRecord(w, record, names);
  for (const record of message.authorities) writeRecord(w, record, names);
  const last = message.additionals.at(-1);
  // A signature must come last (RFC 8945 section 5.1); otherwise OPT goes behind the others, as most servers have it.
  const signature = last !== undefined && rdataType(last.data) === TYPE.TSIG ? last : undefined;
  for (const record of message.additionals) if (record !== signature) writeRecord(w, record, names);
  if (message.edns !== undefined) writeEdns(w, message.edns, message.rcode >> 4);
  if (signature !== undefined) writeRecord(w, signature, names);
  const size = w.length - start;
  if (size > 0xffff) {
    throw new NetError("invalid", "dns.encode", {
      message: `the message has ${size} bytes: the DNS carries at most 65535`,
    });
  }
}

function headerFlags(message: DnsMessage): number {
  return (
    (message.response ? FLAG.QR : 0) |
    (message.opcode << OPCODE_SHIFT) |
    (message.authoritative ? FLAG.AA : 0) |
    (message.truncated ? FLAG.TC : 0) |
    (message.recursionDesired ? FLAG.RD : 0) |
    (message.recursionAvailable ? FLAG.RA : 0) |
    (message.reserved ? FLAG.Z : 0) |
    (message.authenticData ? FLAG.AD : 0) |
    (message.checkingDisabled ? FLAG.CD : 0) |
    (message.rcode & RCODE_MASK)
  );
}
