import koffi from "koffi";
import { NetError } from "../base/errors.ts";
import type { DatagramIo } from "../model/datagrams.ts";
import { bind } from "./libc-bind.ts";
import { MSG } from "./libc.ts";

const c = {
  recvmmsg: bind<(fd: number, messages: Uint8Array, count: number, flags: number, timeout: null) => number>(
    "int recvmmsg(int, void *, unsigned int, int, void *)",
  ),
  sendmmsg: bind<(fd: number, messages: Uint8Array, count: number, flags: number) => number>(
    "int sendmmsg(int, void *, unsigned int, int)",
  ),
  sendto: bind<
    (fd: number, bytes: Uint8Array, size: number, flags: number, to: Uint8Array, toSize: number) => number
  >("int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)"),
} as const;

/** Messages by one system call. */
const COUNT = 64;
/** Room for each; longer ones are cut. */
const SIZE = 4096;

// struct mmsghdr (sys/socket.h) on a 64-bit machine: name, its length, vector, its length, control, its length, flags; then
// the length of the message. In 32-bit words.
const MMSGHDR = 64;
const AT = { NAME: 0, NAME_LENGTH: 2, VECTOR: 4, VECTOR_LENGTH: 6, LENGTH: 14 } as const;
const WORDS = MMSGHDR / 4;
const IOVEC = 16;
/** Room for a sockaddr_in6. */
const SOCKADDR = 28;
const SOCKADDR_ROOM = 32;

/** Memory that the kernel reads and writes by address; `koffi.address` is that of an ArrayBuffer too large to be moved. */
function headers(room: { readonly names: bigint; readonly data: bigint }): Uint32Array {
  const vectors = MMSGHDR * COUNT;
  const memory = new ArrayBuffer(vectors + IOVEC * COUNT);
  const view = new DataView(memory);
  const base = koffi.address(new Uint8Array(memory));
  for (let i = 0; i < COUNT; i++) {
    const header = MMSGHDR * i;
    const vector = vectors + IOVEC * i;
    view.setBigUint64(header + 4 * AT.NAME, room.names + BigInt(SOCKADDR_ROOM * i), true);
    view.setUint32(header + 4 * AT.NAME_LENGTH, SOCKADDR, true);
    view.setBigUint64(header + 4 * AT.VECTOR, base + BigInt(vector), true);
    view.setBigUint64(header + 4 * AT.VECTOR_LENGTH, 1n, true);
    view.setBigUint64(vector, room.data + BigInt(SIZE * i), true);
    view.setBigUint64(vector + 8, BigInt(SIZE), true);
  }
  return new Uint32Array(memory);
}

/** What recvmmsg and sendmmsg are given: the headers from each index on. */
function tails(words: Uint32Array): readonly Uint8Array[] {
  return Array.from({ length: COUNT }, (_, i) => new Uint8Array(words.buffer, MMSGHDR * i));
}

/** `DatagramIo` by recvmmsg(2) and sendmmsg(2). It belongs to one thread. */
export class Datagrams implements DatagramIo {
  readonly #names = new Uint8Array(SOCKADDR_ROOM * COUNT);
  readonly #received = new Uint8Array(SIZE * COUNT);
  readonly #answers = new Uint8Array(SIZE * COUNT);
  readonly #nameBase: bigint = koffi.address(this.#names);
  readonly #in = headers({ names: this.#nameBase, data: koffi.address(this.#received) });
  readonly #out = headers({ names: this.#nameBase, data: koffi.address(this.#answers) });
  readonly #inTails = tails(this.#in);
  readonly #outTails = tails(this.#out);
  /** Addresses of the senders' addresses, two words each. */
  readonly #nameWords = new Uint32Array(
    BigUint64Array.from({ length: COUNT }, (_, i) => this.#nameBase + BigInt(SOCKADDR_ROOM * i)).buffer,
  );
  /** The sockets that messages came to, and those that answers go out by. */
  readonly #cameTo = new Int32Array(COUNT);
  readonly #goesBy = new Int32Array(COUNT);
  #taken = 0;
  #put = 0;

  get taken(): number {
    return this.#taken;
  }

  get room(): number {
    return COUNT - this.#taken;
  }

  receive(fd: number, most: number): number {
    const first = this.#taken;
    const count = Math.min(most, COUNT - first);
    if (count === 0) return 0;
    // Nothing there, or an error of an earlier answer ("port unreachable"), which is nobody's concern any more.
    const got = Math.max(c.recvmmsg(fd, this.#inTails[first] as Uint8Array, count, MSG.DONTWAIT, null), 0);
    this.#cameTo.fill(fd, first, first + got);
    this.#taken = first + got;
    return got;
  }

  message(index: number): Uint8Array {
    const length = this.#in[index * WORDS + AT.LENGTH] as number;
    return this.#received.subarray(SIZE * index, SIZE * index + length);
  }

  sender(index: number): Uint8Array {
    const start = SOCKADDR_ROOM * index;
    return this.#names.slice(start, start + (this.#in[index * WORDS + AT.NAME_LENGTH] as number));
  }

  answer(index: number, bytes: Uint8Array): void {
    if (bytes.length > SIZE) {
      throw new NetError("internal", "datagrams.answer", {
        message: `${bytes.length} octets are more than ${SIZE}`,
      });
    }
    const slot = this.#put++;
    this.#answers.set(bytes, SIZE * slot);
    this.#goesBy[slot] = this.#cameTo[index] as number;
    this.#out[slot * WORDS + AT.NAME] = this.#nameWords[2 * index] as number;
    this.#out[slot * WORDS + AT.NAME + 1] = this.#nameWords[2 * index + 1] as number;
    this.#out[slot * WORDS + AT.NAME_LENGTH] = this.#in[index * WORDS + AT.NAME_LENGTH] as number;
    this.#out[(MMSGHDR * COUNT + IOVEC * slot + 8) / 4] = bytes.length;
  }

  send(): void {
    let done = 0;
    while (done < this.#put) {
      const fd = this.#goesBy[done] as number;
      let end = done + 1;
      while (end < this.#put && this.#goesBy[end] === fd) end++;
      while (done < end) {
        const sent = c.sendmmsg(fd, this.#outTails[done] as Uint8Array, end - done, MSG.DONTWAIT);
        // The first of them could not be sent: lost, and the others go on.
        done += Math.max(sent, 1);
      }
    }
    this.#put = 0;
    // The kernel wrote the lengths of the addresses where their room stood.
    for (let i = 0; i < this.#taken; i++) this.#in[i * WORDS + AT.NAME_LENGTH] = SOCKADDR;
    this.#taken = 0;
  }

  sendTo(fd: number, bytes: Uint8Array, to: Uint8Array): void {
    c.sendto(fd, bytes, bytes.length, MSG.DONTWAIT, to, to.length);
  }
}
