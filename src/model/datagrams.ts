/**
 * Datagrams of non-blocking sockets, many by few system calls, in a batch: what waits at some sockets is taken, then answered,
 * then all answers are sent. The batch has one memory, and no wait in between. What the kernel does not take is lost, as
 * datagrams are.
 */
export interface DatagramIo {
  /** Messages in the batch, and how many more there is room for. */
  readonly taken: number;
  readonly room: number;
  /**
   * Takes what waits at a socket into the batch, behind what is there, at most `most` messages and as many as there is room
   * for; gives their number, 0 for none.
   */
  receive(fd: number, most: number): number;
  /** The message with this index in the batch. Its memory holds until `send`. */
  message(index: number): Uint8Array;
  /** Where it came from, to answer later by `sendTo`. */
  sender(index: number): Uint8Array;
  /** Puts an answer to the message with this index, by the socket it came to; at most one to each, in order. */
  answer(index: number, bytes: Uint8Array): void;
  /** Sends all answers put; the batch is empty then. */
  send(): void;
  /** Sends one datagram to an address as `sender` gives it. */
  sendTo(fd: number, bytes: Uint8Array, to: Uint8Array): void;
}
