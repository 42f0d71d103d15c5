import { DecodeError, Writer } from "../../base/cursor.ts";

/** Size of struct nlmsghdr (linux/netlink.h). */
export const HEADER_SIZE = 16;

/** A message before it has a place in a conversation: what the functions of this folder make. */
export interface Request {
  /** RTM_* or a family's own number. */
  readonly type: number;
  /** NLM_F_*. With ACK: answered by an ack only. With DUMP: by many messages and NLMSG_DONE. Neither: by one message. */
  readonly flags: number;
  /** The family's header and attributes, without struct nlmsghdr. */
  readonly body: Uint8Array;
}

/**
 * A message as it travels.
 *
 * ```text
 * 0        4      6       8        12       16
 * | length | type | flags | seq    | pid    | body … | padding to 4 |
 * ```
 */
export interface Message extends Request {
  /** Chosen by who asks; the answer repeats it. 0 in multicast notifications. */
  readonly seq: number;
  /** Port of the sender: 0 is the kernel, and what the kernel fills in when a request leaves it 0. */
  readonly pid: number;
}

/** Appends one message with its padding. */
export function putMessage(w: Writer, message: Message): void {
  w.u32(HEADER_SIZE + message.body.length)
    .u16(message.type)
    .u16(message.flags)
    .u32(message.seq)
    .u32(message.pid)
    .put(message.body)
    .align(4);
}

export function encodeMessage(message: Message): Uint8Array {
  const w = new Writer(HEADER_SIZE + message.body.length + 3);
  putMessage(w, message);
  return w.bytes();
}

/**
 * Several requests in one buffer, for one `sendmsg`; the kernel handles them in order and answers each under its own
 * number: `firstSeq`, `firstSeq + 1`, … (modulo 2³²). It goes on after an error: every ack must be looked at.
 */
export function encodeBatch(
  requests: readonly Request[],
  options: { readonly firstSeq: number },
): Uint8Array {
  let size = 0;
  for (const { body } of requests) size += HEADER_SIZE + ((body.length + 3) & ~3);
  const w = new Writer(size);
  requests.forEach((request, i) => {
    const { type, flags, body } = request;
    putMessage(w, { type, flags, body, seq: (options.firstSeq + i) >>> 0, pid: 0 });
  });
  return w.bytes();
}

/**
 * The messages of one received datagram. Bodies are views of `buffer`: decode them before it is reused. Throws
 * `DecodeError` when a length does not fit, as happens when the receive buffer was too small.
 */
export function decodeMessages(buffer: Uint8Array): Message[] {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const out: Message[] = [];
  let at = 0;
  while (at < buffer.length) {
    const left = buffer.length - at;
    if (left < HEADER_SIZE)
      throw new DecodeError(`a message header takes ${HEADER_SIZE} bytes, ${left} are left`, at);
    const size = view.getUint32(at, true);
    if (size < HEADER_SIZE || size > left)
      throw new DecodeError(`message of ${size} bytes in ${left} bytes`, at);
    out.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      seq: view.getUint32(at + 8, true),
      pid: view.getUint32(at + 12, true),
      body: buffer.subarray(at + HEADER_SIZE, at + size),
    });
    at += (size + 3) & ~3;
  }
  return out;
}
