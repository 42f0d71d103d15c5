import type { Writer } from "../../base/cursor.ts";
import { DecodeError } from "../../base/cursor.ts";
import { invalid } from "../../base/errors.ts";
import { type AttrType, cstr, readText } from "./types.ts";

/** Bits of an attribute's number (linux/netlink.h, struct nlattr). */
export const NLA_F_NESTED = 0x8000;
export const NLA_F_NET_BYTEORDER = 0x4000;
export const NLA_TYPE_MASK = 0x3fff;

/** Nests deeper than this are refused: nothing in the kernel's families comes near, and a hostile buffer must not
 * exhaust the stack. */
const MAX_DEPTH = 16;

/** An attribute that the table does not know, kept so that nothing is lost. `type` is as sent, NLA_F_* bits included. */
export interface UnknownAttr {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** The attributes of a nest as a value: all optional, absent means not sent. */
export type AttrValues<V> = { readonly [K in keyof V]?: V[K] | undefined } & {
  /** Attributes that the table does not know, in the order they came. */
  readonly unknown?: readonly UnknownAttr[] | undefined;
};

/** Name → attribute number and type: one row for each key of `V`. */
export type AttrSpec<V> = { readonly [K in keyof V]-?: readonly [number, AttrType<V[K]>] };

/** The value type of a table or of an attribute type. */
export type ValueOf<T> =
  T extends AttrTable<infer V> ? AttrValues<V> : T extends AttrType<infer V> ? V : never;

/** One table for both directions. */
export interface AttrTable<V> {
  /** The table as it was declared, so that others can be made of it. */
  readonly spec: AttrSpec<V>;
  /**
   * Appends the attributes in the order of the value's own keys, so that a caller decides the bytes exactly; `undefined`
   * and keys of no attribute are left out. Throws NetError `invalid` naming the key for a value that does not fit.
   */
  encode(w: Writer, values: AttrValues<V>): void;
  /** Reads `bytes[start..end)`. Of attributes sent twice the last counts, as in the kernel. Throws `DecodeError`. */
  decode(bytes: Uint8Array, start: number, end: number, depth?: number): AttrValues<V>;
}

/** Writes one attribute: header, payload by `fill`, padding. */
export function putAttr(w: Writer, type: number, fill: (w: Writer) => void): void {
  const at = openAttr(w, type);
  fill(w);
  closeAttr(w, at, "attribute");
}

function openAttr(w: Writer, type: number): number {
  const at = w.length;
  w.u16(0).u16(type);
  return at;
}

function closeAttr(w: Writer, at: number, label: string): void {
  const size = w.length - at;
  // nla_len is 16 bits: lists must be split over several messages before they get here.
  if (size > 0xffff)
    throw invalid(label, `${size} bytes`, "an attribute holds at most 65531 bytes", "netlink.encode");
  w.patchU16(at, size);
  w.align(4);
}

/** Calls `visit` with the raw number and the payload's bounds of each attribute. Throws `DecodeError`. */
export function eachAttr(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (type: number, from: number, to: number) => void,
): void {
  let at = start;
  while (at < end) {
    const size = end - at < 4 ? 0 : (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    if (size < 4 || size > end - at) {
      // Up to three bytes of padding may follow the last attribute.
      if (end - at < 4 && bytes.subarray(at, end).every((b) => b === 0)) return;
      throw new DecodeError(`attribute of length ${size} in ${end - at} bytes`, at);
    }
    visit((bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8), at + 4, at + size);
    at += (size + 3) & ~3;
  }
}

interface Entry {
  readonly key: string;
  readonly number: number;
  readonly type: AttrType<unknown>;
  readonly label: string;
}

/**
 * Declares a table: `attrs({ name: [IFLA.IFNAME, cstr], mtu: [IFLA.MTU, u32] })`. Its values' type is inferred, or given
 * as an interface which the rows must then match one by one: `attrs<LinkAttrs>({ … })`. The key `unknown` is taken: there
 * attributes outside the table are kept when read, and written when given.
 */
export function attrs<V extends object>(spec: AttrSpec<V>): AttrTable<V> {
  const byKey = new Map<string, Entry>();
  const byNumber: (Entry | undefined)[] = [];
  for (const [key, [number, type]] of Object.entries<readonly [number, AttrType<unknown>]>(spec)) {
    const entry: Entry = { key, number, type, label: `${key} (attribute ${number})` };
    byKey.set(key, entry);
    byNumber[number] = entry;
  }

  return {
    spec,
    encode(w, values) {
      const given = values as Readonly<Record<string, unknown>>;
      for (const key in given) {
        const value = given[key];
        const entry = byKey.get(key);
        if (value === undefined) continue;
        if (entry === undefined) {
          if (key === "unknown") putUnknown(w, value as readonly UnknownAttr[]);
          continue;
        }
        const { number, type } = entry;
        for (const one of type.repeated ? (value as readonly unknown[]) : [value]) {
          const at = openAttr(w, number | type.flags);
          type.write(w, one, key);
          closeAttr(w, at, key);
        }
      }
    },
    decode(bytes, start, end, depth = 0) {
      const out: Record<string, unknown> = {};
      let unknown: UnknownAttr[] | undefined;
      eachAttr(bytes, start, end, (raw, from, to) => {
        const entry = byNumber[raw & NLA_TYPE_MASK];
        if (entry === undefined) {
          (unknown ??= []).push({ type: raw, bytes: bytes.slice(from, to) });
          return;
        }
        const value = entry.type.read(bytes, from, to, entry.label, depth);
        if (entry.type.repeated) ((out[entry.key] ??= []) as unknown[]).push(value);
        else out[entry.key] = value;
      });
      if (unknown !== undefined) out["unknown"] = unknown;
      return out as AttrValues<V>;
    },
  };
}

function putUnknown(w: Writer, list: readonly UnknownAttr[]): void {
  for (const { type, bytes } of list) {
    const at = openAttr(w, type);
    w.put(bytes);
    closeAttr(w, at, "unknown");
  }
}

function deeper(label: string, depth: number, start: number): number {
  if (depth >= MAX_DEPTH) throw new DecodeError(`${label}: nested more than ${MAX_DEPTH} deep`, start);
  return depth + 1;
}

/** A nest whose content is a table. `NLA_F_NESTED` is set when written unless told otherwise. */
export function nested<V>(table: AttrTable<V>, flags: number = NLA_F_NESTED): AttrType<AttrValues<V>> {
  return {
    name: "nested",
    flags,
    repeated: false,
    write(w, value) {
      table.encode(w, value);
    },
    read(bytes, start, end, label, depth) {
      return table.decode(bytes, start, end, deeper(label, depth, start));
    },
  };
}

/** A nest that holds a list: every element is an attribute of number `element` (NFTA_LIST_ELEM and its like). */
export function listOf<T>(
  element: number,
  type: AttrType<T>,
  flags: number = NLA_F_NESTED,
): AttrType<readonly T[]> {
  return {
    name: `list of ${type.name}`,
    flags,
    repeated: false,
    write(w, value, label) {
      for (const one of value) {
        const at = openAttr(w, element | type.flags);
        type.write(w, one, label);
        closeAttr(w, at, label);
      }
    },
    read(bytes, start, end, label, depth) {
      const inner = deeper(label, depth, start);
      const out: T[] = [];
      // The elements' number is not looked at: some families count them there.
      eachAttr(bytes, start, end, (_, from, to) => out.push(type.read(bytes, from, to, label, inner)));
      return out;
    },
  };
}

/** Marks a type whose value is an array, each element being an attribute of its own beside the others. */
export function repeated<T>(type: AttrType<T>): AttrType<readonly T[]> {
  // The table writes and reads one element at a time; the array is its business, so the cast is sound there only.
  return { ...type, repeated: true } as unknown as AttrType<readonly T[]>;
}

/** A type that refers to itself, directly or not: asked for when first used. */
export function lazy<T>(get: () => AttrType<T>, flags: number = NLA_F_NESTED): AttrType<T> {
  return {
    name: "lazy",
    flags,
    repeated: false,
    write(w, value, label) {
      get().write(w, value, label);
    },
    read(bytes, start, end, label, depth) {
      return get().read(bytes, start, end, label, deeper(label, depth, start));
    },
  };
}

/** Kind name → type of its data. */
export type VariantKinds = Readonly<Record<string, AttrType<unknown>>>;

/** One of the known kinds with its data, or a kind that is not known with its bytes. */
export type Variant<K extends VariantKinds> =
  | {
      readonly [N in keyof K & string]: {
        readonly kind: N;
        readonly data?: (K[N] extends AttrType<infer T> ? T : never) | undefined;
      };
    }[keyof K & string]
  | { readonly kind: "unknown"; readonly name: string; readonly bytes?: Uint8Array | undefined };

/**
 * A pair of attributes of which the first, a name, says what the second holds: IFLA_INFO_KIND and IFLA_INFO_DATA,
 * NFTA_EXPR_NAME and NFTA_EXPR_DATA. Other attributes in the same nest are skipped. Reading a nest without a name gives
 * kind `unknown` with an empty name. `pair.name` is the name's type, `cstr` when absent.
 */
export function variant<const K extends VariantKinds>(
  pair: { readonly kind: number; readonly data: number; readonly name?: AttrType<string> },
  kinds: K,
  flags: number = NLA_F_NESTED,
): AttrType<Variant<K>> {
  const table = new Map<string, AttrType<unknown>>(Object.entries(kinds));
  const nameType = pair.name ?? cstr;
  return {
    name: "variant",
    flags,
    repeated: false,
    write(w, value, label) {
      const name = value.kind === "unknown" ? (value as { readonly name: string }).name : value.kind;
      putAttr(w, pair.kind, () => nameType.write(w, name, label));
      const type = table.get(name);
      const { data, bytes } = value as { readonly data?: unknown; readonly bytes?: Uint8Array };
      if (type !== undefined && data !== undefined) {
        const at = openAttr(w, pair.data | type.flags);
        type.write(w, data, label);
        closeAttr(w, at, label);
      } else if (bytes !== undefined) {
        putAttr(w, pair.data | flags, () => w.put(bytes));
      }
    },
    read(bytes, start, end, label, depth) {
      const inner = deeper(label, depth, start);
      let name = "";
      let from = -1;
      let to = -1;
      eachAttr(bytes, start, end, (raw, a, b) => {
        const number = raw & NLA_TYPE_MASK;
        if (number === pair.kind) name = readText(bytes, a, b);
        else if (number === pair.data) [from, to] = [a, b];
      });
      const type = table.get(name);
      if (type === undefined) {
        const rest = from < 0 ? undefined : { bytes: bytes.slice(from, to) };
        return { kind: "unknown", name, ...rest };
      }
      const data = from < 0 ? undefined : { data: type.read(bytes, from, to, `${label}.${name}`, inner) };
      return { kind: name, ...data } as Variant<K>;
    },
  };
}
