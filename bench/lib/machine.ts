import { readFileSync, statfsSync } from "node:fs";
import { availableParallelism, cpus, release } from "node:os";

/** What figures depend on beside the program. */
export interface Machine {
  readonly kernel: string;
  readonly cpus: number;
  readonly cpuModel: string;
  readonly node: string;
  /** File system of the state directory, where commits wait for the disk. */
  readonly stateFilesystem: string;
}

/** Magic numbers of linux/magic.h; others are shown as they are. */
const FILESYSTEMS: Readonly<Record<number, string>> = {
  0xef53: "ext2/3/4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x01021994: "tmpfs",
  0x794c7630: "overlayfs",
};

export function machine(stateDir: string): Machine {
  const { type } = statfsSync(stateDir);
  return {
    kernel: release(),
    cpus: availableParallelism(),
    cpuModel: cpus()[0]?.model.trim() ?? "unknown",
    node: process.version,
    stateFilesystem: FILESYSTEMS[type] ?? `type 0x${type.toString(16)}`,
  };
}

/** Mean number of runnable tasks over the last minute: figures taken on a busy machine are no figures. */
export function load(): number {
  return Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]);
}
