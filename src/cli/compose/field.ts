import { NetError, showValue } from "../../base/errors.ts";
import { DURATION_FORM, parseDuration } from "../text/duration.ts";
import { didYouMean } from "../text/nearest.ts";
import { isSplitFailure, splitWords } from "../text/shell-words.ts";
import { childPath, plainValue, type Tree } from "./tree.ts";

/** Where in the file a value stands, for messages that come later than parsing. */
export interface Place {
  readonly file: string;
  readonly line: number;
  /** `services.web.ports[0]` */
  readonly path: string;
}

/** A refusal that names file, line, path, the value found and what would be right. */
export function refusal(place: Place, shown: string | undefined, what: string): NetError {
  const value = shown === undefined ? "" : `${shown}: `;
  return new NetError("invalid", "compose.parse", {
    message: `${place.file}:${place.line}: ${place.path}: ${value}${what}`,
    field: place.path,
    ...(shown === undefined ? {} : { value: shown }),
  });
}

/**
 * One value of the file with its place. Each method reads it as one type, or throws `invalid` saying where, what was
 * found and what is right.
 */
export class Field implements Place {
  readonly file: string;
  readonly path: string;
  readonly tree: Tree;

  constructor(file: string, path: string, tree: Tree) {
    this.file = file;
    this.path = path;
    this.tree = tree;
  }

  get line(): number {
    return this.tree.line;
  }

  /** Present but without a value: `networks: { front: }`. */
  get isNull(): boolean {
    return this.tree.kind === "scalar" && this.tree.value === null;
  }

  fail(right: string): NetError {
    return refusal(this, showValue(plainValue(this.tree)), right);
  }

  place(): Place {
    return { file: this.file, line: this.line, path: this.path };
  }

  child(key: string | number, tree: Tree): Field {
    return new Field(this.file, childPath(this.path, key), tree);
  }

  /** Text, or a number or boolean as it is written: `version: 1.0`, `PORT: 80`. */
  text(right: string): string {
    if (this.tree.kind === "scalar" && this.tree.value !== null) return this.tree.text;
    throw this.fail(right);
  }

  /** Text in which something must stand. */
  name(right: string): string {
    const text = this.text(right);
    if (text === "") throw this.fail(right);
    return text;
  }

  flag(): boolean {
    if (this.tree.kind === "scalar") {
      if (typeof this.tree.value === "boolean") return this.tree.value;
      if (this.tree.value === "true" || this.tree.value === "false") return this.tree.value === "true";
    }
    throw this.fail("write true or false");
  }

  /** A whole number; text of digits counts, as it does in Compose. */
  integer(min: number, max: number): number {
    const right = `write a whole number from ${min} to ${max}`;
    if (this.tree.kind !== "scalar" || !/^-?\d{1,15}$/.test(this.tree.text)) throw this.fail(right);
    const value = Number(this.tree.text);
    if (value < min || value > max) throw this.fail(right);
    return value;
  }

  milliseconds(): number {
    const ms = parseDuration(this.text(DURATION_FORM));
    if (ms === undefined) throw this.fail(DURATION_FORM);
    return ms;
  }

  items(right: string): Field[] {
    if (this.tree.kind !== "list") throw this.fail(right);
    return this.tree.items.map((tree, i) => this.child(i, tree));
  }

  entries(right: string): [string, Field][] {
    if (this.tree.kind !== "map") throw this.fail(right);
    return [...this.tree.entries].map(([key, { tree }]) => [key, this.child(key, tree)]);
  }

  /** A list of texts, or one text alone. */
  texts(right: string): string[] {
    if (this.tree.kind === "list") return this.items(right).map((item) => item.name(right));
    return [this.name(right)];
  }

  /** `A=b` lines or a map; a name without a value gives null. */
  pairs(right: string): Map<string, string | null> {
    const out = new Map<string, string | null>();
    if (this.tree.kind === "list") {
      for (const item of this.items(right)) {
        const text = item.name(right);
        const equals = text.indexOf("=");
        if (equals === 0) throw item.fail(right);
        if (equals < 0) out.set(text, null);
        else out.set(text.slice(0, equals), text.slice(equals + 1));
      }
      return out;
    }
    for (const [key, value] of this.entries(right)) {
      if (key === "" || key.includes("=")) throw value.fail(right);
      out.set(key, value.isNull ? null : value.text(right));
    }
    return out;
  }

  /** `pairs`, where a missing value is an empty one (labels, options). */
  filledPairs(right: string): Record<string, string> {
    return Object.fromEntries([...this.pairs(right)].map(([key, value]) => [key, value ?? ""]));
  }

  /** A command: a list of words, or a line split as a shell would. */
  words(): string[] {
    const right = 'write a line or a list of words, like ["node", "web.mjs"]';
    if (this.isNull) return [];
    if (this.tree.kind === "list") return this.items(right).map((item) => item.text(right));
    const split = splitWords(this.text(right));
    if (isSplitFailure(split)) throw this.fail(`this line cannot be split into words: ${split.reason}`);
    return [...split];
  }
}

/** A key nobody knows, with the known one it may have been meant to be. */
export function unknownKey(field: Field, key: string, known: Iterable<string>): NetError {
  return refusal(field, undefined, `unknown key${didYouMean(key, known)}`);
}
