import { closeSync } from "node:fs";
import { READY } from "../../model/readiness.ts";
import { frameHeader, FrameReader } from "../../wire/dns/index.ts";
import type { TcpParts } from "./listener-tcp.ts";
import type { Listener } from "./listener.ts";

/** Read at a go; the next turn is the others'. One memory for all: what is in it is taken out before the next read. */
const piece = new Uint8Array(4096);

/**
 * Serves one connection: queries come one behind the other without waiting for answers, and answers go out as they are
 * ready, in any order (RFC 7766 sections 6.2.1.1 and 7). `closed` is called once, when nothing of it is left.
 */
export function serveStream(fd: number, parts: TcpParts, closed: () => void): Listener {
  const stream = new Stream(fd, parts, closed);
  return { close: () => stream.close() };
}

class Stream {
  readonly #fd: number;
  readonly #parts: TcpParts;
  readonly #closed: () => void;
  readonly #frames: FrameReader;
  readonly #client;
  /** Octets that wait for room in the socket. */
  #unsent: Uint8Array = new Uint8Array(0);
  /** Questions whose answers are not there yet. */
  #waiting = 0;
  /** The client has closed its side; it still gets its answers. */
  #ended = false;
  #open = true;
  #watched: number = READY.IN;
  #cancelIdle: () => void = () => undefined;

  constructor(fd: number, parts: TcpParts, closed: () => void) {
    this.#fd = fd;
    this.#parts = parts;
    this.#closed = closed;
    this.#frames = new FrameReader(parts.limits.maxQuery);
    this.#client = {
      sandbox: parts.sandbox,
      counters: parts.counters,
      stream: true,
      later: () => {
        this.#waiting++;
        return (reply: Uint8Array) => {
          this.#waiting--;
          if (!this.#open) return;
          this.#send([frameHeader(reply.length), reply]);
          if (this.#open) this.#restartIdle();
        };
      },
    };
    parts.readiness.add(fd, READY.IN, (events) => this.#ready(events));
    this.#restartIdle();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#cancelIdle();
    this.#parts.readiness.remove(this.#fd);
    closeSync(this.#fd);
    this.#closed();
  }

  #ready(events: number): void {
    if ((events & READY.OUT) !== 0) this.#send([]);
    else if ((events & READY.IN) !== 0 && !this.#ended) this.#read();
    // Nothing more will come and nothing can go: a hang-up is reported whether it is asked for or not.
    else if ((events & (READY.ERR | READY.HUP)) !== 0) this.close();
  }

  #read(): void {
    let size: number;
    try {
      size = this.#parts.streams.receive(this.#fd, piece);
    } catch {
      this.close();
      return;
    }
    if (size < 0) return;
    if (size === 0) {
      this.#ended = true;
      this.#settle();
      return;
    }
    const messages = this.#frames.push(piece.subarray(0, size));
    if (messages === undefined) {
      this.close();
      return;
    }
    // Only whole messages count as life: a client that drips single octets is idle.
    if (messages.length > 0) this.#restartIdle();
    // The answers known at once leave together.
    const known = messages.flatMap((bytes) => {
      const reply = this.#parts.resolver.handle(bytes, this.#client);
      return reply === undefined ? [] : [frameHeader(reply.length), reply];
    });
    if (known.length > 0) this.#send(known);
  }

  /** Sends these octets behind those that wait, as far as there is room. */
  #send(more: readonly Uint8Array[]): void {
    const bytes = Buffer.concat([this.#unsent, ...more]);
    try {
      this.#unsent = bytes.subarray(this.#parts.streams.send(this.#fd, bytes));
    } catch {
      this.close();
      return;
    }
    this.#settle();
  }

  /** Waits for what can happen next. A client that does not read its answers gets to ask no more until it does. */
  #settle(): void {
    const stuck = this.#unsent.length > 0;
    if (this.#ended && this.#waiting === 0 && !stuck) {
      this.close();
      return;
    }
    const wanted = stuck ? READY.OUT : this.#ended ? 0 : READY.IN;
    if (wanted === this.#watched) return;
    this.#watched = wanted;
    this.#parts.readiness.change(this.#fd, wanted);
  }

  #restartIdle(): void {
    this.#cancelIdle();
    this.#cancelIdle = this.#parts.timers.after(this.#parts.limits.idleMs, () => this.close());
  }
}
