/**
 * Where the first JSON value of a text ends, or why there is none in the words of Go's encoding/json (scanner.go), which
 * Docker's clients show to people. `EOF` when the text holds nothing at all.
 */
export function scanJson(text: string): { readonly end: number; readonly error?: string } {
  const scanner = new Scanner(text);
  try {
    scanner.space();
    if (scanner.at >= text.length) return { end: scanner.at, error: "EOF" };
    scanner.value("looking for beginning of value", 0);
    return { end: scanner.at };
  } catch (error) {
    if (error instanceof Syntax) return { end: scanner.at, error: error.message };
    throw error;
  }
}

class Syntax extends Error {}

/** Go allows 10 000; ours recurses, and nothing of Docker's nests as deep as this. */
const MAX_DEPTH = 1000;

class Scanner {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  space(): void {
    while (" \t\r\n".includes(this.#text[this.at] ?? "x")) this.at++;
  }

  value(context: string, depth: number): void {
    if (depth > MAX_DEPTH) throw new Syntax("exceeded max depth");
    const c = this.#text[this.at];
    if (c === "{") this.#object(depth);
    else if (c === "[") this.#array(depth);
    else if (c === '"') this.#string();
    else if (c === "t") this.#word("true");
    else if (c === "f") this.#word("false");
    else if (c === "n") this.#word("null");
    else if (c !== undefined && /[-0-9]/.test(c)) this.#number();
    else throw this.#wrong(context);
  }

  #object(depth: number): void {
    this.at++;
    this.space();
    if (this.#text[this.at] === "}") {
      this.at++;
      return;
    }
    for (;;) {
      if (this.#text[this.at] !== '"') throw this.#wrong("looking for beginning of object key string");
      this.#string();
      this.space();
      this.#expect(":", "after object key");
      this.space();
      this.value("looking for beginning of value", depth + 1);
      this.space();
      if (this.#text[this.at] === "}") break;
      this.#expect(",", "after object key:value pair");
      this.space();
    }
    this.at++;
  }

  #array(depth: number): void {
    this.at++;
    this.space();
    if (this.#text[this.at] === "]") {
      this.at++;
      return;
    }
    for (;;) {
      this.value("looking for beginning of value", depth + 1);
      this.space();
      if (this.#text[this.at] === "]") break;
      this.#expect(",", "after array element");
      this.space();
    }
    this.at++;
  }

  #string(): void {
    this.at++;
    for (;;) {
      const c = this.#text[this.at];
      if (c === undefined || c < " ") throw this.#wrong("in string literal");
      this.at++;
      if (c === '"') return;
      if (c === "\\") this.#escape();
    }
  }

  #escape(): void {
    const c = this.#text[this.at];
    if (c === undefined || !'bfnrt\\/"u'.includes(c)) throw this.#wrong("in string escape code");
    this.at++;
    if (c !== "u") return;
    for (let i = 0; i < 4; i++) {
      if (!/[0-9a-fA-F]/.test(this.#text[this.at] ?? ""))
        throw this.#wrong("in \\u hexadecimal character escape");
      this.at++;
    }
  }

  #word(word: string): void {
    for (let i = 0; i < word.length; i++) {
      const expected = word[i] as string;
      if (this.#text[this.at] !== expected) throw this.#wrong(`in literal ${word} (expecting '${expected}')`);
      this.at++;
    }
  }

  #number(): void {
    if (this.#text[this.at] === "-") this.at++;
    if (this.#text[this.at] === "0") this.at++;
    else this.#digits("in numeric literal");
    if (this.#text[this.at] === ".") {
      this.at++;
      this.#digits("after decimal point in numeric literal");
    }
    if (/[eE]/.test(this.#text[this.at] ?? "")) {
      this.at++;
      if (/[-+]/.test(this.#text[this.at] ?? "")) this.at++;
      this.#digits("in exponent of numeric literal");
    }
  }

  #digits(context: string): void {
    const start = this.at;
    while (/[0-9]/.test(this.#text[this.at] ?? "")) this.at++;
    if (this.at === start) throw this.#wrong(context);
  }

  #expect(c: string, context: string): void {
    if (this.#text[this.at] !== c) throw this.#wrong(context);
    this.at++;
  }

  #wrong(context: string): Syntax {
    const point = this.#text.codePointAt(this.at);
    if (point === undefined) return new Syntax("unexpected EOF");
    return new Syntax(`invalid character ${quoted(String.fromCodePoint(point))} ${context}`);
  }
}

/** Go looks at bytes: of a character beyond ASCII it shows the first byte as if it were one of Latin-1. */
function quoted(c: string): string {
  if (c === "'") return `'\\''`;
  if (c === '"') return `'"'`;
  const [byte = 0] = Buffer.from(c);
  const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };
  if (named[c] !== undefined) return `'${named[c]}'`;
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, "0")}'`;
  return `'${String.fromCharCode(byte)}'`;
}
