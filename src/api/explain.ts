import type { FastifySchemaValidationError } from "fastify";
import { NetError, showValue } from "../base/errors.ts";

/**
 * One refusal from what ajv found wrong. Runs with ajv's `verbose`, which adds the value and the schema at the place of
 * the error (`data`, `parentSchema`).
 */
interface Found extends FastifySchemaValidationError {
  readonly data?: unknown;
  readonly parentSchema?: SchemaSeen;
}

interface SchemaSeen {
  readonly $id?: string;
  readonly type?: string;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly "x-right"?: string;
}

/** `part` is where the schema stood: `body`, `params` or `querystring`. */
export function explain(errors: readonly FastifySchemaValidationError[], part: string, op: string): NetError {
  const found: Found | undefined = errors[0];
  const path = fieldPath(found?.instancePath ?? "");
  if (found === undefined) return refusal(op, { field: part, value: undefined, right: "it fits no schema" });
  const schema = found.parentSchema ?? {};
  const missing = found.keyword === "required" ? String(found.params["missingProperty"]) : undefined;
  const unknown =
    found.keyword === "additionalProperties"
      ? String(found.params["additionalProperty"])
      : firstUnknown(found.data, schema);
  // A misspelt field is why another is missing, so it is named first.
  if (unknown !== undefined) return unknownField(op, { path, name: unknown, found, schema });
  if (missing !== undefined) {
    const field = join(path, missing);
    return new NetError("invalid", op, {
      message: `${field}: missing; ${nameOf(schema)} needs it${example(schema.properties?.[missing])}`,
      field,
    });
  }
  const field = path === "" ? part : path;
  return refusal(op, { field, value: found.data, right: whatIsRight(found, schema) });
}

function refusal(op: string, wrong: { field: string; value: unknown; right: string }): NetError {
  const { field, right } = wrong;
  const value = showValue(wrong.value);
  return new NetError("invalid", op, {
    message: `${field}: ${value} is not valid: ${right}`,
    field,
    value,
    remedy: right,
  });
}

function unknownField(
  op: string,
  wrong: { path: string; name: string; found: Found; schema: SchemaSeen },
): NetError {
  const { path, name, found, schema } = wrong;
  const fields = Object.keys(schema.properties ?? {});
  const near = nearest(name, fields);
  const remedy =
    near === undefined
      ? `its fields are ${fields.join(", ") || "none"}`
      : `did you mean ${JSON.stringify(near)}?`;
  const field = join(path, name);
  return new NetError("invalid", op, {
    message: `${field}: is not a field of ${nameOf(schema)}; ${remedy}`,
    field,
    value: showValue((found.data as Record<string, unknown> | undefined)?.[name]),
    remedy,
  });
}

function firstUnknown(data: unknown, schema: SchemaSeen): string | undefined {
  if (schema.properties === undefined || typeof data !== "object" || data === null || Array.isArray(data)) {
    return undefined;
  }
  const known = schema.properties;
  return Object.keys(data).find((name) => !Object.hasOwn(known, name));
}

function whatIsRight(found: Found, schema: SchemaSeen): string {
  const { params } = found;
  switch (found.keyword) {
    case "type":
      return `it must be ${article(String(params["type"]))}${example(schema)}`;
    case "enum":
      return `write ${orList(schema.enum ?? [])}`;
    case "pattern":
      return schema["x-right"] ?? `it must match ${String(params["pattern"])}`;
    case "minimum":
    case "maximum":
      return `it must be ${String(params["comparison"])} ${String(params["limit"])}`;
    case "minLength":
      return `it must not be empty${example(schema)}`;
    case "minItems":
      return `it needs at least ${String(params["limit"])}${example(schema)}`;
    case "minProperties":
    case "maxProperties":
      return `give exactly one of ${Object.keys(schema.properties ?? {}).join(", ")}`;
    default:
      return found.message ?? "it does not fit the schema";
  }
}

function article(type: string): string {
  return `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;
}

function example(schema: unknown): string {
  const examples = (schema as SchemaSeen | undefined)?.examples;
  return examples?.[0] === undefined ? "" : `, such as ${JSON.stringify(examples[0])}`;
}

function orList(words: readonly unknown[]): string {
  const shown = words.map((entry) => String(entry));
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}

function nameOf(schema: SchemaSeen): string {
  return schema.$id ?? "this object";
}

/** RFC 6901 pointer → the path as a user writes it: `/ipam/config/0/subnet` → `ipam.config[0].subnet`. */
export function fieldPath(pointer: string): string {
  let path = "";
  for (const step of pointer.split("/").slice(1)) {
    path = join(path, step.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  return path;
}

function join(path: string, name: string): string {
  if (/^\d+$/.test(name)) return `${path}[${name}]`;
  if (!/^[A-Za-z_$][\w$-]*$/.test(name)) return `${path}[${showValue(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

/** The one known name a misspelt one is close to: same letters in another case or style, or at most two edits away. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > 64) return undefined;
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_. ]/g, "");
  const wanted = plain(name);
  const limit = Math.min(2, Math.floor(wanted.length / 3));
  let best: { readonly name: string; readonly edits: number } | undefined;
  for (const candidate of known) {
    const edits = editDistance(wanted, plain(candidate));
    if (edits <= limit && (best === undefined || edits < best.edits)) best = { name: candidate, edits };
  }
  return best?.name;
}

/** Levenshtein's distance, one row of the matrix at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
