import type { DatagramIo } from "../../model/datagrams.ts";

/** Messages taken in a turn of the event loop beside those that the runtime brings: a flood is not all there is to do. */
const TURN = 512;
/** After looks in vain, the double each time, the runtime's messages pass without a look: somebody asks one by one. */
const MAX_PAUSE = 64;

/**
 * Takes what waits at all sockets when the runtime brings the first message of any: two system calls a socket, however many
 * messages it has, and a third of what the runtime needs for each.
 */
export class Drain {
  readonly #io: DatagramIo;
  readonly #takers = new Map<number, (count: number) => void>();
  /** Messages that may still be taken in this turn. */
  #left = TURN;
  #pause = 1;
  #paused = 0;

  constructor(io: DatagramIo) {
    this.#io = io;
  }

  /** `take` answers so many messages that `io` holds. Throws what the kernel says of a descriptor that is none. */
  add(fd: number, take: (count: number) => void): void {
    this.#io.watch(fd);
    this.#takers.set(fd, take);
  }

  /** Before the descriptor is closed. */
  remove(fd: number): void {
    if (this.#takers.delete(fd)) this.#io.unwatch(fd);
  }

  /** The runtime has brought a message, and it is answered. */
  more(): void {
    if (this.#paused > 0) {
      this.#paused--;
      return;
    }
    if (this.#left <= 0) return;
    const io = this.#io;
    const ready = io.ready();
    if (ready.length === 0) {
      this.#paused = this.#pause;
      this.#pause = Math.min(this.#pause * 2, MAX_PAUSE);
      return;
    }
    this.#pause = 1;
    if (this.#left === TURN) setImmediate(() => (this.#left = TURN));
    for (const fd of ready) {
      // One answer may have closed another socket.
      const take = this.#takers.get(fd);
      const count = take === undefined ? 0 : io.receive(fd);
      this.#left -= Math.max(count, 1);
      if (count > 0) take?.(count);
      if (this.#left <= 0) return;
    }
  }
}
