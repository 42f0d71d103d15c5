import type { Readiness } from "../model/readiness.ts";
import { close, POLL } from "./libc.ts";
import {
  epollAdd,
  epollBits,
  epollChange,
  epollCreate,
  epollEvents,
  epollFd,
  epollRemove,
  type EpollEvents,
  epollWait,
  eventfdDrain,
} from "./libc-poll.ts";

/** Descriptors told of by one wait. */
const EVENTS = 128;

interface Timer {
  /** On the clock of `performance.now()`. */
  readonly at: number;
  readonly run: () => void;
}

/**
 * An event loop for a thread with nothing else to do: it waits in epoll_wait(2) itself, so that between a message's arrival
 * and its callback there is one system call and no other thread. Node's own loop does not run meanwhile: no promise
 * settles and no event of Node's comes until `turn` has returned.
 *
 * Another thread ends a wait through `wake`.
 */
export class ThreadLoop implements Readiness {
  readonly #epoll: number = epollCreate();
  readonly #events: EpollEvents = epollEvents(EVENTS);
  readonly #callbacks = new Map<number, (events: number) => void>();
  readonly #afterwards: (() => void)[] = [];
  /** By their delay, of which there are few: in each set the next to fire is the first. */
  readonly #timers = new Map<number, Set<Timer>>();
  readonly #wake: number;
  readonly #woken: () => void;

  /** `wake`: an eventfd of the caller's; `woken` is called after it was signalled, before the callbacks of other descriptors. */
  constructor(wake: number, woken: () => void) {
    this.#wake = wake;
    this.#woken = woken;
    epollAdd(this.#epoll, wake, POLL.IN);
  }

  add(fd: number, events: number, callback: (events: number) => void): void {
    epollAdd(this.#epoll, fd, events);
    this.#callbacks.set(fd, callback);
  }

  change(fd: number, events: number): void {
    epollChange(this.#epoll, fd, events);
  }

  remove(fd: number): void {
    if (this.#callbacks.delete(fd)) epollRemove(this.#epoll, fd);
  }

  afterwards(callback: () => void): void {
    this.#afterwards.push(callback);
  }

  /** Runs once after so many milliseconds, unless the returned function is called before. */
  after(ms: number, run: () => void): () => void {
    const timer = { at: performance.now() + ms, run };
    const alike = this.#timers.get(ms);
    if (alike === undefined) this.#timers.set(ms, new Set([timer]));
    else alike.add(timer);
    return () => void this.#timers.get(ms)?.delete(timer);
  }

  /** Waits for the next thing that happens and calls back whom it concerns. */
  turn(): void {
    const count = epollWait(this.#epoll, this.#events, this.#untilTimer());
    const events = this.#events;
    for (let i = 0; i < count; i++) {
      if (epollFd(events, i) !== this.#wake) continue;
      eventfdDrain(this.#wake);
      this.#woken();
    }
    // One may have been removed by a callback before, and its number given to another: who finds nothing there waits on.
    for (let i = 0; i < count; i++) this.#callbacks.get(epollFd(events, i))?.(epollBits(events, i));
    for (const callback of this.#afterwards) callback();
    if (this.#timers.size > 0) this.#fire();
  }

  close(): void {
    close(this.#epoll);
  }

  /** Milliseconds, rounded up; -1 for ever. */
  #untilTimer(): number {
    let next = Infinity;
    for (const alike of this.#timers.values())
      for (const { at } of alike) {
        next = Math.min(next, at);
        break;
      }
    return next === Infinity ? -1 : Math.max(0, Math.ceil(next - performance.now()));
  }

  #fire(): void {
    const now = performance.now();
    for (const [ms, alike] of this.#timers) {
      for (const timer of alike) {
        if (timer.at > now) break;
        alike.delete(timer);
        timer.run();
      }
      if (alike.size === 0) this.#timers.delete(ms);
    }
  }
}
