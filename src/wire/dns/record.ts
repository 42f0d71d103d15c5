import type { Reader, Writer } from "../../base/cursor.ts";
import { NetError } from "../../base/errors.ts";
import { className, typeName } from "./constants.ts";
import { readName, writeName, type DnsName, type NameTable } from "./name.ts";
import { formatRData, rdataType, readRData, writeRData, type RData } from "./rdata/index.ts";
import { formatName } from "./text.ts";

/** RFC 1035 section 4.1.2. */
export interface Question {
  readonly name: DnsName;
  /** QTYPE: an RR type, or ANY, AXFR, … */
  readonly type: number;
  readonly class: number;
}

/** RFC 1035 section 4.1.3. The type is that of `data`. */
export interface ResourceRecord {
  readonly name: DnsName;
  readonly class: number;
  /** How long the record may be remembered. 32 bits; with the top bit set readers take it as 0 (RFC 2181 section 8). */
  readonly ttlSeconds: number;
  readonly data: RData;
}

export function readQuestion(r: Reader): Question {
  return { name: readName(r), type: r.be16(), class: r.be16() };
}

export function writeQuestion(w: Writer, question: Question, names: NameTable): void {
  writeName(w, question.name, names);
  w.be16(question.type).be16(question.class);
}

/** Owner, type, class and TTL; what follows in the message is the data length. OPT uses class and TTL its own way. */
export interface RecordHeader {
  readonly name: DnsName;
  readonly type: number;
  readonly class: number;
  readonly ttlSeconds: number;
}

export function readRecordHeader(r: Reader): RecordHeader {
  return { name: readName(r), type: r.be16(), class: r.be16(), ttlSeconds: r.be32() };
}

export function readRecordBody(r: Reader, header: RecordHeader): ResourceRecord {
  const data = readRData(r, { type: header.type, class: header.class, size: r.be16() });
  return { name: header.name, class: header.class, ttlSeconds: header.ttlSeconds, data };
}

export function writeRecord(w: Writer, record: ResourceRecord, names: NameTable): void {
  writeName(w, record.name, names);
  w.be16(rdataType(record.data)).be16(record.class).be32(record.ttlSeconds);
  const lengthAt = w.length;
  w.be16(0);
  writeRData(w, record.data, names);
  const size = w.length - lengthAt - 2;
  if (size > 0xffff) {
    throw new NetError("invalid", "dns.encode", {
      message: `data of ${formatName(record.name)} has ${size} bytes: a record holds at most 65535`,
      subject: record.name,
    });
  }
  w.patchBe16(lengthAt, size);
}

/** `web. IN A`, as in dig's question section. */
export function formatQuestion(question: Question): string {
  return `${formatName(question.name)} ${className(question.class)} ${typeName(question.type)}`;
}

/** `web. 600 IN A 10.0.0.2`: one line of a zone file. */
export function formatRecord(record: ResourceRecord): string {
  const type = typeName(rdataType(record.data));
  return `${formatName(record.name)} ${record.ttlSeconds} ${className(record.class)} ${type} ${formatRData(record.data)}`;
}
