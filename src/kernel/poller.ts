import type { Readiness } from "../model/readiness.ts";
import { close, POLL } from "./libc.ts";
import {
  epollAdd,
  epollChange,
  epollCreate,
  epollRemove,
  epollWaitAsync,
  eventfd,
  eventfdDrain,
  eventfdSignal,
} from "./libc-poll.ts";
import type { SocketBatch } from "./socket-batch.ts";

/** Told the POLL bits and who has them. */
type Callback = (events: number, fd: number) => void;

/**
 * Waits for any number of descriptors with one thread of libuv's pool, which Node's own loop cannot do for netlink sockets
 * and pidfds. The wait has no timeout; an eventfd ends it. While nothing is watched, no thread waits and the process may
 * end by itself; `process.exit` is never held up either, by a hook that ends the wait (libuv joins its threads at exit).
 */
export class Poller implements Readiness {
  readonly #epoll: number = epollCreate();
  readonly #wake: number = eventfd();
  readonly #afterwards: (() => void)[] = [];
  readonly #callbacks = new Map<number, Callback>();
  #waiting: Promise<void> | undefined;
  #closed = false;

  constructor() {
    epollAdd(this.#epoll, this.#wake, POLL.IN);
    process.on("exit", this.#onExit);
  }

  /**
   * Calls back with the POLL bits whenever `fd` has one of `events`, or an error or hang-up, until `remove`. It is called
   * again as long as the state lasts, so the callback reads all there is.
   */
  add(fd: number, events: number, callback: Callback): void {
    epollAdd(this.#epoll, fd, events);
    this.#callbacks.set(fd, callback);
    this.#waiting ??= this.#wait();
  }

  /** Many at once. */
  addAll(fds: readonly number[], events: number, callback: Callback, batch: SocketBatch): void {
    batch.watch(this.#epoll, fds, events);
    for (const fd of fds) this.#callbacks.set(fd, callback);
    if (this.#callbacks.size > 0) this.#waiting ??= this.#wait();
  }

  /** Other events for a descriptor that is watched. */
  change(fd: number, events: number): void {
    epollChange(this.#epoll, fd, events);
  }

  /** Before the descriptor is closed: epoll forgets a closed one only when all its copies are. Unknown ones are fine. */
  remove(fd: number): void {
    if (!this.#callbacks.delete(fd)) return;
    epollRemove(this.#epoll, fd);
    if (this.#callbacks.size === 0) eventfdSignal(this.#wake);
  }

  afterwards(callback: () => void): void {
    this.#afterwards.push(callback);
  }

  removeAll(fds: readonly number[], batch: SocketBatch): void {
    const known = fds.filter((fd) => this.#callbacks.delete(fd));
    if (known.length === 0) return;
    batch.unwatch(this.#epoll, known);
    if (this.#callbacks.size === 0) eventfdSignal(this.#wake);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    process.off("exit", this.#onExit);
    this.#callbacks.clear();
    if (this.#waiting === undefined) this.#closeFds();
    else eventfdSignal(this.#wake);
  }

  /** Resolves when no thread waits any more, which after `close` is soon. */
  async settled(): Promise<void> {
    await this.#waiting;
  }

  readonly #onExit = (): void => {
    eventfdSignal(this.#wake);
  };

  async #wait(): Promise<void> {
    while (this.#callbacks.size > 0) {
      // One wait after another is the point: descriptors come and go in between.
      // oxlint-disable-next-line no-await-in-loop
      for (const { fd, events } of await epollWaitAsync(this.#epoll)) {
        if (fd === this.#wake) eventfdDrain(this.#wake);
        // A callback before this one may have removed it.
        else this.#callbacks.get(fd)?.(events, fd);
      }
      for (const callback of this.#afterwards) callback();
    }
    this.#waiting = undefined;
    if (this.#closed) this.#closeFds();
  }

  #closeFds(): void {
    close(this.#epoll);
    close(this.#wake);
  }
}
