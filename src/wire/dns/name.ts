import type { Brand } from "../../base/brand.ts";
import type { Reader, Writer } from "../../base/cursor.ts";
import { NetError, showValue } from "../../base/errors.ts";

/**
 * A domain name as text without the final dot, case kept; the root is `.`. A label may hold any octet, so a dot or a
 * backslash inside one is written `\.` and `\\`, and what is not printable ASCII as `\` and three decimal digits
 * (RFC 1035 section 5.1). One wire form has exactly one text, so equal names of equal case are equal strings.
 */
export type DnsName = Brand<string, "DnsName">;

export const ROOT: DnsName = "." as DnsName;

/** RFC 1035 section 2.3.4: octets in a label, and in a whole name with its length octets and the root's zero. */
export const MAX_LABEL = 63;
export const MAX_NAME = 255;

const DOT = 0x2e;
const BACKSLASH = 0x5c;

/** The two upper bits of a length octet say what it is: 00 a label, 11 a pointer; 01 and 10 were never put to use. */
const KIND_MASK = 0xc0;
/** Offsets a pointer can hold: 14 bits. */
const POINTER_LIMIT = 0x4000;

/** The text of every octet a label may hold. */
const octetText: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  if (octet === DOT || octet === BACKSLASH) return `\\${String.fromCharCode(octet)}`;
  if (octet > 0x20 && octet < 0x7f) return String.fromCharCode(octet);
  return `\\${octet.toString().padStart(3, "0")}`;
});

/** The same in lower case, in which names compare (RFC 4343): of ASCII letters alone, everything else is escaped. */
export const lowerOctetText: readonly string[] = octetText.map((text) => text.toLowerCase());

function escapeLabel(label: Uint8Array): string {
  let text = "";
  for (const octet of label) text += octetText[octet] as string;
  return text;
}

/**
 * Reads a name at the reader's place, which must be a reader over the whole message: pointers count from its first octet.
 *
 * A pointer stands for the rest of a name seen before (RFC 1035 section 4.1.4). Nothing stops a sender from pointing at
 * itself or forward, so a pointer is followed only to a place before the piece of the name that holds it: every jump goes
 * strictly backwards, and a loop cannot be written down. The 255-octet limit bounds what one name costs.
 *
 * On failure the reader's error is set and the root returned.
 */
export function readName(r: Reader): DnsName {
  const bytes = r.bytes;
  let text = "";
  let size = 1;
  let at = r.offset;
  let pieceStart = at;
  /** Where reading goes on after the name: behind the first pointer, or behind the final zero. */
  let resume = -1;
  if (r.error !== undefined) return ROOT;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return failName(r, "a name runs past the end");
    if (length === 0) {
      at++;
      break;
    }
    if ((length & KIND_MASK) === KIND_MASK) {
      const low = bytes[at + 1];
      if (low === undefined) return failName(r, "a name runs past the end");
      const target = ((length & ~KIND_MASK) << 8) | low;
      if (target >= pieceStart)
        return failName(r, `a name's pointer goes to ${target}, which is not backwards`);
      if (resume < 0) resume = at + 2;
      at = target;
      pieceStart = target;
      continue;
    }
    if ((length & KIND_MASK) !== 0) return failName(r, `a label's length octet is ${length}`);
    size += length + 1;
    if (size > MAX_NAME) return failName(r, `a name is longer than ${MAX_NAME} octets`);
    const end = at + 1 + length;
    if (end > bytes.length) return failName(r, "a name runs past the end");
    const label = escapeLabel(bytes.subarray(at + 1, end));
    text = text === "" ? label : `${text}.${label}`;
    at = end;
  }
  r.seek(resume < 0 ? at : resume);
  return text === "" ? ROOT : (text as DnsName);
}

function failName(r: Reader, message: string): DnsName {
  r.fail(message);
  return ROOT;
}

/** Remembers where each name's tail was written, so that later names can point there. One per message. */
export class NameTable {
  readonly #offsets = new Map<string, number>();
  /** Offset of the message's first octet in the writer. */
  readonly start: number;

  constructor(start: number) {
    this.start = start;
  }

  find(tail: string): number | undefined {
    return this.#offsets.get(tail);
  }

  /** Later writers of the same tail keep pointing at the first one; places beyond 14 bits cannot be pointed at. */
  add(tail: string, offset: number): void {
    if (offset < POINTER_LIMIT && !this.#offsets.has(tail)) this.#offsets.set(tail, offset);
  }
}

/**
 * Writes a name. With a table, the longest tail that was written before becomes a pointer. Tails match with their case, so
 * that compression never changes how a name is spelled (RFC 4343 section 4.1 asks to preserve it where possible).
 *
 * Without a table the name is written in full and not remembered: for record types younger than RFC 1035, whose names
 * old software does not know to expand (RFC 3597 section 4).
 */
export function writeName(w: Writer, name: DnsName, table: NameTable | undefined): void {
  let rest: string = name === ROOT ? "" : name;
  while (rest !== "") {
    if (table !== undefined) {
      const known = table.find(rest);
      if (known !== undefined) {
        w.be16((KIND_MASK << 8) | known);
        return;
      }
      table.add(rest, w.length - table.start);
    }
    rest = writeLabel(w, rest);
  }
  w.u8(0);
}

/** Writes the first label of a text that is a valid name and returns what follows its dot. */
function writeLabel(w: Writer, text: string): string {
  const octets: number[] = [];
  let at = 0;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) break;
    if (code !== BACKSLASH) {
      octets.push(code);
      continue;
    }
    const digits = /^\d{3}/.exec(text.slice(at + 1, at + 4));
    octets.push(digits === null ? text.charCodeAt(at + 1) : Number(digits[0]));
    at += digits === null ? 1 : 3;
  }
  w.u8(octets.length);
  w.put(Uint8Array.from(octets));
  return text.slice(at + 1);
}

/** A name as people write it, with or without the final dot. Throws `invalid` naming the field. */
export function parseDnsName(text: string, field: string, op: string): DnsName {
  const refuse = (right: string): NetError =>
    new NetError("invalid", op, {
      message: `${field}: ${showValue(text)} is not a domain name: ${right}`,
      field,
      value: showValue(text),
      remedy: right,
    });
  if (text === ".") return ROOT;
  if (text === "") throw refuse("write at least one label, or `.` for the root");
  const labels: string[] = [];
  let octets: number[] = [];
  let size = 1;
  const finish = (): void => {
    if (octets.length === 0) throw refuse("a label between two dots is empty");
    if (octets.length > MAX_LABEL) throw refuse(`a label has at most ${MAX_LABEL} octets`);
    size += octets.length + 1;
    labels.push(escapeLabel(Uint8Array.from(octets)));
    octets = [];
  };
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      finish();
      continue;
    }
    if (code > 0x7f) throw refuse("write names beyond ASCII in their xn-- form");
    if (code !== BACKSLASH) {
      octets.push(code);
      continue;
    }
    const escape = /^(\d{3}|[^\d])/.exec(text.slice(at + 1));
    const escaped = escape?.[1];
    if (escaped === undefined) throw refuse("a backslash is followed by one character or three digits");
    const octet = escaped.length === 3 ? Number(escaped) : escaped.charCodeAt(0);
    if (octet > (escaped.length === 3 ? 0xff : 0x7f))
      throw refuse("an escape stands for one octet, at most \\255");
    octets.push(octet);
    at += escaped.length;
  }
  if (octets.length > 0 || !text.endsWith(".")) finish();
  if (size > MAX_NAME) throw refuse(`a name has at most ${MAX_NAME} octets`);
  return labels.join(".") as DnsName;
}
