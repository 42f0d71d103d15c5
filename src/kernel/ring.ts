import koffi from "koffi";
import { sysError } from "./errno.ts";
import { bind, failedWith } from "./libc-bind.ts";
import { close } from "./libc.ts";

const c = {
  setup: bind<(number: number, entries: number, parameters: Uint8Array) => number>(
    "long syscall(long, long, void *)",
  ),
  enter: bind<
    (
      number: number,
      ring: number,
      submit: number,
      complete: number,
      flags: number,
      signals: null,
      size: number,
    ) => number
  >("long syscall(long, long, long, long, long, void *, long)"),
  register: bind<(number: number, ring: number, opcode: number, into: Uint8Array, count: number) => number>(
    "long syscall(long, long, long, void *, long)",
  ),
  munmap: bind<(memory: bigint, size: number) => number>("int munmap(void *, size_t)"),
} as const;
/** Not `bind`: what it gives is an address. */
const mmap = koffi.load(null).func("void *mmap(void *, size_t, int, int, int, int64_t)") as unknown as (
  near: null,
  size: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => bigint;
/** sys/mman.h */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** The same numbers on every architecture (asm-generic/unistd.h). */
const SYS = { setup: 425, enter: 426, register: 427 } as const;
// linux/io_uring.h, sys/mman.h
const SETUP = { SUBMIT_ALL: 1 << 7, NO_SQARRAY: 1 << 16 } as const;
const ENTER_GETEVENTS = 1;
const REGISTER_PROBE = 8;
const OFFSET = { RING: 0, SQES: 0x1000_0000 } as const;
const [PROT_READ_WRITE, MAP_SHARED_POPULATE] = [3, 0x8001];
export const RING_OP = { CLOSE: 19, EPOLL_CTL: 29, SOCKET: 45, URING_CMD: 46, BIND: 56, LISTEN: 57 } as const;

/** Calls by one system call. */
const ENTRIES = 128;
const SQE_WORDS = 16;
/** Word of an entry that comes back with its result. */
const USER_DATA = 8;
const CQE = 16;

/** A call to be made: the fields of struct io_uring_sqe, in 32-bit words from its start. */
export interface Entry {
  /** An entry's words; all but the first are zero. */
  readonly words: Int32Array;
  /** Index of the entry's first word. */
  readonly at: number;
}

/**
 * Makes many system calls of one kind by one (io_uring(7)), which takes the kernel a fraction of the time: entering and leaving
 * it costs more than most of what is done for sockets. Calls are carried out at once, on the calling thread and in its
 * namespace, since none of those in RING_OP waits.
 */
export class Ring implements Disposable {
  readonly #fd: number;
  readonly #memory: readonly { readonly pointer: bigint; readonly size: number }[];
  readonly #words: Int32Array;
  readonly #rings: Int32Array;
  /** Words of the rings: where the kernel reads submissions to; where completions begin and end; the first of them. */
  readonly #at: {
    readonly submitted: number;
    readonly head: number;
    readonly tail: number;
    readonly completions: number;
    readonly mask: number;
  };

  /** Undefined on a kernel before Linux 6.11, which cannot bind by a ring, and where rings are forbidden. */
  static open(): Ring | undefined {
    // struct io_uring_params: sizes and flags; at octet 40 the offsets of the submission ring, at 80 of the completion ring.
    const parameters = new Uint32Array(30);
    parameters[2] = SETUP.SUBMIT_ALL | SETUP.NO_SQARRAY;
    const fd = c.setup(SYS.setup, ENTRIES, new Uint8Array(parameters.buffer));
    if (fd < 0) return undefined;
    const probe = new Uint8Array(16 + 8 * 256);
    const known = c.register(SYS.register, fd, REGISTER_PROBE, probe, 256) >= 0 ? (probe[0] as number) : 0;
    if (known < RING_OP.LISTEN) {
      close(fd);
      return undefined;
    }
    return new Ring(fd, parameters);
  }

  private constructor(fd: number, parameters: Uint32Array) {
    const word = (index: number): number => parameters[index] as number;
    const cqes = word(25);
    const map = (size: number, offset: number): { pointer: bigint; size: number; words: Int32Array } => {
      const pointer = mmap(null, size, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset);
      if (pointer === MAP_FAILED) throw sysError("mmap", `fd ${fd}`);
      return { pointer, size, words: new Int32Array(koffi.view(pointer, size)) };
    };
    const rings = map(cqes + CQE * word(1), OFFSET.RING);
    const entries = map(4 * SQE_WORDS * ENTRIES, OFFSET.SQES);
    this.#fd = fd;
    this.#memory = [rings, entries];
    this.#words = entries.words;
    this.#rings = rings.words;
    this.#at = {
      submitted: word(11) / 4,
      head: word(20) / 4,
      tail: word(21) / 4,
      completions: cqes / 4,
      mask: word(1) - 1,
    };
  }

  /** Makes `count` calls that `write` describes; gives what each returned, a negative errno for a failure. */
  run(count: number, write: (entry: Entry, index: number) => void): Int32Array {
    const results = new Int32Array(count);
    for (let start = 0; start < count; start += ENTRIES) {
      this.#go(results, start, Math.min(ENTRIES, count - start), write);
    }
    return results;
  }

  #go(results: Int32Array, start: number, count: number, write: (entry: Entry, index: number) => void): void {
    const words = this.#words;
    const rings = this.#rings;
    const { submitted, head, tail, completions, mask } = this.#at;
    const from = rings[submitted] as number;
    for (let i = 0; i < count; i++) {
      const at = ((from + i) & (ENTRIES - 1)) * SQE_WORDS;
      words.fill(0, at, at + SQE_WORDS);
      words[at + USER_DATA] = start + i;
      write({ words, at }, start + i);
    }
    // The kernel reads it in the call that follows, on this thread: no barrier is needed.
    rings[submitted] = (from + count) | 0;
    for (let left = count; left > 0;) {
      const told = c.enter(SYS.enter, this.#fd, left, left, ENTER_GETEVENTS, null, 0);
      if (told < 0 && !failedWith("EINTR")) throw sysError("io_uring_enter", `fd ${this.#fd}`);
      let seen = rings[head] as number;
      for (const end = rings[tail] as number; seen !== end; seen = (seen + 1) | 0, left--) {
        const at = completions + (seen & mask) * (CQE / 4);
        results[rings[at] as number] = rings[at + 2] as number;
      }
      rings[head] = seen;
    }
  }

  [Symbol.dispose](): void {
    for (const { pointer, size } of this.#memory) c.munmap(pointer, size);
    close(this.#fd);
  }
}
