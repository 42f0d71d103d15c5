import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { summarize } from "./statistics.ts";

/** Median time to append a page to a file and wait for the disk: what each durable commit pays at least. */
export function fsyncMilliseconds(dir: string): number {
  const path = join(dir, "fsync");
  const fd = openSync(path, "w");
  const page = new Uint8Array(4096);
  const times = Array.from({ length: 50 }, () => {
    const start = performance.now();
    writeSync(fd, page);
    fsyncSync(fd);
    return performance.now() - start;
  });
  closeSync(fd);
  unlinkSync(path);
  return summarize(times).median;
}
