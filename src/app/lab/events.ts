import type { Engine } from "../../engine/contract.ts";
import type { NetdockEvent } from "../../model/events.ts";

/** Events from the moment of the call, until the reader leaves the loop or `end` is aborted. */
export function eventsOf(
  engine: Engine,
  end: AbortSignal,
  since: number | undefined,
): AsyncIterableIterator<NetdockEvent> {
  const waiting: NetdockEvent[] = [];
  let ring = (): void => undefined;
  // Subscribed now and not at the first `next`: what happens in between is not missed.
  const unsubscribe = engine.subscribe((event) => {
    waiting.push(event);
    ring();
  }, since);
  let stopped = end.aborted;
  const stop = (): void => {
    stopped = true;
    unsubscribe();
    ring();
  };
  end.addEventListener("abort", stop, { once: true });
  async function* read(): AsyncGenerator<NetdockEvent, void, undefined> {
    for (;;) {
      for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) yield event;
      if (stopped) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      ring = resolve;
      // One event after the other is what a stream is.
      // oxlint-disable-next-line no-await-in-loop
      await promise;
    }
  }
  const events = read();
  return {
    next: () => events.next(),
    // A generator that was never started runs no `finally` of its own.
    async return() {
      end.removeEventListener("abort", stop);
      stop();
      await events.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
