import type { Writer } from "../../base/cursor.ts";
import { DecodeError } from "../../base/cursor.ts";
import { invalid } from "../../base/errors.ts";
import { type Ip, ipBytes, ipFromBytes } from "../../base/ip.ts";
import { type Mac, macBytes, macFromBytes } from "../../base/mac.ts";

/**
 * How one attribute's payload is written and read: both directions side by side, byte order included. A type is a plain
 * value without state; `attrs.ts` joins types into tables. `name` is what errors call it.
 */
export interface AttrType<T> {
  readonly name: string;
  /** NLA_F_* bits that go with the attribute's number when it is written; ignored when it is read. */
  readonly flags: number;
  /** True when every element of the value is an attribute of its own, all of the same number. */
  readonly repeated: boolean;
  /** Appends the payload, without header and padding. `label` names the attribute in errors. */
  write(w: Writer, value: T, label: string): void;
  /**
   * Reads the payload at `bytes[start..end)`; throws `DecodeError`. What it returns owns its memory: the buffer may be
   * reused. `depth` counts the nests around it.
   */
  read(bytes: Uint8Array, start: number, end: number, label: string, depth: number): T;
}

/** An attribute's error: what it is, what size it should have and has. */
function wrongSize(label: string, type: string, right: string, start: number, end: number): DecodeError {
  return new DecodeError(`${label}: ${type} takes ${right} bytes, not ${end - start}`, start);
}

function outOfRange(label: string, type: string, value: unknown): Error {
  return invalid(
    label,
    typeof value === "bigint" ? `${value}` : value,
    `it must fit ${type}`,
    "netlink.encode",
  );
}

/** Type of an integer of at most four bytes, of which `fits` knows the range. */
function integer(
  name: string,
  size: number,
  fits: (value: number) => boolean,
  put: (w: Writer, value: number) => void,
  get: (b: Uint8Array, at: number) => number,
): AttrType<number> {
  return {
    name,
    flags: 0,
    repeated: false,
    write(w, value, label) {
      if (!fits(value)) throw outOfRange(label, name, value);
      put(w, value);
    },
    read(bytes, start, end, label) {
      if (end - start !== size) throw wrongSize(label, name, `${size}`, start, end);
      return get(bytes, start);
    },
  };
}

// `| 0` turns the compiler's "maybe undefined" into a number; every `at` below was checked against the payload's size.
const le16 = (b: Uint8Array, at: number): number => (b[at] as number) | ((b[at + 1] as number) << 8);
const le32 = (b: Uint8Array, at: number): number => le16(b, at) | (le16(b, at + 2) << 16);
const net16 = (b: Uint8Array, at: number): number => ((b[at] as number) << 8) | (b[at + 1] as number);
const net32 = (b: Uint8Array, at: number): number => ((net16(b, at) << 16) | net16(b, at + 2)) >>> 0;

const fits8 = (v: number): boolean => (v & 0xff) === v;
const fits16 = (v: number): boolean => (v & 0xffff) === v;
const fits32 = (v: number): boolean => v >>> 0 === v;

/** Host byte order, as everything in netlink that does not say otherwise. */
export const u8: AttrType<number> = integer(
  "u8",
  1,
  fits8,
  (w, v) => w.u8(v),
  (b, at) => b[at] as number,
);
export const u16: AttrType<number> = integer("u16", 2, fits16, (w, v) => w.u16(v), le16);
export const u32: AttrType<number> = integer(
  "u32",
  4,
  fits32,
  (w, v) => w.u32(v),
  (b, at) => le32(b, at) >>> 0,
);
export const i32: AttrType<number> = integer(
  "i32",
  4,
  (v) => (v | 0) === v,
  (w, v) => w.i32(v),
  le32,
);

/** Network byte order: all of nf_tables, and ports and protocol numbers elsewhere. */
export const be16: AttrType<number> = integer("be16", 2, fits16, (w, v) => w.be16(v), net16);
export const be32: AttrType<number> = integer("be32", 4, fits32, (w, v) => w.be32(v), net32);

function integer64(
  name: string,
  put: (w: Writer, value: bigint) => void,
  get: (b: Uint8Array, at: number) => bigint,
): AttrType<bigint> {
  return {
    name,
    flags: 0,
    repeated: false,
    write(w, value, label) {
      if (BigInt.asUintN(64, value) !== value) throw outOfRange(label, name, value);
      put(w, value);
    },
    read(bytes, start, end, label) {
      if (end - start !== 8) throw wrongSize(label, name, "8", start, end);
      return get(bytes, start);
    },
  };
}

const join64 = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);

export const u64: AttrType<bigint> = integer64(
  "u64",
  (w, v) => w.u64(v),
  (b, at) => join64(le32(b, at + 4) >>> 0, le32(b, at) >>> 0),
);
export const be64: AttrType<bigint> = integer64(
  "be64",
  (w, v) => w.be64(v),
  (b, at) => join64(net32(b, at), net32(b, at + 4)),
);

/** A u8 that means yes or no. The kernel reads any other number than 0 as yes. */
export const bool8: AttrType<boolean> = {
  name: "bool8",
  flags: 0,
  repeated: false,
  write(w, value) {
    w.u8(value ? 1 : 0);
  },
  read(bytes, start, end, label) {
    if (end - start !== 1) throw wrongSize(label, "bool8", "1", start, end);
    return bytes[start] !== 0;
  },
};

/** Present or not (NLA_FLAG). Some old flags come with a payload of no meaning, so any size is read. */
export const flag: AttrType<true> = {
  name: "flag",
  flags: 0,
  repeated: false,
  write() {
    // The header alone says it.
  },
  read() {
    return true;
  },
};

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text up to the first NUL or the end. Names are ASCII nearly always, and that path needs no decoder. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) {
    const c = bytes[i] as number;
    if (c === 0) return text;
    if (c > 0x7f) {
      const nul = bytes.indexOf(0, i);
      return text + fromUtf8.decode(bytes.subarray(i, nul >= 0 && nul < end ? nul : end));
    }
    text += String.fromCharCode(c);
  }
  return text;
}

function writeText(w: Writer, value: string, label: string): void {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    // The kernel would silently cut the name there.
    if (c === 0) throw invalid(label, value, "it must not contain NUL", "netlink.encode");
    if (c > 0x7f) {
      const rest = utf8.encode(value.slice(i));
      if (rest.includes(0)) throw invalid(label, value, "it must not contain NUL", "netlink.encode");
      w.put(rest);
      return;
    }
    w.u8(c);
  }
}

/** NUL-terminated text (NLA_NUL_STRING), written with its NUL; a missing one is accepted. UTF-8. */
export const cstr: AttrType<string> = {
  name: "cstr",
  flags: 0,
  repeated: false,
  write(w, value, label) {
    writeText(w, value, label);
    w.u8(0);
  },
  read: readText,
};

/** Text without a NUL (NLA_STRING), as iproute2 sends the kinds of links; a NUL is accepted. UTF-8. */
export const str: AttrType<string> = {
  name: "str",
  flags: 0,
  repeated: false,
  write: writeText,
  read: readText,
};

/** Bytes as they are, of any size. */
export const bytes: AttrType<Uint8Array> = {
  name: "bytes",
  flags: 0,
  repeated: false,
  write(w, value) {
    w.put(value);
  },
  read(from, start, end) {
    return from.slice(start, end);
  },
};

function address(name: string, sizes: readonly number[]): AttrType<Ip> {
  const right = sizes.join(" or ");
  return {
    name,
    flags: 0,
    repeated: false,
    write(w, value, label) {
      const raw = ipBytes(value);
      if (!sizes.includes(raw.length)) throw outOfRange(label, name, value);
      w.put(raw);
    },
    read(from, start, end, label) {
      if (!sizes.includes(end - start)) throw wrongSize(label, name, right, start, end);
      return ipFromBytes(from.subarray(start, end));
    },
  };
}

/** An IPv4 or IPv6 address; the size says which, as in every attribute whose family is in the message's header. */
export const ip: AttrType<Ip> = address("ip", [4, 16]);
export const ip4: AttrType<Ip> = address("ip4", [4]);
export const ip6: AttrType<Ip> = address("ip6", [16]);

/** A link-layer address. Ethernet's is a `Mac`; tunnels use 4 or 16 bytes, InfiniBand 20: those stay bytes. */
export type HwAddress = Mac | Uint8Array;

export const hwAddress: AttrType<HwAddress> = {
  name: "hwAddress",
  flags: 0,
  repeated: false,
  write(w, value) {
    w.put(typeof value === "string" ? macBytes(value) : value);
  },
  read(from, start, end) {
    const raw = from.subarray(start, end);
    return raw.length === 6 ? macFromBytes(raw) : raw.slice();
  },
};

/**
 * A C struct of u32 fields. Kernels append fields to such structs, so a longer payload is read as far as it is known and
 * a shorter one is an error.
 */
export function u32Struct<const K extends string>(
  name: string,
  fields: readonly K[],
): AttrType<Record<K, number>> {
  const size = fields.length * 4;
  return {
    name,
    flags: 0,
    repeated: false,
    write(w, value, label) {
      for (const field of fields) u32.write(w, value[field], `${label}.${field}`);
    },
    read(from, start, end, label) {
      if (end - start < size) throw wrongSize(label, name, `${size}`, start, end);
      const out: Partial<Record<K, number>> = {};
      fields.forEach((field, i) => {
        out[field] = le32(from, start + i * 4) >>> 0;
      });
      return out as Record<K, number>;
    },
  };
}
