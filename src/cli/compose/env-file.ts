import { interpolate, type Lookup } from "./interpolate.ts";

export interface EnvLine {
  readonly name: string;
  /** null: a name alone, whose value comes from the caller's environment. */
  readonly value: string | null;
}

export type EnvFileResult =
  | { readonly lines: readonly EnvLine[] }
  /** What is wrong with a line, counted from 1. */
  | { readonly line: number; readonly reason: string };

/**
 * Reads a `.env` or `env_file` (Compose: "Syntax for environment files"): `NAME=value` lines, `export` before them
 * allowed, `#` comments; single quotes keep the text as it is, double quotes know \n, \r, \t, \\, \" and \$, both may
 * span lines; variables are replaced except in single quotes, and see the names defined above. With `raw` a value is
 * everything after the equals sign.
 */
export function parseEnvFile(text: string, lookup: Lookup, raw: boolean): EnvFileResult {
  const lines: EnvLine[] = [];
  const known = new Map<string, string>();
  const visible: Lookup = (name) => lookup(name) ?? known.get(name);
  const source = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  let at = 0;
  while (at < source.length) {
    const end = source.indexOf("\n", at) < 0 ? source.length : source.indexOf("\n", at);
    const number = source.slice(0, at).split("\n").length;
    const line = source.slice(at, end);
    if (/^\s*(#|$)/.test(line)) {
      at = end + 1;
      continue;
    }
    const match = /^\s*(?:export\s+)?([^\s=#'"]+)\s*(=|$)[ \t]*/.exec(line);
    if (match === null) return { line: number, reason: "write NAME=value" };
    const name = match[1] as string;
    if (match[2] === "") {
      lines.push({ name, value: null });
      at = end + 1;
      continue;
    }
    const rest = at + match[0].length;
    const value = raw ? rawValue(line, source, end) : readValue(source, rest, end, visible);
    if ("reason" in value) return { line: number, reason: value.reason };
    lines.push({ name, value: value.text });
    known.set(name, value.text);
    at = value.next;
  }
  return { lines };
}

type Value = { readonly text: string; readonly next: number } | { readonly reason: string };

function rawValue(line: string, source: string, end: number): Value {
  return { text: line.slice(line.indexOf("=") + 1), next: Math.min(end + 1, source.length) };
}

function readValue(source: string, from: number, end: number, lookup: Lookup): Value {
  const quote = source[from];
  if (quote === "'" || quote === '"') {
    const close = closingQuote(source, from + 1, quote);
    if (close < 0) return { reason: `a quote (${quote}) is never closed` };
    const lineEnd = source.indexOf("\n", close) < 0 ? source.length : source.indexOf("\n", close);
    if (!/^\s*(#.*)?$/.test(source.slice(close + 1, lineEnd))) {
      return { reason: `nothing but a comment may follow the closing quote (${quote})` };
    }
    const inside = source.slice(from + 1, close);
    if (quote === "'") return { text: inside, next: lineEnd + 1 };
    const result = interpolate(unescape(inside), lookup);
    return "reason" in result ? result : { text: result.text, next: lineEnd + 1 };
  }
  // A comment needs a space before it: `PASSWORD=a#b` holds all of it.
  const bare = source
    .slice(from, end)
    .replace(/(^|\s+)#.*$/, "")
    .trimEnd();
  const result = interpolate(bare, lookup);
  return "reason" in result ? result : { text: result.text, next: end + 1 };
}

function closingQuote(source: string, from: number, quote: string): number {
  for (let i = from; i < source.length; i++) {
    if (source[i] === "\\" && quote === '"') i++;
    else if (source[i] === quote) return i;
  }
  return -1;
}

function unescape(text: string): string {
  const named: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", $: "$$" };
  return text.replaceAll(
    /\\([\s\S])/g,
    (both, char: string) => named[char] ?? ('\\"'.includes(char) ? char : both),
  );
}
