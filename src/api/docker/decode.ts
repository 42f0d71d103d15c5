import { NetError } from "../../base/errors.ts";

/** Where in a body a value stands: the struct it is a field of, and the names from the body's root to it. */
export type Place = readonly { readonly struct: string; readonly field: string }[];

/** A JSON value as one of Go's types; `null` and what is absent give the type's zero value. */
export type Decoder<T> = (value: unknown, place: Place) => T;

/** A decoder that knows Go's name of its type. */
export interface TypedDecoder<T> extends Decoder<T> {
  readonly goType: string;
}

export type Decoded<D> = D extends Decoder<infer T> ? T : never;

function typed<T>(goType: string, decode: Decoder<T>): TypedDecoder<T> {
  return Object.assign((value: unknown, place: Place) => decode(value, place), { goType });
}

export const string: TypedDecoder<string> = typed("string", (value, place) => {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw mismatch(value, "string", place);
  return value;
});

export const bool: TypedDecoder<boolean> = typed("bool", (value, place) => {
  if (value === undefined || value === null) return false;
  if (typeof value !== "boolean") throw mismatch(value, "bool", place);
  return value;
});

export const int: TypedDecoder<number> = integer("int");
export const int64: TypedDecoder<number> = integer("int64");

/** A value of any kind, as it is. */
export const anything: TypedDecoder<unknown> = typed("interface {}", (value) => value);

function integer(goType: string): TypedDecoder<number> {
  return typed(goType, (value, place) => {
    if (value === undefined || value === null) return 0;
    if (typeof value !== "number" || !Number.isInteger(value)) throw mismatch(value, goType, place);
    return value;
  });
}

/** Go's slice. */
export function listOf<T>(item: TypedDecoder<T>): TypedDecoder<T[]> {
  const goType = `[]${item.goType}`;
  return typed(goType, (value, place) => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw mismatch(value, goType, place);
    return value.map((one) => item(one, place));
  });
}

/** Go's map with texts as keys. */
export function mapOf<T>(item: TypedDecoder<T>): TypedDecoder<Record<string, T>> {
  const goType = `map[string]${item.goType}`;
  return typed(goType, (value, place) => {
    // No prototype: `__proto__` is a key like any other.
    const out = Object.create(null) as Record<string, T>;
    if (value === undefined || value === null) return out;
    if (!isObject(value)) throw mismatch(value, goType, place);
    for (const key of Object.keys(value)) out[key] = item(value[key], place);
    return out;
  });
}

/** Go's pointer: undefined when absent or `null`. */
export function pointer<T>(to: TypedDecoder<T>): TypedDecoder<T | undefined> {
  return typed(to.goType, (value, place) =>
    value === undefined || value === null ? undefined : to(value, place),
  );
}

type Fields = Readonly<Record<string, TypedDecoder<unknown>>>;

/**
 * Go's struct: unknown keys are ignored, and a key that is not there in this very spelling is also found in another case
 * (encoding/json, Unmarshal). `name` with its package: `network.CreateRequest`.
 */
export function struct<F extends Fields>(
  name: string,
  fields: F,
): TypedDecoder<{ readonly [K in keyof F]: Decoded<F[K]> }> {
  const short = name.slice(name.lastIndexOf(".") + 1);
  const byLowerCase = new Map(Object.keys(fields).map((field) => [field.toLowerCase(), field]));
  return typed(name, (value, place) => {
    if (value !== undefined && value !== null && !isObject(value)) throw mismatch(value, name, place);
    const given = new Map<string, unknown>();
    for (const [key, one] of Object.entries(value ?? {})) {
      const field = Object.hasOwn(fields, key) ? key : byLowerCase.get(key.toLowerCase());
      // In order, the last one wins, as Go has it; `null` changes nothing.
      if (field !== undefined && one !== null) given.set(field, one);
    }
    const out: Record<string, unknown> = {};
    for (const [field, decode] of Object.entries(fields)) {
      out[field] = decode(given.get(field), [...place, { struct: short, field }]);
    }
    return out as { readonly [K in keyof F]: Decoded<F[K]> };
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** encoding/json, UnmarshalTypeError. */
function mismatch(value: unknown, goType: string, place: Place): NetError {
  const kind = Array.isArray(value)
    ? "array"
    : typeof value === "boolean"
      ? "bool"
      : typeof value === "number" && goType.startsWith("int")
        ? `number ${String(value)}`
        : typeof value;
  const inside = place.at(-1);
  const where =
    inside === undefined
      ? "value"
      : `struct field ${inside.struct}.${place.map(({ field }) => field).join(".")}`;
  const message = `invalid JSON: json: cannot unmarshal ${kind} into Go ${where} of type ${goType}`;
  return new NetError("invalid", "docker.body", { message, field: inside?.field ?? "body" });
}
