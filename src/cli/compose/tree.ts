import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { errorText, NetError, showValue } from "../../base/errors.ts";
import { interpolate, type Lookup } from "./interpolate.ts";

/** A YAML document as values that know their line: aliases and merge keys resolved, variables replaced. */
export type Tree = ScalarTree | ListTree | MapTree;

export interface ScalarTree {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** As it is written (`0x50`, `1.0`, `yes`), for fields that want text. */
  readonly text: string;
  readonly line: number;
}

export interface ListTree {
  readonly kind: "list";
  readonly items: readonly Tree[];
  readonly line: number;
}

export interface MapTree {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, { readonly line: number; readonly tree: Tree }>;
  readonly line: number;
}

export interface TreeSource {
  /** The file's name as messages show it. */
  readonly file: string;
  readonly text: string;
  readonly lookup: Lookup;
  /** Told about a variable that is not set and has no default. */
  readonly onUnset: (name: string) => void;
}

/** `services.web.ports[0]`, with keys that are no plain words in brackets. */
export function childPath(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** The tree as plain JavaScript, for showing and hashing. */
export function plainValue(tree: Tree): unknown {
  switch (tree.kind) {
    case "scalar":
      return tree.value;
    case "list":
      return tree.items.map(plainValue);
    case "map":
      return Object.fromEntries([...tree.entries].map(([key, { tree: value }]) => [key, plainValue(value)]));
  }
}

// Far beyond any real project, and low enough that a file of nested aliases ("billion laughs") ends at once.
const MAX_NODES = 100_000;
const MAX_DEPTH = 64;

/** Reads YAML 1.2, core schema. Throws `invalid` naming file and line. */
export function parseTree(source: TreeSource): Tree {
  const lines = new LineCounter();
  const fail = (line: number, what: string): NetError =>
    new NetError("invalid", "compose.parse", {
      message: `${source.file}:${line}: ${what}`,
      subject: source.file,
    });
  let document: Document.Parsed;
  try {
    document = parseDocument(source.text, {
      lineCounter: lines,
      prettyErrors: false,
      schema: "core",
      logLevel: "silent",
    });
  } catch (error) {
    // The parser recurses: a thousand nested brackets exhaust the stack.
    throw fail(1, `this is not YAML that can be read: ${errorText(error)}`);
  }
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    throw fail(lines.linePos(problem.pos[0]).line, `this is not valid YAML: ${problem.message}`);
  }
  return new Builder(source, document, lines, fail).build();
}

class Builder {
  readonly #source: TreeSource;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #fail: (line: number, what: string) => NetError;
  /** Nodes by the anchor that stands before them; the latest of a name counts (YAML 1.2.2 section 7.1). */
  readonly #anchors = new Map<string, unknown>();
  /** Aliases being resolved, to find one that holds itself. */
  readonly #open = new Set<unknown>();
  #nodes = 0;

  constructor(
    source: TreeSource,
    document: Document.Parsed,
    lines: LineCounter,
    fail: (line: number, what: string) => NetError,
  ) {
    this.#source = source;
    this.#document = document;
    this.#lines = lines;
    this.#fail = fail;
  }

  build(): Tree {
    return this.#tree(this.#document.contents, "", 1, 0);
  }

  #line(node: unknown, fallback: number): number {
    const range = (node as { range?: readonly number[] | null } | null)?.range;
    return range?.[0] === undefined ? fallback : this.#lines.linePos(range[0]).line;
  }

  #tree(node: unknown, path: string, fallbackLine: number, depth: number): Tree {
    const line = this.#line(node, fallbackLine);
    if (++this.#nodes > MAX_NODES) throw this.#fail(line, `the file holds more than ${MAX_NODES} values`);
    if (depth > MAX_DEPTH) throw this.#fail(line, `${path}: nested more than ${MAX_DEPTH} levels deep`);
    this.#note(node);
    if (isAlias(node)) return this.#alias(node, path, line, depth);
    if (isSeq(node)) {
      const items = node.items.map((item, i) => this.#tree(item, childPath(path, i), line, depth + 1));
      return { kind: "list", items, line };
    }
    if (isMap(node)) {
      const entries = new Map<string, { line: number; tree: Tree }>();
      const merged: Tree[] = [];
      for (const pair of node.items) {
        const keyLine = this.#line(pair.key, line);
        const key = this.#key(pair.key, keyLine, path);
        // https://yaml.org/type/merge.html: what the map itself says wins over what it merges, whatever the order.
        if (key === "<<") merged.push(this.#tree(pair.value, childPath(path, key), keyLine, depth + 1));
        else
          entries.set(key, {
            line: keyLine,
            tree: this.#tree(pair.value, childPath(path, key), keyLine, depth + 1),
          });
      }
      for (const tree of merged) this.#merge(entries, tree, path);
      return { kind: "map", entries, line };
    }
    if (!isScalar(node)) return { kind: "scalar", value: null, text: "", line };
    const value = node.value;
    const text = typeof value === "string" ? value : (node.source ?? String(value));
    if (typeof value === "string") return this.#substituted(value, node.type === "PLAIN", path, line);
    if (typeof value === "number" || typeof value === "boolean" || value === null) {
      return { kind: "scalar", value, text, line };
    }
    return { kind: "scalar", value: text, text, line };
  }

  /** Not while an alias is resolved: what is then walked again was noted at its own place. */
  #note(node: unknown): void {
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined && this.#open.size === 0) this.#anchors.set(anchor, node);
  }

  #key(node: unknown, line: number, path: string): string {
    this.#note(node);
    if (isScalar(node) && node.value !== null) {
      return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
    }
    throw this.#fail(line, `${path === "" ? "" : `${path}: `}a key must be plain text`);
  }

  #alias(node: Alias, path: string, line: number, depth: number): Tree {
    const target = this.#anchors.get(node.source);
    if (target === undefined)
      throw this.#fail(line, `${path}: no anchor &${node.source} stands before this alias`);
    if (this.#open.has(target)) throw this.#fail(line, `${path}: the alias *${node.source} holds itself`);
    this.#open.add(target);
    try {
      return this.#tree(target, path, line, depth + 1);
    } finally {
      this.#open.delete(target);
    }
  }

  #merge(entries: Map<string, { line: number; tree: Tree }>, from: Tree, path: string): void {
    for (const part of from.kind === "list" ? from.items : [from]) {
      if (part.kind !== "map") {
        throw this.#fail(
          part.line,
          `${childPath(path, "<<")}: a merge key takes a map, as in "<<: *defaults"`,
        );
      }
      for (const [key, entry] of part.entries) if (!entries.has(key)) entries.set(key, entry);
    }
  }

  #substituted(value: string, isPlain: boolean, path: string, line: number): ScalarTree {
    if (!value.includes("$")) return { kind: "scalar", value, text: value, line };
    const result = interpolate(value, this.#source.lookup);
    if ("reason" in result) {
      throw new NetError("invalid", "compose.parse", {
        message: `${this.#source.file}:${line}: ${path}: ${showValue(value)}: ${result.reason}`,
        field: path,
        value: showValue(value),
      });
    }
    for (const name of result.unset) this.#source.onUnset(name);
    return { kind: "scalar", value: isPlain ? retyped(result.text) : result.text, text: result.text, line };
  }
}

/** The YAML 1.2 core schema once more, since `replicas: ${N}` is a number only after N is known. */
function retyped(text: string): string | number | boolean {
  if (/^(true|True|TRUE)$/.test(text)) return true;
  if (/^(false|False|FALSE)$/.test(text)) return false;
  return /^[-+]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
