import { NetError, showValue } from "../base/errors.ts";

/** The flags of one invocation, read as the type a command wants. Names are as commander derives them (`gwPriority`). */
export class Flags {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** Whether a switch was given. */
  has(name: string): boolean {
    return this.#values[name] === true;
  }

  /** A switch that can also be turned off (`--no-ipv4`, `--ipv4=false`); undefined when neither was said. */
  choice(name: string): boolean | undefined {
    const value = this.#values[name];
    return typeof value === "boolean" ? value : undefined;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  }

  integer(name: string, min: number, max: number): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : parseInteger(text, flagName(name), min, max);
  }

  /** `key=value` items as a record; without `=` the value is empty, as Docker takes labels. */
  pairs(name: string): Readonly<Record<string, string>> {
    return Object.fromEntries(this.list(name).map((item) => splitPair(item, flagName(name))));
  }

  /** `pairs`, where the value must be there. */
  fullPairs(name: string, example: string): Readonly<Record<string, string>> {
    for (const item of this.list(name)) {
      if (item.indexOf("=") < 1) throw badFlag(flagName(name), item, `write ${example}`);
    }
    return this.pairs(name);
  }
}

export function parseInteger(text: string, field: string, min: number, max: number): number {
  const value = /^[-+]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw badFlag(field, text, `write a whole number from ${min} to ${max}`);
}

export function splitPair(text: string, field: string): [string, string] {
  const at = text.indexOf("=");
  if (at === 0 || text === "") throw badFlag(field, text, "write name=value");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** A flag's value is wrong: names flag, value and what is right. */
export function badFlag(field: string, value: string, right: string): NetError {
  return new NetError("invalid", "cli.parse", {
    message: `${field}: ${showValue(value)} is not valid: ${right}`,
    field,
    value: showValue(value),
    remedy: right,
  });
}

/** `gwPriority` → `--gw-priority` */
function flagName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
