/**
 * Messages on a TCP stream: each has its length before it, two octets (RFC 1035 section 4.2.2). Segments may cut anywhere,
 * also through the length, and one segment may hold many messages (RFC 7766 section 6.2.1.1 calls for pipelining).
 */
export class FrameReader {
  readonly #maxSize: number;
  /** The frame begun, with its length; filled up to `#filled`. */
  #frame: Uint8Array = new Uint8Array(2);
  #filled = 0;

  /** Longer messages are an error: the stream cannot be read on. */
  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /** Whether the stream may end here: no message is cut through. */
  get atBoundary(): boolean {
    return this.#filled === 0;
  }

  /** The messages this piece completes, in order; `undefined` once a message is too long. They share no memory with it. */
  push(piece: Uint8Array): Uint8Array[] | undefined {
    const messages: Uint8Array[] = [];
    let at = 0;
    while (at < piece.length) {
      const size = Math.min(this.#frame.length - this.#filled, piece.length - at);
      this.#frame.set(piece.subarray(at, at + size), this.#filled);
      this.#filled += size;
      at += size;
      if (this.#filled < this.#frame.length) break;
      if (this.#filled === 2) {
        const length = frameLength(this.#frame);
        if (length > this.#maxSize) return undefined;
        if (length > 0) {
          const frame = new Uint8Array(2 + length);
          frame.set(this.#frame);
          this.#frame = frame;
          continue;
        }
      }
      messages.push(this.#frame.subarray(2));
      this.#frame = new Uint8Array(2);
      this.#filled = 0;
    }
    return messages;
  }
}

function frameLength(frame: Uint8Array): number {
  return ((frame[0] as number) << 8) | (frame[1] as number);
}

/** The two octets that go before a message. */
export function frameHeader(size: number): Uint8Array {
  return Uint8Array.of(size >> 8, size & 0xff);
}
