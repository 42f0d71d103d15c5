import type { Clock } from "../base/clock.ts";

interface Due {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still, with timers that fire only when a test moves it. */
export class ManualTime implements Clock {
  #now = 1_700_000_000_000;
  readonly #due = new Set<Due>();

  now(): number {
    return this.#now;
  }

  /** Timers set and neither fired nor cancelled. */
  get pending(): number {
    return this.#due.size;
  }

  readonly after = (ms: number, run: () => void): (() => void) => {
    const due: Due = { at: this.#now + ms, run };
    this.#due.add(due);
    return () => void this.#due.delete(due);
  };

  /** Moves time on and fires what falls due, in order, each at its own moment. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#due].filter((due) => due.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#due.delete(next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }
}
