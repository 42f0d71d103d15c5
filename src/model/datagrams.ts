/**
 * Datagrams of non-blocking sockets, many by one system call. The messages taken and the answers put share one memory, so a
 * round of `receive` … `send` is one socket's, without a wait in between. What the kernel does not take is lost, as
 * datagrams are.
 */
export interface DatagramIo {
  /** Takes what waits at a socket, at most as many as there is room for; gives their number, 0 for none. */
  receive(fd: number): number;
  /** The message with this index of those taken. Its memory holds until the next `receive`. */
  message(index: number): Uint8Array;
  /** Where it came from, to answer later by `sendTo`. */
  sender(index: number): Uint8Array;
  /** Puts an answer to the message with this index, to be sent by `send`; at most one to each. */
  answer(index: number, bytes: Uint8Array): void;
  /** Sends all answers put. */
  send(fd: number): void;
  /** Sends one datagram to an address as `sender` gives it. */
  sendTo(fd: number, bytes: Uint8Array, to: Uint8Array): void;
}
