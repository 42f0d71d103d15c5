import type { Clock } from "../../base/clock.ts";
import type { ResponseScan } from "../../wire/dns/index.ts";

/** A response as an upstream server sent it. */
export interface Answer {
  readonly bytes: Uint8Array;
  readonly scan: ResponseScan;
}

export interface CachedAnswer extends Answer {
  readonly ageSeconds: number;
}

export interface CacheLimits {
  readonly cacheEntries: number;
  readonly cacheEntryBytes: number;
  readonly cacheSeconds: number;
}

interface Entry {
  readonly answer: Answer;
  /** Milliseconds since the epoch. */
  readonly stored: number;
  readonly expires: number;
}

/**
 * Upstream answers until their TTL runs out. The one used longest ago makes room for a new one. The key says everything
 * the answer depends on; it is the forwarder's affair.
 */
export class AnswerCache {
  readonly #limits: CacheLimits;
  readonly #clock: Clock;
  /** Used longest ago first: a Map iterates in order of insertion, and a hit inserts anew. */
  readonly #entries = new Map<string, Entry>();

  constructor(limits: CacheLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): CachedAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const now = this.#clock.now();
    this.#entries.delete(key);
    // A clock set back would make answers last longer than they may.
    if (now >= entry.expires || now < entry.stored) return undefined;
    this.#entries.set(key, entry);
    return { ...entry.answer, ageSeconds: Math.floor((now - entry.stored) / 1000) };
  }

  /** Keeps what may be kept; the bytes must not change afterwards. */
  put(key: string, answer: Answer): void {
    const seconds = Math.min(answer.scan.lifetimeSeconds, this.#limits.cacheSeconds);
    if (seconds <= 0 || answer.bytes.length > this.#limits.cacheEntryBytes) return;
    const now = this.#clock.now();
    this.#entries.delete(key);
    this.#entries.set(key, { answer, stored: now, expires: now + seconds * 1000 });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limits.cacheEntries) break;
      this.#entries.delete(oldest);
    }
  }
}
