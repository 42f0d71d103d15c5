import fc from "fast-check";
import type { Keywords, NamedSchemas } from "../api/schema.ts";

/** Values that a schema of api/schema.ts allows. */
export function valuesOf(schema: Keywords, named: NamedSchemas): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    const target = named.get(schema.$ref);
    if (target === undefined) throw new Error(`no schema is named ${schema.$ref}`);
    return valuesOf(target, named);
  }
  switch (schema.type) {
    case "string":
      if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
      return textOf(schema);
    case "integer":
      return fc.integer({ min: schema.minimum ?? -1000, max: schema.maximum ?? 1000 });
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(valuesOf(schema.items ?? {}, named), {
        minLength: schema.minItems ?? 0,
        maxLength: 3,
      });
    case "object":
      return objectOf(schema, named);
    default:
      return fc.jsonValue();
  }
}

function textOf(schema: Keywords): fc.Arbitrary<string> {
  const examples = (schema.examples ?? []) as readonly string[];
  const any = fc.string({ minLength: schema.minLength ?? 0, maxLength: 12 });
  const arbitrary = examples.length === 0 ? any : fc.oneof(any, fc.constantFrom(...examples));
  return arbitrary.filter((text) => new RegExp(schema.pattern ?? "", "u").test(text));
}

function objectOf(schema: Keywords, named: NamedSchemas): fc.Arbitrary<unknown> {
  const {
    properties = {},
    required = [],
    additionalProperties,
    minProperties = 0,
    maxProperties = 99,
  } = schema;
  if (additionalProperties !== undefined && additionalProperties !== false) {
    return fc.dictionary(fc.string({ maxLength: 8 }), valuesOf(additionalProperties, named), { maxKeys: 3 });
  }
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [name, valuesOf(field, named)]),
  );
  return fc
    .record(fields, { requiredKeys: [...required], noNullPrototype: true })
    .filter((value) => Object.keys(value).length >= minProperties)
    .map((value) => Object.fromEntries(Object.entries(value).slice(0, maxProperties)));
}

/** The same values with one thing at random somewhere in them: most of them wrong, each in one place. */
export function nearMissesOf(schema: Keywords, named: NamedSchemas): fc.Arbitrary<unknown> {
  return fc
    .tuple(valuesOf(schema, named), fc.nat(), fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(LEFT_OUT)))
    .map(([value, place, change]) => changed(value, place, change));
}

const LEFT_OUT = Symbol("left out");

/** Walks down by the digits of `place`: to an element, or to a new key, and puts `change` there. */
function changed(value: unknown, place: number, change: unknown): unknown {
  if (typeof value !== "object" || value === null || place === 0) {
    return change === LEFT_OUT ? null : change;
  }
  const keys = Object.keys(value);
  const key = keys[place % (keys.length + 1)] ?? `new${place % 7}`;
  const rest = Math.floor(place / (keys.length + 1));
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (String(index) === key ? changed(item, rest, change) : item));
  }
  const inner = (value as Record<string, unknown>)[key];
  const { [key]: _, ...others } = value as Record<string, unknown>;
  if (change === LEFT_OUT && (rest === 0 || typeof inner !== "object")) return others;
  return { ...others, [key]: changed(inner, rest, change) };
}
