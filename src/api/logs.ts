/* oxlint-disable no-await-in-loop -- a file is read front to back, one block after the other */
import { watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { errorText, NetError } from "../base/errors.ts";

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const OP = "sandbox.logs";

export interface Log {
  /**
   * The bytes of the log, then, when it was opened to follow, those appended to it. `tail`: only so many last lines;
   * undefined: all. `ended` is aborted when the writer is gone: what the file holds then is the rest. `left` is aborted
   * when the reader is gone. To be called once, and read to its end or returned: that closes the file.
   */
  read(request: {
    readonly tail: number | undefined;
    readonly ended: AbortSignal;
    readonly left: AbortSignal;
  }): AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * Opens a log; undefined when there is no such file. Following polls nothing: inotify (fs.watch) wakes the reader.
 * Throws `internal` when it cannot be read and `exhausted` when the kernel has no watch left.
 */
export async function openLog(path: string, request: { readonly follow: boolean }): Promise<Log | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new NetError("internal", OP, {
      message: `the log ${path} cannot be read: ${errorText(error)}`,
      subject: path,
      cause: error,
    });
  }
  const bell = new Bell();
  try {
    // Before the first read: a change between a read and the watch would otherwise wait for the next one.
    if (request.follow) bell.watch(path);
  } catch (error) {
    await file.close();
    throw error;
  }
  return { read: ({ tail, ended, left }) => read({ file, bell, follow: request.follow, tail, ended, left }) };
}

async function* read(log: {
  readonly file: FileHandle;
  readonly bell: Bell;
  readonly follow: boolean;
  readonly tail: number | undefined;
  readonly ended: AbortSignal;
  readonly left: AbortSignal;
}): AsyncGenerator<Uint8Array, void, undefined> {
  const { file, bell, follow, tail, ended, left } = log;
  try {
    bell.listen(ended);
    bell.listen(left);
    let offset = tail === undefined ? 0 : await tailOffset(file, tail);
    for (;;) {
      // Asked before the read: bytes written up to the end are then in it.
      const last = !follow || ended.aborted;
      const rung = bell.arm();
      // Someone emptied the file under us (logrotate's copytruncate): go on from its start.
      if ((await file.stat()).size < offset) offset = 0;
      for (;;) {
        const block = new Uint8Array(BLOCK_BYTES);
        const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, offset);
        if (bytesRead === 0 || left.aborted) break;
        offset += bytesRead;
        yield block.subarray(0, bytesRead);
      }
      if (last || left.aborted) return;
      await rung;
    }
  } finally {
    bell.close();
    await file.close();
  }
}

/** Wakes a reader for any of several reasons; a ring between `arm()` and the wait is not lost. */
class Bell {
  #ring: () => void = () => undefined;
  readonly #off: (() => void)[] = [];

  arm(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ring = resolve;
    return promise;
  }

  listen(signal: AbortSignal): void {
    const ring = (): void => this.#ring();
    signal.addEventListener("abort", ring);
    this.#off.push(() => signal.removeEventListener("abort", ring));
  }

  watch(path: string): void {
    try {
      const watcher = watch(path, { persistent: false }, () => this.#ring());
      watcher.on("error", () => this.#ring());
      this.#off.push(() => watcher.close());
    } catch (error) {
      throw new NetError("exhausted", OP, {
        message: `the log ${path} cannot be watched: ${errorText(error)}`,
        subject: path,
        remedy: "raise fs.inotify.max_user_watches and fs.inotify.max_user_instances, or read without follow",
        cause: error,
      });
    }
  }

  close(): void {
    for (const off of this.#off) off();
  }
}

/** Where the last `lines` lines begin. A newline at the very end closes the last line and begins none. */
export async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines === 0) return size;
  const block = new Uint8Array(BLOCK_BYTES);
  let missing = lines;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at--) {
      if (block[at] !== NEWLINE || start + at === size - 1) continue;
      missing -= 1;
      if (missing === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}
