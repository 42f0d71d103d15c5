import koffi from "koffi";
import { bind, failedWith } from "./libc-bind.ts";
import { attachFilter, close, type FilterInstruction, SO, SOL } from "./libc.ts";
import type { SocketBatch } from "./socket-batch.ts";

/** What a socket hears of: everything, nothing, or packets sent to ::1 only. */
export type Passing = "all" | "nothing" | "to ::1";

/** A 32-bit word of the IP header, and what it has to be. */
type Test = readonly [at: number, mask: number, equals: number];

/** RFC 8200: the version is in the first four bits, the destination from octet 24 on. */
const TO_LOOPBACK6: readonly Test[] = [
  [0, 0xf000_0000, 0x6000_0000],
  [24, 0xffff_ffff, 0],
  [28, 0xffff_ffff, 0],
  [32, 0xffff_ffff, 0],
  [36, 0xffff_ffff, 1],
];

/** linux/filter.h: offsets from here on count from the IP header. */
const SKF_NET_OFF = -0x10_0000;
/** linux/bpf_common.h and linux/bpf.h: classes, sizes, modes and operations, put together. */
const OP = {
  LD_W_ABS: 0x20,
  AND_K: 0x54,
  JEQ_K: 0x15,
  RET_K: 0x06,
  MOV64_X: 0xbf,
  MOV32_K: 0xb4,
  JNE_K: 0x55,
  EXIT: 0x95,
} as const;
const WHOLE = 0xffff_ffff;

const syscall = bind<(number: number, command: number, attributes: Uint8Array, size: number) => number>(
  "long syscall(long, long, void *, long)",
);
/** asm/unistd.h */
const SYS_bpf = process.arch === "x64" ? 321 : 280;
/** linux/bpf.h: enum bpf_cmd, enum bpf_prog_type */
const BPF_PROG_LOAD = 5;
const BPF_PROG_TYPE_SOCKET_FILTER = 1;
const LOAD_TRIES = 5;

/**
 * Filters that sockets share. Each socket's own classic filter is compiled anew by the kernel, which takes it about as long as
 * twenty other calls; an eBPF program is compiled once, at the first use. Where bpf(2) is refused, sockets get classic ones.
 */
export class SocketFilters {
  /** Descriptors; undefined where the kernel refused. */
  readonly #programs = new Map<Passing, number | undefined>();

  attach(fds: readonly number[], passing: Passing, batch: SocketBatch): void {
    if (passing === "all") {
      batch.setOption(fds, SOL.SOCKET, SO.DETACH_FILTER, 0);
      return;
    }
    if (!this.#programs.has(passing)) this.#programs.set(passing, load(passing));
    const program = this.#programs.get(passing);
    if (program !== undefined) batch.setOption(fds, SOL.SOCKET, SO.ATTACH_BPF, program);
    else for (const fd of fds) attachFilter(fd, classicFilter(passing));
  }

  close(): void {
    for (const fd of this.#programs.values()) if (fd !== undefined) close(fd);
    this.#programs.clear();
  }
}

type Filter = Exclude<Passing, "all">;

/** The tests of which all must hold; undefined: nothing passes. */
const TESTS: Readonly<Record<Filter, readonly Test[] | undefined>> = {
  nothing: undefined,
  "to ::1": TO_LOOPBACK6,
};

/** As a classic program (Documentation/networking/filter.rst). */
export function classicFilter(passing: Filter): FilterInstruction[] {
  const drop: FilterInstruction = [OP.RET_K, 0, 0, 0];
  const tests = TESTS[passing];
  if (tests === undefined) return [drop];
  const body = tests.flatMap(([at, mask, equals], i): FilterInstruction[] => [
    [OP.LD_W_ABS, 0, 0, (SKF_NET_OFF + at) >>> 0],
    [OP.AND_K, 0, 0, mask],
    // Jumps count instructions past the next; the last one but one lets through, the last one drops.
    [OP.JEQ_K, 0, 3 * (tests.length - 1 - i) + 1, equals],
  ]);
  return [...body, [OP.RET_K, 0, 0, WHOLE], drop];
}

/** The same as eBPF; undefined when this process may not load it. */
function load(passing: Filter): number | undefined {
  const tests = TESTS[passing];
  const end = [instruction(OP.MOV32_K, 0, 0, 0), instruction(OP.EXIT, 0, 0, 0)];
  const body = (tests ?? []).flatMap(([at, mask, equals], i, all) => [
    instruction(OP.LD_W_ABS, 0, 0, SKF_NET_OFF + at),
    instruction(OP.AND_K, 0, 0, mask),
    instruction(OP.JNE_K, 0, 3 * (all.length - 1 - i) + 2, equals),
  ]);
  // LD_ABS reads the packet that register 6 points to (the context comes in register 1), into register 0.
  const pass = [instruction(OP.MOV32_K, 0, 0, WHOLE), instruction(OP.EXIT, 0, 0, 0)];
  const program = tests === undefined ? end : [instruction(OP.MOV64_X, 0x16, 0, 0), ...body, ...pass, ...end];
  const code = Uint8Array.from(program.flatMap((one) => [...one]));
  const license = new TextEncoder().encode("Apache-2.0\0");
  // union bpf_attr of BPF_PROG_LOAD: type, count of instructions, their address, address of the licence's name.
  const attributes = new Uint8Array(48);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, BPF_PROG_TYPE_SOCKET_FILTER, true);
  view.setUint32(4, program.length, true);
  view.setBigUint64(8, koffi.address(code), true);
  view.setBigUint64(16, koffi.address(license), true);
  for (let left = LOAD_TRIES; left > 0; left--) {
    const fd = syscall(SYS_bpf, BPF_PROG_LOAD, attributes, attributes.length);
    if (fd >= 0) return fd;
    // A signal came while it was checked (do_check in kernel/bpf/verifier.c).
    if (!failedWith("EAGAIN")) return undefined;
  }
  return undefined;
}

/** struct bpf_insn: code, source and destination register in a nibble each, offset, operand. */
function instruction(code: number, registers: number, offset: number, operand: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, code);
  view.setUint8(1, registers);
  view.setInt16(2, offset, true);
  view.setInt32(4, operand | 0, true);
  return bytes;
}
