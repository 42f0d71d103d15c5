import { runInNewContext } from "node:vm";
import { NetError } from "../../base/errors.ts";

/** Values of one filter key, without repetition. */
export type Filters = ReadonlyMap<string, readonly string[]>;

const OP = "docker.filters";

/** How long matching a list against patterns may take before it is given up, in milliseconds. */
const PATTERN_MS = 250;

/**
 * The `filters` parameter: `{"key":{"value":true}}`, or `{"key":["value"]}` from old clients. Throws `invalid` in Docker's words
 * (moby, api/types/filters) when it is neither, or holds a key that is not among `known`.
 */
export function parseFilters(text: string, known?: readonly string[]): Filters {
  const filters = new Map<string, readonly string[]>();
  if (text === "") return filters;
  for (const [key, value] of Object.entries(parseObject(text))) {
    if (known?.includes(key) === false) throw invalidFilter(`invalid filter '${key}'`);
    filters.set(key, valuesOf(value));
  }
  return filters;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
    if (value === null) return {};
  } catch {
    // As wrong as any other value that is no object.
  }
  throw invalidFilter("invalid filter");
}

function valuesOf(value: unknown): readonly string[] {
  if (value === null) return [];
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return [...new Set(value)];
  if (typeof value === "object" && !Array.isArray(value)) {
    if (Object.values(value).every((one) => typeof one === "boolean")) return Object.keys(value);
  }
  throw invalidFilter("invalid filter");
}

export function invalidFilter(message: string): NetError {
  return new NetError("invalid", OP, { message, field: "filters" });
}

/** No values: everything matches. */
export function matchesExactly(values: readonly string[] | undefined, text: string): boolean {
  return values === undefined || values.length === 0 || values.includes(text);
}

/** Every value is `key`, or `key=value`, of the labels. */
export function matchesLabels(
  values: readonly string[] | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (values ?? []).every((wanted) => {
    const at = wanted.indexOf("=");
    const key = at < 0 ? wanted : wanted.slice(0, at);
    return Object.hasOwn(labels, key) && (at < 0 || labels[key] === wanted.slice(at + 1));
  });
}

/**
 * Which of the texts match one of the values, as a whole or as an unanchored regular expression; a value that is no
 * expression matches only as a whole. Go's expressions are matched in linear time, ours are not: a clock ends what a
 * malicious one would make last for ever (`invalid`).
 */
export function matching(
  values: readonly string[] | undefined,
  texts: readonly string[],
): ReadonlySet<string> {
  if (values === undefined || values.length === 0) return new Set(texts);
  const plain = values.filter((value) => /^[\w -]*$/.test(value));
  const found = new Set(
    texts.filter((text) => values.includes(text) || plain.some((one) => text.includes(one))),
  );
  const patterns = values.filter((value) => !plain.includes(value)).flatMap(compile);
  if (patterns.length === 0) return found;
  for (const text of matchInTime(patterns, texts)) found.add(text);
  return found;
}

function compile(value: string): RegExp[] {
  try {
    return [new RegExp(value)];
  } catch {
    return [];
  }
}

function matchInTime(patterns: readonly RegExp[], texts: readonly string[]): string[] {
  try {
    return runInNewContext(
      "texts.filter((text) => patterns.some((pattern) => pattern.test(text)))",
      { patterns, texts },
      { timeout: PATTERN_MS },
    ) as string[];
  } catch {
    throw invalidFilter(
      `invalid filter: matching takes longer than ${PATTERN_MS} ms; write a simpler expression`,
    );
  }
}

/** One truth value, or undefined when the key is absent. */
export function flagFilter(filters: Filters, key: string): boolean | undefined {
  const values = filters.get(key);
  if (values === undefined || values.length === 0) return undefined;
  if (values.length > 1) throw invalidFilter(`got more than one value for filter key "${key}"`);
  const [value] = values as [string];
  if (["1", "true"].includes(value)) return true;
  if (["0", "false"].includes(value)) return false;
  throw invalidFilter(`invalid value for filter '${key}', must be "true" (or "1"), or "false" (or "0")`);
}
