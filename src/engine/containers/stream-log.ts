/* oxlint-disable no-await-in-loop -- a log is read front to back, one block after the other */
import {
  closeSync,
  fstatSync,
  type FSWatcher,
  mkdirSync,
  openSync,
  read as readFile,
  readSync,
  statSync,
  watch,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Clock } from "../../base/clock.ts";

export const STREAMS = ["stdout", "stderr"] as const;
export type StreamName = (typeof STREAMS)[number];

/** Something that was written, and when we saw it. */
export interface LogPiece {
  readonly timeMs: number;
  readonly stream: StreamName;
  readonly bytes: Uint8Array;
}

/** Of the index: time, size of stdout and size of stderr at that time, each a little-endian u64. */
const RECORD_BYTES = 24;
const BLOCK_BYTES = 64 * 1024;

interface Record {
  readonly timeMs: number;
  readonly stdout: number;
  readonly stderr: number;
}

const START: Record = { timeMs: 0, stdout: 0, stderr: 0 };

/**
 * The output of a container, over all its runs: two files that the kernel itself appends to, so that they go on without the
 * daemon, and an index in which the daemon notes when each of them grew. What was written while no daemon ran gets the time
 * at which the next one looked. Order between the two streams is kept as far as they were seen apart.
 */
export class StreamLog {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #index: number | undefined;
  #watchers: FSWatcher[] = [];
  #last: Record;
  #records: number;
  /** Whether something may write. */
  #live = false;
  /** How often what wrote has ended. */
  #ends = 0;

  constructor(dir: string, clock: Clock) {
    this.#dir = dir;
    this.#clock = clock;
    mkdirSync(dir, { recursive: true, mode: 0o750 });
    for (const stream of STREAMS) closeSync(openSync(this.path(stream), "a", 0o640));
    const index = openSync(join(dir, "index"), "a+", 0o640);
    this.#records = Math.floor(fstatSync(index).size / RECORD_BYTES);
    const bytes = new Uint8Array(RECORD_BYTES);
    this.#last =
      this.#records === 0 ||
      readSync(index, bytes, 0, RECORD_BYTES, (this.#records - 1) * RECORD_BYTES) < RECORD_BYTES
        ? START
        : decode(bytes, 0);
    closeSync(index);
  }

  path(stream: StreamName): string {
    return join(this.#dir, stream);
  }

  get live(): boolean {
    return this.#live;
  }

  /** How many records there are now; from here on is the future. */
  get end(): number {
    this.#sync();
    return this.#records;
  }

  /** A command is about to write, or writes already. */
  begin(): void {
    if (this.#live) return;
    this.#live = true;
    this.#index = openSync(join(this.#dir, "index"), "a", 0o640);
    for (const stream of STREAMS) {
      // It may have grown while nobody watched.
      const watcher = watch(this.path(stream), { persistent: false }, () => this.#sync());
      watcher.on("error", () => this.#sync());
      this.#watchers.push(watcher);
    }
    this.#sync();
  }

  /** Nothing writes any more: who follows reads the rest and ends. */
  finish(): void {
    if (!this.#live) return;
    this.#sync();
    this.close();
    this.#ends += 1;
    this.#ring();
  }

  /** Stops watching; the writers go on. */
  close(): void {
    this.#live = false;
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    if (this.#index !== undefined) closeSync(this.#index);
    this.#index = undefined;
  }

  /**
   * Pieces from a record on (0: all). `follow`: goes on until nothing writes any more, or, where nothing does yet, until
   * what is started next has ended.
   */
  async *read(request: {
    readonly from: number;
    readonly follow: boolean;
    readonly left: AbortSignal;
  }): AsyncGenerator<LogPiece, void, undefined> {
    const { follow, left } = request;
    // A short run may begin and end between two looks.
    const ends = this.#ends;
    this.#sync();
    const opened: number[] = [];
    const wake = (): void => this.#ring();
    left.addEventListener("abort", wake);
    try {
      // Before anything is awaited: the container may be removed while its log is read.
      for (const name of ["index", ...STREAMS]) opened.push(openSync(join(this.#dir, name), "r"));
      const [index, stdout, stderr] = opened as [number, number, number];
      const files = { stdout, stderr };
      let at = request.from;
      let before = at === 0 ? START : await recordAt(index, at - 1);
      const stop = this.#records;
      for (;;) {
        const end = follow ? this.#records : stop;
        for (; at < end; at++) {
          const record = await recordAt(index, at);
          for (const stream of STREAMS) {
            for (let offset = before[stream]; offset < record[stream];) {
              const block = new Uint8Array(Math.min(BLOCK_BYTES, record[stream] - offset));
              const { bytesRead } = await readAt(files[stream], block, 0, block.length, offset);
              if (bytesRead === 0) break;
              if (left.aborted) return;
              offset += bytesRead;
              yield { timeMs: record.timeMs, stream, bytes: block.subarray(0, bytesRead) };
            }
          }
          before = record;
        }
        if (left.aborted || !follow) return;
        if (at < this.#records) continue;
        if (this.#ends > ends && !this.#live) return;
        await this.#rung();
      }
    } finally {
      left.removeEventListener("abort", wake);
      for (const fd of opened) closeSync(fd);
    }
  }

  #sync(): void {
    if (this.#index === undefined) return;
    const now = {
      timeMs: this.#clock.now(),
      stdout: statSync(this.path("stdout")).size,
      stderr: statSync(this.path("stderr")).size,
    };
    if (now.stdout === this.#last.stdout && now.stderr === this.#last.stderr) return;
    writeSync(this.#index, encode(now));
    this.#last = now;
    this.#records += 1;
    this.#ring();
  }

  #rung(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
    });
  }

  #ring(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

function encode({ timeMs, stdout, stderr }: Record): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(timeMs), BigInt(stdout), BigInt(stderr)).buffer);
}

function decode(bytes: Uint8Array, offset: number): Record {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, RECORD_BYTES);
  const [timeMs, stdout, stderr] = [0, 8, 16].map((at) => Number(view.getBigUint64(at, true))) as [
    number,
    number,
    number,
  ];
  return { timeMs, stdout, stderr };
}

const readAt = promisify(readFile);

async function recordAt(index: number, at: number): Promise<Record> {
  const bytes = new Uint8Array(RECORD_BYTES);
  await readAt(index, bytes, 0, RECORD_BYTES, at * RECORD_BYTES);
  return decode(bytes, 0);
}
