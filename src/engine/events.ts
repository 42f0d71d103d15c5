import type { Clock } from "../base/clock.ts";
import type { NetdockEvent } from "../model/events.ts";

/** How many past events a late subscriber can still ask for; as Docker keeps (daemon/events). */
const KEPT_EVENTS = 256;

/** Hands events to subscribers as they happen and remembers the last ones. */
export class EventHub {
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<(event: NetdockEvent) => void>();
  readonly #kept: NetdockEvent[] = [];
  #seq = 0;

  /** `onError` hears of listeners that throw: what happened has happened, and the others must learn of it too. */
  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  emit(event: Pick<NetdockEvent, "type" | "action" | "id" | "attributes">): void {
    this.#seq += 1;
    const full: NetdockEvent = { seq: this.#seq, time: new Date(this.#clock.now()).toISOString(), ...event };
    this.#kept.push(full);
    if (this.#kept.length > KEPT_EVENTS) this.#kept.shift();
    for (const listener of this.#listeners) this.#tell(listener, full);
  }

  /** Events after `since` that are still remembered come at once, before this returns. */
  subscribe(listener: (event: NetdockEvent) => void, since?: number): () => void {
    // A listener of one's own, so that two subscriptions of the same function end apart.
    const own = (event: NetdockEvent): void => listener(event);
    if (since !== undefined) {
      for (const event of [...this.#kept]) if (event.seq > since) this.#tell(own, event);
    }
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  #tell(listener: (event: NetdockEvent) => void, event: NetdockEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#onError(error);
    }
  }
}
