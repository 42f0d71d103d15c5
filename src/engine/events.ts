import type { Clock } from "../base/clock.ts";
import type { NetdockEvent } from "../model/events.ts";

/** How many past events a late subscriber can still ask for; as Docker keeps (daemon/events). */
const KEPT_EVENTS = 256;

/** Hands events to subscribers as they happen and remembers the last ones. */
export class EventHub {
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: NetdockEvent) => void>();
  #kept: NetdockEvent[] = [];
  #seq = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  emit(event: Pick<NetdockEvent, "type" | "action" | "id" | "attributes">): void {
    this.#seq += 1;
    const full: NetdockEvent = { seq: this.#seq, time: new Date(this.#clock.now()).toISOString(), ...event };
    this.#kept.push(full);
    if (this.#kept.length > KEPT_EVENTS) this.#kept = this.#kept.slice(-KEPT_EVENTS);
    for (const listener of this.#listeners) listener(full);
  }

  subscribe(listener: (event: NetdockEvent) => void, since?: number): () => void {
    if (since !== undefined) for (const event of this.#kept) if (event.seq > since) listener(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
