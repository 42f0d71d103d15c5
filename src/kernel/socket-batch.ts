import koffi from "koffi";
import type { NetError } from "../base/errors.ts";
import { errnoError } from "./errno.ts";
import { bindSocket, close, EPOLL, listen, setSocketOption, SOCK, socket } from "./libc.ts";
import { epollAdd, epollEvent, epollRemove } from "./libc-poll.ts";
import { Ring, RING_OP } from "./ring.ts";

/** What becomes of one of many calls that failed; the others are made all the same. */
export type Failed = (index: number, error: NetError) => void;

/** The same done to many sockets. */
export interface SocketBatch {
  /** Close-on-exec. All or none: throws `kernel`. */
  open(
    kind: { readonly domain: number; readonly type: number; readonly protocol: number },
    count: number,
  ): number[];
  setOption(fds: readonly number[], level: number, option: number, value: number): void;
  /** To the addresses, one behind the other, each as long. */
  bind(fds: readonly number[], addresses: Uint8Array, failed: Failed): void;
  listen(fds: readonly number[], backlog: number, failed: Failed): void;
  watch(epoll: number, fds: readonly number[], events: number): void;
  unwatch(epoll: number, fds: readonly number[]): void;
  close(fds: readonly number[]): void;
}

/** One call after the other. */
export const ONE_BY_ONE: SocketBatch = {
  open({ domain, type, protocol }, count) {
    const fds: number[] = [];
    try {
      for (let i = 0; i < count; i++) fds.push(socket(domain, type, protocol));
      return fds;
    } catch (error) {
      for (const fd of fds) close(fd);
      throw error;
    }
  },
  setOption(fds, level, option, value) {
    for (const fd of fds) setSocketOption(fd, level, option, value);
  },
  bind(fds, addresses, failed) {
    const size = addresses.length / fds.length;
    each(fds, failed, (fd, i) => bindSocket(fd, addresses.subarray(i * size, (i + 1) * size), `fd ${fd}`));
  },
  listen(fds, backlog, failed) {
    each(fds, failed, (fd) => listen(fd, backlog));
  },
  watch(epoll, fds, events) {
    for (const fd of fds) epollAdd(epoll, fd, events);
  },
  unwatch(epoll, fds) {
    for (const fd of fds) epollRemove(epoll, fd);
  },
  close(fds) {
    for (const fd of fds) close(fd);
  },
};

function each(fds: readonly number[], failed: Failed, run: (fd: number, index: number) => void): void {
  for (const [i, fd] of fds.entries()) {
    try {
      run(fd, i);
    } catch (error) {
      failed(i, error as NetError);
    }
  }
}

/** linux/io_uring.h: the command of an IORING_OP_URING_CMD on a socket. */
const SOCKET_URING_OP_SETSOCKOPT = 3;

/** Many calls by one system call. One call alone is no dearer without it, and there the fields of an entry are in words. */
export class RingBatch implements SocketBatch {
  readonly #ring: Ring;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  open(
    { domain, type, protocol }: { readonly domain: number; readonly type: number; readonly protocol: number },
    count: number,
  ): number[] {
    const results = this.#ring.run(count, ({ words, at }) => {
      words[at] = RING_OP.SOCKET;
      words[at + 1] = domain;
      words[at + 2] = type | SOCK.CLOEXEC;
      words[at + 6] = protocol;
    });
    const bad = results.find((result) => result < 0);
    if (bad === undefined) return [...results];
    this.close([...results].filter((result) => result >= 0));
    throw errnoError("socket", `(domain ${domain}, type ${type}, protocol ${protocol})`, -bad);
  }

  setOption(fds: readonly number[], level: number, option: number, value: number): void {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    const address = wordsOf(koffi.address(bytes));
    const results = this.#ring.run(fds.length, ({ words, at }, i) => {
      words[at] = RING_OP.URING_CMD;
      words[at + 1] = fds[i] as number;
      words[at + 2] = SOCKET_URING_OP_SETSOCKOPT;
      words[at + 4] = level;
      words[at + 5] = option;
      words[at + 11] = bytes.length;
      [words[at + 12], words[at + 13]] = address;
    });
    const bad = results.findIndex((result) => result < 0);
    if (bad < 0) return;
    // Only a kernel that lacks the command refuses what the call may do.
    ONE_BY_ONE.setOption(fds, level, option, value);
  }

  bind(fds: readonly number[], addresses: Uint8Array, failed: Failed): void {
    const size = addresses.length / fds.length;
    const base = koffi.address(addresses);
    const results = this.#ring.run(fds.length, ({ words, at }, i) => {
      words[at] = RING_OP.BIND;
      words[at + 1] = fds[i] as number;
      words[at + 2] = size;
      [words[at + 4], words[at + 5]] = wordsOf(base + BigInt(i * size));
    });
    tell(results, failed, "bind", fds);
  }

  listen(fds: readonly number[], backlog: number, failed: Failed): void {
    const results = this.#ring.run(fds.length, ({ words, at }, i) => {
      words[at] = RING_OP.LISTEN;
      words[at + 1] = fds[i] as number;
      words[at + 6] = backlog;
    });
    tell(results, failed, "listen", fds);
  }

  watch(epoll: number, fds: readonly number[], events: number): void {
    const one = epollEvent(events, 0).length;
    const memory = new Uint8Array(one * fds.length);
    for (const [i, fd] of fds.entries()) memory.set(epollEvent(events, fd), i * one);
    this.#control(epoll, fds, EPOLL.CTL_ADD, memory);
  }

  unwatch(epoll: number, fds: readonly number[]): void {
    this.#control(epoll, fds, EPOLL.CTL_DEL, new Uint8Array(epollEvent(0, 0).length * fds.length));
  }

  #control(epoll: number, fds: readonly number[], op: number, events: Uint8Array): void {
    const size = events.length / fds.length;
    const base = koffi.address(events);
    const results = this.#ring.run(fds.length, ({ words, at }, i) => {
      words[at] = RING_OP.EPOLL_CTL;
      words[at + 1] = epoll;
      words[at + 2] = fds[i] as number;
      [words[at + 4], words[at + 5]] = wordsOf(base + BigInt(i * size));
      words[at + 6] = op;
    });
    tell(results, (_, error) => raise(error), "epoll_ctl", fds);
  }

  close(fds: readonly number[]): void {
    this.#ring.run(fds.length, ({ words, at }, i) => {
      words[at] = RING_OP.CLOSE;
      words[at + 1] = fds[i] as number;
    });
  }
}

function wordsOf(address: bigint): [number, number] {
  return [Number(address & 0xffff_ffffn) | 0, Number(address >> 32n)];
}

function tell(results: Int32Array, failed: Failed, call: string, fds: readonly number[]): void {
  for (const [i, result] of results.entries()) {
    if (result < 0) failed(i, errnoError(call, `fd ${fds[i]}`, -result));
  }
}

function raise(error: NetError): never {
  throw error;
}

/** Fewer calls than this are made one by one: the ring's own cost is about theirs. */
const WORTH = 4;

/** Chooses by the number of sockets. The ring is opened when it is first of use. */
export class SocketBatches {
  #ring: Ring | undefined;
  #batch: SocketBatch | undefined;

  for(count: number): SocketBatch {
    if (count < WORTH) return ONE_BY_ONE;
    if (this.#batch !== undefined) return this.#batch;
    this.#ring = Ring.open();
    this.#batch = this.#ring === undefined ? ONE_BY_ONE : new RingBatch(this.#ring);
    return this.#batch;
  }

  close(): void {
    this.#ring?.[Symbol.dispose]();
    this.#ring = undefined;
    this.#batch = ONE_BY_ONE;
  }
}
