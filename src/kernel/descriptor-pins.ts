import { closeSync, mkdirSync, openSync, readlinkSync, rmdirSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { NetError } from "../base/errors.ts";
import type { NetnsKey } from "../model/ops.ts";
import { files, ignoring } from "./errno.ts";
import { checkKey, openNetns, type Pins } from "./pins.ts";

/**
 * Namespaces that end with the process: each is held by a descriptor, and named by a symbolic link to it. No mount is made,
 * so a process that is killed leaves links to nowhere and nothing else; the kernel closes the descriptors.
 */
export class DescriptorPins implements Pins {
  readonly dir: string;
  readonly #held = new Map<NetnsKey, number>();

  constructor(runDir: string) {
    this.dir = join(runDir, "netns");
    // Also a place where processes being started can mount something for a moment, in a mount tree of their own.
    files("netns.create", this.dir, () => mkdirSync(this.dir, { recursive: true, mode: 0o755 }));
  }

  path(key: NetnsKey): string {
    return join(this.dir, key);
  }

  add(key: NetnsKey, source: string): void {
    checkKey(key);
    if (this.#held.has(key)) {
      throw new NetError("conflict", "netns.create", {
        message: `namespace ${key} exists already`,
        subject: key,
      });
    }
    const path = this.path(key);
    files("netns.create", path, () => {
      const fd = openSync(source, "r");
      try {
        // By number and not as `self`: others can enter too. /proc may count from another pid namespace than our own.
        symlinkSync(`/proc/${readlinkSync("/proc/self")}/fd/${fd}`, path);
      } catch (error) {
        closeSync(fd);
        throw error;
      }
      this.#held.set(key, fd);
    });
  }

  open(key: NetnsKey): number | undefined {
    return this.#held.has(key) ? openNetns(this.path(key)) : undefined;
  }

  remove(key: NetnsKey): void {
    checkKey(key);
    const fd = this.#held.get(key);
    if (fd === undefined) return;
    this.#held.delete(key);
    closeSync(fd);
    // Somebody may have cleaned up the folder already.
    ignoring(["ENOENT"], () => unlinkSync(this.path(key)));
  }

  list(): NetnsKey[] {
    return [...this.#held.keys()];
  }

  /** Lets go of every namespace. */
  close(): void {
    for (const key of this.list()) this.remove(key);
    ignoring(["ENOENT", "ENOTEMPTY"], () => rmdirSync(this.dir));
  }
}
