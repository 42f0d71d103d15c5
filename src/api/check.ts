import { NetError, showValue } from "../base/errors.ts";
import { nearest } from "./nearest.ts";
import type { Keywords, NamedSchemas } from "./schema.ts";

/**
 * Checks a value against a schema and says the first thing wrong with it: which field, what was found, what would be
 * right. It knows the keywords of schema.ts, which are all there are.
 *
 * A validator of the whole of JSON Schema is not worth its price here: compiling these schemas took ajv 120 ms and 8 MB at
 * every start of the daemon, and to put its errors into words needs as much code as this. check.test.ts holds the two
 * against each other.
 */
export interface CheckContext {
  readonly named: NamedSchemas;
  /** What the value as a whole is called: `body`, `query`. */
  readonly whole: string;
  readonly op: string;
}

/** Undefined when the value fits. */
export function checkValue(value: unknown, schema: Keywords, context: CheckContext): NetError | undefined {
  const wrong = check(value, schema, "", context);
  if (wrong === undefined) return undefined;
  const field = wrong.field === "" ? context.whole : wrong.field;
  const remedy = wrong.right;
  if ("missing" in wrong) {
    return new NetError("invalid", context.op, { message: `${field}: missing; ${remedy}`, field, remedy });
  }
  const shown = showValue(wrong.value);
  const message =
    "owner" in wrong
      ? `${field}: is not a field of ${wrong.owner}; ${remedy}`
      : `${field}: ${shown} is not valid: ${remedy}`;
  return new NetError("invalid", context.op, { message, field, value: shown, remedy });
}

type Wrong = { readonly field: string; readonly right: string } & (
  | { readonly value: unknown }
  | { readonly value: unknown; readonly owner: string }
  | { readonly missing: true }
);

function check(value: unknown, schema: Keywords, field: string, context: CheckContext): Wrong | undefined {
  if (schema.$ref !== undefined) {
    const target = context.named.get(schema.$ref);
    if (target === undefined) throw new Error(`no schema is named ${schema.$ref}`);
    return check(value, target, field, context);
  }
  const right = checkSelf(value, schema);
  if (right !== undefined) return { field, value, right };
  if (Array.isArray(value)) return checkItems(value, schema, field, context);
  if (isObject(value)) return checkFields(value, schema, field, context);
  return undefined;
}

/** What is right where the value itself is wrong, its insides not looked at. */
function checkSelf(value: unknown, schema: Keywords): string | undefined {
  if (schema.type !== undefined && !isOfType(value, schema.type)) {
    return `it must be ${/^[aio]/.test(schema.type) ? "an" : "a"} ${schema.type}${example(schema)}`;
  }
  if (typeof value === "string") return checkText(value, schema);
  if (typeof value === "number") {
    const { minimum = value, maximum = value } = schema;
    return value < minimum || value > maximum ? `it must be from ${minimum} to ${maximum}` : undefined;
  }
  if (Array.isArray(value) && value.length < (schema.minItems ?? 0)) {
    return `it needs at least ${schema.minItems}${example(schema)}`;
  }
  return undefined;
}

function checkText(value: string, schema: Keywords): string | undefined {
  if (schema.enum !== undefined && !schema.enum.includes(value)) return `write ${orList(schema.enum)}`;
  if (value.length < (schema.minLength ?? 0)) return `it must not be empty${example(schema)}`;
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
    return schema["x-right"] ?? `it must match ${schema.pattern}`;
  }
  return undefined;
}

function checkItems(
  values: readonly unknown[],
  schema: Keywords,
  field: string,
  context: CheckContext,
): Wrong | undefined {
  if (schema.items === undefined) return undefined;
  for (const [index, value] of values.entries()) {
    const wrong = check(value, schema.items, `${field}[${index}]`, context);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function checkFields(
  value: Readonly<Record<string, unknown>>,
  schema: Keywords,
  field: string,
  context: CheckContext,
): Wrong | undefined {
  const { properties = {}, additionalProperties: others } = schema;
  const given = Object.keys(value);
  const owner = schema.$id ?? (field === "" ? `the ${context.whole}` : field);
  if (others === false) {
    // Before what is missing: a field is often missing because it is misspelt.
    const unknown = given.find((name) => !Object.hasOwn(properties, name));
    if (unknown !== undefined) {
      const right = fieldHint(unknown, Object.keys(properties));
      return { field: join(field, unknown), value: value[unknown], owner, right };
    }
  }
  const missing = schema.required?.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) {
    const right = `${owner} needs it${example(properties[missing])}`;
    return { field: join(field, missing), missing: true, right };
  }
  const { minProperties = 0, maxProperties = given.length } = schema;
  if (given.length < minProperties || given.length > maxProperties) {
    return { field, value, right: `give exactly one of ${Object.keys(properties).join(", ")}` };
  }
  for (const name of given) {
    const inner = Object.hasOwn(properties, name) ? properties[name] : others;
    if (inner === undefined || inner === false) continue;
    const wrong = check(value[name], inner, join(field, name), context);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function isOfType(value: unknown, type: NonNullable<Keywords["type"]>): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "string":
    case "boolean":
      return typeof value === type;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldHint(name: string, fields: readonly string[]): string {
  const near = nearest(name, fields);
  if (near !== undefined) return `did you mean ${JSON.stringify(near)}?`;
  return fields.length === 0 ? "it has none" : `its fields are ${fields.join(", ")}`;
}

function example(schema: Keywords | undefined): string {
  const first = schema?.examples?.[0];
  return first === undefined ? "" : `, such as ${JSON.stringify(first)}`;
}

function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** `ipam` + `config` → `ipam.config`; a key that is no plain word stands in brackets: `labels["a.b/c"]`. */
function join(path: string, name: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(name)) return `${path}[${showValue(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}
