import { NetError } from "../base/errors.ts";
import { type Ack, decodeAck, decodeDone, dumpInterrupted } from "../wire/netlink/ack.ts";
import { decodeMessages, encodeBatch, type Message, type Request } from "../wire/netlink/message.ts";
import { NETLINK_OPT, NLM_F, NLMSG } from "../wire/netlink/numbers.ts";
import { errnoError, hasErrno } from "./errno.ts";
import {
  AF,
  bindSocket,
  close,
  LOST,
  MSG,
  receive,
  send,
  sendAsync,
  setSocketOption,
  SO,
  SOCK,
  socket,
  socketName,
  SOL,
} from "./libc.ts";

/** How often a dump is repeated because the table changed meanwhile, before the caller is told. */
const MAX_DUMPS = 32;
/** Answers to one send must fit the socket's receive buffer at once, since nobody reads meanwhile. */
const MAX_BATCH = 100;
/** Requests whose answers fit whatever buffer the machine gives a socket (net.core.rmem_default). */
const FEW = 8;
/** Bytes that every send buffer takes (SOCK_MIN_SNDBUF is 4608 with its overhead). */
const SMALL = 2048;
/** A link's answer counts for up to 8 KiB; the kernel doubles the number given. Nothing is allocated ahead. */
const RECEIVE_BUFFER = 0x10_0000;

/** What one request got. */
export interface Reply {
  /** Of a failed request, or of the last one; absent: it succeeded. */
  readonly ack?: Ack | undefined;
  /** Answers other than acks. Their bodies own their memory. */
  readonly messages: readonly Message[];
}

/**
 * A netlink socket in the namespace in which it was opened. The kernel answers a request inside `send`, so requests are
 * plain synchronous calls; what waits in the kernel (deleting links) goes through `transactAsync`, on a socket of its own.
 */
export class NetlinkSocket {
  readonly fd: number;
  readonly #buffer: Uint8Array;
  #seq = 1;
  #portId: number | undefined;
  #sendSize = SMALL;
  #receivesMany = false;

  /**
   * `family` is NETLINK.*, `buffer` is where answers land: 64 KiB or more, and may serve any number of sockets. A sandbox's
   * sockets live for a message or two, so what those do not need is not set before it is.
   */
  constructor(family: number, buffer: Uint8Array) {
    this.#buffer = buffer;
    this.fd = socket(AF.NETLINK, SOCK.RAW, family);
    try {
      // The kernel's own words on errors; without the request repeated; and filters of dumps that are not ignored.
      setSocketOption(this.fd, SOL.NETLINK, NETLINK_OPT.EXT_ACK, 1);
      setSocketOption(this.fd, SOL.NETLINK, NETLINK_OPT.CAP_ACK, 1);
      setSocketOption(this.fd, SOL.NETLINK, NETLINK_OPT.GET_STRICT_CHK, 1);
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  /** The kernel's name for this socket: notifications caused by it carry the number. */
  get portId(): number {
    this.#portId ??= this.#boundPort() || this.#bind();
    return this.#portId;
  }

  /**
   * Sends the requests in as few calls as possible and returns what each got, in order. The kernel goes on after a failed
   * request. NLM_F.ACK is set where needed; only failures and the last request have an ack.
   */
  transact(requests: readonly Request[]): Reply[] {
    const replies: Reply[] = [];
    for (let at = 0; at < requests.length; at += MAX_BATCH) {
      const batch = this.#encode(requests.slice(at, at + MAX_BATCH));
      send(this.fd, batch.bytes);
      replies.push(...this.#collect(batch.firstSeq, batch.count));
    }
    return replies;
  }

  /** As `transact`, with the sending in libuv's pool. At most MAX_BATCH requests, and one call at a time. */
  async transactAsync(requests: readonly Request[]): Promise<Reply[]> {
    const batch = this.#encode(requests);
    await sendAsync(this.fd, batch.bytes);
    return this.#collect(batch.firstSeq, batch.count);
  }

  /** All objects, each as `decode` makes it. A dump during which the table changed is repeated. */
  dump<T>(request: Request, decode: (message: Message) => T): T[] {
    this.#expectMany();
    for (let i = 0; i < MAX_DUMPS; i++) {
      const firstSeq = this.#seq++;
      send(
        this.fd,
        encodeBatch([{ ...request, flags: request.flags | NLM_F.REQUEST | NLM_F.DUMP }], { firstSeq }),
      );
      const objects = this.#collectDump(firstSeq, decode);
      if (objects !== undefined) return objects;
    }
    throw new NetError("unavailable", "netlink.dump", {
      message: `the kernel's table changed during each of ${MAX_DUMPS} dumps (message type ${request.type})`,
    });
  }

  /**
   * Sends bytes made elsewhere (an nf_tables transaction) and returns the acks; an empty list means that the kernel gave
   * none. The buffer grows as needed: a transaction must be one send.
   */
  sendRaw(bytes: Uint8Array): Ack[] {
    if (bytes.length > this.#sendSize) {
      // netlink_sendmsg refuses what exceeds the send buffer less some overhead; the kernel doubles the number given.
      this.#sendSize = Math.max(bytes.length, 0x2_0000);
      enlarge(this.fd, SO.SNDBUFFORCE, SO.SNDBUF, this.#sendSize);
    }
    send(this.fd, bytes);
    const acks: Ack[] = [];
    this.#drain((message) => {
      if (message.type === NLMSG.ERROR) acks.push(decodeAck(message));
      return true;
    });
    return acks;
  }

  /** Multicast notifications. ENOBUFS in `lost` means that some did not fit, and only a dump tells what is. */
  receiveEvents(each: (message: Message) => void): { readonly lost: boolean } {
    let lost = false;
    for (;;) {
      const size = receive(this.fd, this.#buffer, MSG.DONTWAIT);
      if (size === -1) return { lost };
      if (size === LOST) lost = true;
      else for (const message of decodeMessages(this.#buffer.subarray(0, size))) each(message);
    }
  }

  /** Room for notifications that nobody reads at the moment. */
  enlargeReceiveBuffer(bytes: number): void {
    enlarge(this.fd, SO.RCVBUFFORCE, SO.RCVBUF, bytes);
  }

  join(group: number): void {
    // A socket without a number hears nothing.
    this.#portId ??= this.portId;
    setSocketOption(this.fd, SOL.NETLINK, NETLINK_OPT.ADD_MEMBERSHIP, group);
  }

  close(): void {
    close(this.fd);
  }

  /** The first message does it, too (netlink_sendmsg), but a socket that only listens sends none. */
  #bind(): number {
    // struct sockaddr_nl with everything left to the kernel.
    const address = new Uint8Array(12);
    address[0] = AF.NETLINK;
    bindSocket(this.fd, address, "netlink");
    return this.#boundPort();
  }

  /** 0 when the socket has none yet. */
  #boundPort(): number {
    const name = socketName(this.fd);
    return new DataView(name.buffer, name.byteOffset).getUint32(4, true);
  }

  #expectMany(): void {
    if (this.#receivesMany) return;
    this.#receivesMany = true;
    enlarge(this.fd, SO.RCVBUFFORCE, SO.RCVBUF, RECEIVE_BUFFER);
  }

  #encode(requests: readonly Request[]): { bytes: Uint8Array; firstSeq: number; count: number } {
    if (requests.length > FEW) this.#expectMany();
    const firstSeq = this.#seq;
    this.#seq += requests.length;
    const last = requests.length - 1;
    // Failures are always acknowledged; the last request's ack tells that nothing more comes.
    const flagged = requests.map((r, i) => ({
      ...r,
      flags: (r.flags & ~NLM_F.ACK) | NLM_F.REQUEST | (i === last ? NLM_F.ACK : 0),
    }));
    return { bytes: encodeBatch(flagged, { firstSeq }), firstSeq, count: requests.length };
  }

  #collect(firstSeq: number, count: number): Reply[] {
    const replies = Array.from({ length: count }, (): { ack?: Ack; messages: Message[] } => ({
      messages: [],
    }));
    let done = count === 0;
    if (!done) {
      this.#drain((message) => {
        const at = message.seq - firstSeq;
        const reply = replies[at];
        // Left over from a conversation that was cut short.
        if (reply === undefined) return true;
        if (message.type === NLMSG.ERROR) {
          reply.ack = decodeAck(message);
          done = at === count - 1;
        } else reply.messages.push({ ...message, body: message.body.slice() });
        return !done;
      });
    }
    if (!done) throw noAnswer();
    return replies;
  }

  /** Undefined when the table changed meanwhile. */
  #collectDump<T>(seq: number, decode: (message: Message) => T): T[] | undefined {
    const objects: T[] = [];
    let interrupted = false;
    let done = false;
    this.#drain((message) => {
      if (message.seq !== seq) return true;
      if (dumpInterrupted(message)) interrupted = true;
      if (message.type === NLMSG.ERROR || message.type === NLMSG.DONE) {
        done = true;
        const { errno } = message.type === NLMSG.ERROR ? decodeAck(message) : decodeDone(message);
        if (errno !== 0) throw errnoError("netlink.dump", `message type ${message.type}`, errno);
      } else if (!interrupted) objects.push(decode(message));
      return !done;
    });
    if (!done) throw noAnswer();
    return interrupted ? undefined : objects;
  }

  /** Reads until `each` says no or nothing is left. */
  #drain(each: (message: Message) => boolean): void {
    for (;;) {
      const size = receive(this.fd, this.#buffer, MSG.DONTWAIT | MSG.TRUNC);
      if (size === -1) return;
      if (size === LOST || size > this.#buffer.length) {
        throw new NetError("internal", "netlink.receive", {
          message: `an answer of the kernel did not fit: ${size} bytes`,
        });
      }
      let more = true;
      for (const message of decodeMessages(this.#buffer.subarray(0, size))) {
        more = each(message);
        if (!more) break;
      }
      if (!more) return;
    }
  }
}

/**
 * Beyond the machine's limit (net.core.rmem_max, wmem_max) only its own root may go. The root of a user namespace gets what
 * the limit allows.
 */
function enlarge(fd: number, force: number, plain: number, bytes: number): void {
  try {
    setSocketOption(fd, SOL.SOCKET, force, bytes);
  } catch (error) {
    if (!hasErrno(error, "EPERM")) throw error;
    setSocketOption(fd, SOL.SOCKET, plain, bytes);
  }
}

function noAnswer(): NetError {
  return new NetError("internal", "netlink.receive", { message: "the kernel gave no answer to a request" });
}
