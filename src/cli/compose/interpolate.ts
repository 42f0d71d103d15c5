/** Looks a variable up; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

export type Interpolated =
  | { readonly text: string; readonly unset: readonly string[] }
  /** What is wrong with the text, for the caller to put behind the field's name. */
  | { readonly reason: string };

/**
 * Replaces variables as the Compose Specification says (12-interpolation.md): `$NAME`, `${NAME}`, and in braces a
 * default (`:-`, `-`), a demand (`:?`, `?`) or a replacement (`:+`, `+`), which may hold variables again. `$$` is one
 * dollar sign. With the colon, an empty value counts as not set.
 */
export function interpolate(text: string, lookup: Lookup): Interpolated {
  const unset: string[] = [];
  try {
    return { text: expand(text, lookup, unset), unset };
  } catch (error) {
    if (error instanceof Malformed) return { reason: error.message };
    throw error;
  }
}

/** Unwinds the recursion; never leaves this file. */
class Malformed extends Error {}

const NAME = /^[_a-zA-Z][_a-zA-Z0-9]*/;

function expand(text: string, lookup: Lookup, unset: string[]): string {
  let out = "";
  let i = 0;
  while (i < text.length) {
    if (text[i] !== "$") {
      out += text[i];
      i++;
    } else if (text[i + 1] === "$") {
      out += "$";
      i += 2;
    } else if (text[i + 1] === "{") {
      const end = closingBrace(text, i + 2);
      out += braced(text.slice(i + 2, end), lookup, unset);
      i = end + 1;
    } else {
      const name = NAME.exec(text.slice(i + 1))?.[0];
      if (name === undefined) {
        throw new Malformed(`the "$" at character ${i + 1} starts no variable: write $$ for a dollar sign`);
      }
      out += plain(name, lookup, unset);
      i += 1 + name.length;
    }
  }
  return out;
}

function closingBrace(text: string, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    if (text.startsWith("${", i)) depth++;
    else if (text[i] === "}") depth--;
    if (depth === 0) return i;
  }
  throw new Malformed('a "${" is never closed with "}"');
}

function plain(name: string, lookup: Lookup, unset: string[]): string {
  const value = lookup(name);
  if (value === undefined) unset.push(name);
  return value ?? "";
}

function braced(inside: string, lookup: Lookup, unset: string[]): string {
  const name = NAME.exec(inside)?.[0];
  if (name === undefined) throw new Malformed(`"\${${inside}}" holds no variable name`);
  const rest = inside.slice(name.length);
  if (rest === "") return plain(name, lookup, unset);
  const match = /^(:?)([-?+])([\s\S]*)$/.exec(rest);
  if (match === null)
    throw new Malformed(`"\${${inside}}" is no form of a variable: use :-, -, :?, ?, :+ or +`);
  const [, colon, operator, argument] = match as unknown as [string, string, string, string];
  const value = lookup(name);
  const isSet = value !== undefined && !(colon === ":" && value === "");
  if (operator === "+") return isSet ? expand(argument, lookup, unset) : "";
  if (isSet) return value;
  if (operator === "-") return expand(argument, lookup, unset);
  const message = expand(argument, lookup, unset);
  throw new Malformed(`the variable ${name} must be set${message === "" ? "" : `: ${message}`}`);
}
