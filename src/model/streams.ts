/** TCP by non-blocking sockets; nothing here waits. */
export interface StreamIo {
  /**
   * A connection that waits at a listening socket, non-blocking and without Nagle's delay. `full`: the process or the
   * machine has no room for one, and it goes on waiting.
   */
  accept(fd: number): number | "none" | "full";
  /** Reads what is there, as far as it fits; 0: the other side has closed, -1: nothing is there. Throws for a broken connection. */
  receive(fd: number, into: Uint8Array): number;
  /** Octets taken, 0 when there is no room. Throws for a broken connection. */
  send(fd: number, bytes: Uint8Array): number;
}
