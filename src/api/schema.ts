/**
 * JSON Schemas whose type the compiler checks against the model: `object<NetworkRequest>(…)` compiles only when every
 * field is described, under its own type, in the right one of `required` and `optional`. A field added to the model is a
 * compile error here until the API describes it.
 *
 * Plain objects and not a schema library, since they need no code at run time: loading typebox cost 120 ms and 10 MB at
 * every start of the daemon.
 */

/** The keywords of JSON Schema (2020-12, as in OpenAPI 3.1) that are used here; check.ts knows each that forbids something. */
export interface Keywords {
  /** Name, for OpenAPI and error messages. */
  readonly $id?: string;
  /** `<$id>#` of another schema; stands alone. */
  readonly $ref?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly type?: "string" | "integer" | "boolean" | "array" | "object";
  readonly enum?: readonly string[];
  /** JavaScript regular expression with the `u` flag. */
  readonly pattern?: string;
  /** What `pattern` asks for, in words: an extension of ours. */
  readonly "x-right"?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Keywords;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, Keywords>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false | Keywords;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  /** In answers only, which are not checked. */
  readonly oneOf?: readonly Keywords[];
}

declare const describes: unique symbol;

/** A schema of values of type `T`. The type exists for the compiler only. */
export type Schema<T> = Keywords & { readonly [describes]?: T };

type OptionalKey<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T];
type RequiredKey<T> = Exclude<keyof T, OptionalKey<T>>;

export type RequiredFields<T> = { readonly [K in RequiredKey<T>]: Schema<T[K]> };
export type OptionalFields<T> = { readonly [K in OptionalKey<T>]-?: Schema<Exclude<T[K], undefined>> };

interface TextRules {
  readonly examples?: readonly string[];
  readonly minLength?: number;
  /** In place of the rule that every text has: no NUL in it. */
  readonly shape?: { readonly pattern: string; readonly right: string };
}

/** Paths, arguments and environment go to system calls, where a NUL ends the text. */
const NO_NUL = { pattern: "^[^\\u0000]*$", right: "it must have no NUL character" } as const;

export function text<T extends string = string>(description: string, rules: TextRules = {}): Schema<T> {
  const { shape = NO_NUL, ...keywords } = rules;
  return { type: "string", description, ...keywords, pattern: shape.pattern, "x-right": shape.right };
}

/** One of these words. */
export function word<T extends string>(description: string, words: readonly T[]): Schema<T> {
  return { type: "string", description, enum: words };
}

export function integer(
  description: string,
  rules: { readonly minimum: number; readonly maximum: number; readonly examples?: readonly number[] },
): Schema<number> {
  return { type: "integer", description, ...rules };
}

export function flag<T extends boolean = boolean>(description: string): Schema<T> {
  return { type: "boolean", description };
}

export function list<T>(
  description: string,
  items: Schema<T>,
  rules: { readonly minItems?: number; readonly examples?: readonly (readonly unknown[])[] } = {},
): Schema<readonly T[]> {
  return { type: "array", description, items: use(items), ...rules };
}

/** An object whose keys are the user's own. */
export function map<T>(
  description: string,
  values: Schema<T>,
  rules: { readonly examples?: readonly Readonly<Record<string, unknown>>[] } = {},
): Schema<Readonly<Record<string, T>>> {
  return { type: "object", description, additionalProperties: use(values), ...rules };
}

export interface ObjectShape<T> {
  /** Name under which it appears in the OpenAPI document and in error messages; absent: described where it is used. */
  readonly id?: string;
  readonly description: string;
  readonly required: RequiredFields<T>;
  readonly optional: OptionalFields<T>;
  readonly examples?: readonly T[];
}

export function object<T extends object>(shape: ObjectShape<T>): Schema<T> {
  const { id, required, optional, ...rest } = shape;
  const fields = Object.entries<Keywords>({ ...required, ...optional });
  return {
    ...(id !== undefined && { $id: id }),
    type: "object",
    ...rest,
    properties: Object.fromEntries(fields.map(([name, field]) => [name, use(field)])),
    required: Object.keys(required),
    additionalProperties: false,
  };
}

/** Any one of these shapes; each alternative's type is checked where it is made. */
export function oneOf<T>(description: string, alternatives: readonly Schema<T>[]): Schema<T> {
  return { description, oneOf: alternatives.map((alternative) => use(alternative)) };
}

/** A named schema is referred to, any other stands where it is used. */
export function use<T>(schema: Schema<T>): Schema<T> {
  return schema.$id === undefined ? schema : { $ref: `${schema.$id}#` };
}

/** Schemas by name, as `$ref` finds them. */
export type NamedSchemas = ReadonlyMap<string, Keywords>;

export function byName(schemas: readonly Keywords[]): NamedSchemas {
  return new Map(schemas.flatMap((schema) => (schema.$id === undefined ? [] : [[`${schema.$id}#`, schema]])));
}
