import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { NetlinkSocket } from "../../src/kernel/netlink-socket.ts";
import { getLink } from "../../src/wire/netlink/link.ts";
import { NETLINK } from "../../src/wire/netlink/numbers.ts";
import type { GarbageCollection, Memory, Operation, Sample } from "./subject.ts";

/** Rest after each timed operation: the kernel's and libuv's after-work of one must not fall into the next. */
const REST_MS = 15;

/** Times operations, one after another, and knows which of them the garbage collector interrupted. */
export class Stopwatch {
  #samples: Sample[] = [];
  #windows: { readonly from: number; readonly to: number }[] = [];
  readonly #pauses: { readonly from: number; readonly to: number }[] = [];
  readonly #observer = new PerformanceObserver((list) => this.#note(list.getEntries()));
  readonly #rests: boolean;

  /** `rests`: false for warm-ups. */
  constructor(options: { readonly rests: boolean }) {
    this.#rests = options.rests;
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  async time<T>(operation: Operation, run: () => Promise<T> | T): Promise<T> {
    const result = await this.timeInRow(operation, run);
    await this.rest();
    return result;
  }

  /** As `time`, and the next may follow at once. */
  async timeInRow<T>(operation: Operation, run: () => Promise<T> | T): Promise<T> {
    const from = performance.now();
    const result = await run();
    const to = performance.now();
    this.add(operation, undefined, to - from);
    this.#windows.push({ from, to });
    return result;
  }

  async rest(): Promise<void> {
    if (this.#rests) await sleep(REST_MS);
  }

  add(operation: Operation, part: string | undefined, milliseconds: number): void {
    this.#samples.push({ operation, part, milliseconds });
  }

  take(): Sample[] {
    const taken = this.#samples;
    this.#samples = [];
    return taken;
  }

  garbage(): GarbageCollection {
    this.#note(this.#observer.takeRecords());
    const pauses = this.#pauses.splice(0);
    const windows = this.#windows;
    this.#windows = [];
    const lengths = pauses.map(({ from, to }) => to - from);
    return {
      pauses: pauses.length,
      totalMs: lengths.reduce((sum, one) => sum + one, 0),
      longestMs: Math.max(0, ...lengths),
      operationsHit: windows.filter((w) => pauses.some((p) => p.from < w.to && p.to > w.from)).length,
    };
  }

  #note(entries: readonly { readonly startTime: number; readonly duration: number }[]): void {
    for (const { startTime, duration } of entries)
      this.#pauses.push({ from: startTime, to: startTime + duration });
  }
}

/** Asks the kernel, outside of all timing, whether links are there. */
export class LinkWatch {
  readonly #socket = new NetlinkSocket(NETLINK.ROUTE, new Uint8Array(0x1_0000));

  has(name: string): boolean {
    return this.#socket.transact([getLink({ name })])[0]?.messages.length === 1;
  }

  /** Resolves when the kernel has reaped links, as it does some time after their namespace was dropped. */
  async gone(...names: readonly string[]): Promise<void> {
    while (names.some((name) => this.has(name))) await sleep(2);
    await sleep(REST_MS);
  }
}

export function memoryOf(pid: number): Memory {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return {
    residentBytes: Number(kilobytes) * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** Name of the network namespace this process is in. */
export function ownNamespace(): string {
  return readlinkSync("/proc/self/ns/net");
}

/** A subject must never work in the machine's own namespace; the coordinator says which that is. */
export function refuseMachine(machine: string | undefined): void {
  if (machine === undefined || machine === ownNamespace())
    throw new Error(
      "this changes links and rules: start it by `npm run bench`, which gives it a network of its own",
    );
}
