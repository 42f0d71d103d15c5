/** Bytes that do not hold what their format says. Carries the position, so that a log line can point at it. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(`${message} (at byte ${offset})`);
    this.offset = offset;
  }
}

/**
 * Reads a buffer front to back. The error is sticky: a read past the end gives zeros and is remembered, so a decoder reads
 * all its fields and asks once, with `end()` or `check()`. Integers are little-endian (netlink is host order, and netdock
 * runs on little-endian hosts only) unless the name says `be`.
 */
export class Reader {
  readonly bytes: Uint8Array;
  /** Offset of `bytes[0]` in the outermost buffer, for error positions of sub-readers. */
  readonly base: number;
  #view: DataView;
  #offset = 0;
  #error: DecodeError | undefined;

  constructor(bytes: Uint8Array, base: number = 0) {
    this.bytes = bytes;
    this.base = base;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.bytes.length - this.#offset;
  }

  get error(): DecodeError | undefined {
    return this.#error;
  }

  fail(message: string): void {
    this.#error ??= new DecodeError(message, this.base + this.#offset);
  }

  #take(size: number, what: string): number {
    if (this.#error !== undefined) return -1;
    if (size < 0 || size > this.remaining) {
      this.fail(`${what} needs ${size} bytes, ${this.remaining} are left`);
      return -1;
    }
    const at = this.#offset;
    this.#offset += size;
    return at;
  }

  u8(): number {
    const at = this.#take(1, "u8");
    return at < 0 ? 0 : this.#view.getUint8(at);
  }

  u16(): number {
    const at = this.#take(2, "u16");
    return at < 0 ? 0 : this.#view.getUint16(at, true);
  }

  u32(): number {
    const at = this.#take(4, "u32");
    return at < 0 ? 0 : this.#view.getUint32(at, true);
  }

  i32(): number {
    const at = this.#take(4, "i32");
    return at < 0 ? 0 : this.#view.getInt32(at, true);
  }

  u64(): bigint {
    const at = this.#take(8, "u64");
    return at < 0 ? 0n : this.#view.getBigUint64(at, true);
  }

  be16(): number {
    const at = this.#take(2, "be16");
    return at < 0 ? 0 : this.#view.getUint16(at, false);
  }

  be32(): number {
    const at = this.#take(4, "be32");
    return at < 0 ? 0 : this.#view.getUint32(at, false);
  }

  be64(): bigint {
    const at = this.#take(8, "be64");
    return at < 0 ? 0n : this.#view.getBigUint64(at, false);
  }

  /** A view, not a copy. */
  take(size: number): Uint8Array {
    const at = this.#take(size, "bytes");
    return at < 0 ? new Uint8Array(0) : this.bytes.subarray(at, at + size);
  }

  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  skip(size: number): void {
    this.#take(size, "skip");
  }

  /** Moves to an absolute offset (DNS name compression points backwards). */
  seek(offset: number): void {
    if (offset < 0 || offset > this.bytes.length) this.fail(`seek to ${offset} of ${this.bytes.length}`);
    else if (this.#error === undefined) this.#offset = offset;
  }

  /** Skips padding up to a multiple of `size`; missing padding at the very end is fine, as in netlink. */
  align(size: number): void {
    const pad = (size - (this.#offset % size)) % size;
    this.skip(Math.min(pad, this.remaining));
  }

  /** Throws what went wrong, if anything did. */
  check(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** `check()`, and nothing may be left. */
  end(): void {
    if (this.#error === undefined && this.remaining > 0) this.fail(`${this.remaining} bytes too many`);
    this.check();
  }
}

/** Appends to a buffer that grows. Same byte orders as `Reader`. */
export class Writer {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity: number = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  #room(size: number): number {
    const at = this.#length;
    if (at + size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, at + size));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = at + size;
    return at;
  }

  u8(value: number): this {
    // The room first: making it may replace the view.
    const at = this.#room(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  i32(value: number): this {
    const at = this.#room(4);
    this.#view.setInt32(at, value, true);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#room(8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  be16(value: number): this {
    const at = this.#room(2);
    this.#view.setUint16(at, value, false);
    return this;
  }

  be32(value: number): this {
    const at = this.#room(4);
    this.#view.setUint32(at, value, false);
    return this;
  }

  be64(value: bigint): this {
    const at = this.#room(8);
    this.#view.setBigUint64(at, value, false);
    return this;
  }

  put(bytes: Uint8Array): this {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Zeros: padding and reserved fields. The buffer may have been used before, so they are written, not assumed. */
  zeros(count: number): this {
    const at = this.#room(count);
    this.#bytes.fill(0, at, at + count);
    return this;
  }

  align(size: number): this {
    return this.zeros((size - (this.#length % size)) % size);
  }

  /** Overwrites a field written before, for lengths known only at the end. */
  patchU16(at: number, value: number): void {
    this.#view.setUint16(at, value, true);
  }

  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  patchBe16(at: number, value: number): void {
    this.#view.setUint16(at, value, false);
  }

  /** Forgets everything written, keeping the memory: one Writer serves many messages. */
  reset(): void {
    this.#length = 0;
  }

  /** A view of what was written, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
