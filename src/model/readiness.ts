/** Bits of what a descriptor is ready for, as poll(2) numbers them. */
export const READY = { IN: 1, OUT: 4, ERR: 8, HUP: 16 } as const;

/** Tells when descriptors can be read or written. */
export interface Readiness {
  /**
   * Calls back with bits of READY whenever `fd` has one of `events`, or an error or hang-up, until `remove`; again and again
   * as long as the state lasts. Throws what the kernel says of a descriptor that cannot be waited for.
   */
  add(fd: number, events: number, callback: (events: number) => void): void;
  /** Other events for a descriptor that was added. */
  change(fd: number, events: number): void;
  /** Before the descriptor is closed. Unknown ones are fine. */
  remove(fd: number): void;
  /** Calls back when everybody has been told of what was found ready at a time. */
  afterwards(callback: () => void): void;
}
