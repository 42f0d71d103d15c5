import { readFileSync } from "node:fs";
import { isNodeError } from "./errno.ts";
import { close, POLL, tryIoctl } from "./libc.ts";
import { pidfdOpen } from "./libc-poll.ts";
import type { Poller } from "./poller.ts";

export interface ProcessStat {
  /** `Z` is a zombie: ended, and not yet collected by its parent. */
  readonly state: string;
  readonly group: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
  /** As wait(2) gives it; means something for zombies only. */
  readonly exitStatus: number;
}

/** What /proc/<pid>/stat says of a process, zombies included; undefined when there is none. */
export function processStat(pid: number): ProcessStat | undefined {
  let text;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (isNodeError(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
  // The second field is the program's name in parentheses and may hold anything, parentheses too (proc(5)).
  const [state = "", ...fields] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  // The third field of the file is `state`, the fourth `fields[0]`.
  return {
    state,
    group: Number(fields[1]),
    startTicks: Number(fields[18]),
    exitStatus: Number(fields[48]),
  };
}

/** As `processStat`, of a process that has not ended. */
export function runningStat(pid: number): ProcessStat | undefined {
  const stat = processStat(pid);
  return stat === undefined || stat.state === "Z" || stat.state === "X" ? undefined : stat;
}

/**
 * Resolves when the process ends, with its exit code if that can be learned: from its zombie, or, when its parent was
 * faster than we are, from the pidfd (Linux 6.15 and newer). Undefined when no such process runs. It need not be ours.
 */
export function watchProcess(
  poller: Poller,
  pid: number,
  startTicks: number,
): { readonly exited: Promise<number | undefined> } | undefined {
  const fd = pidfdOpen(pid);
  if (fd === undefined) return undefined;
  // Opened first, looked at second: the descriptor stands for whoever has the number now.
  if (runningStat(pid)?.startTicks !== startTicks) {
    close(fd);
    return undefined;
  }
  const exited = new Promise<number | undefined>((resolve) => {
    poller.add(fd, POLL.IN, () => {
      poller.remove(fd);
      const zombie = processStat(pid);
      const isOurs = zombie?.startTicks === startTicks;
      resolve(isOurs ? exitCodeOfStatus(zombie.exitStatus) : reapedExitCode(fd));
      close(fd);
    });
  });
  return { exited };
}

/** The exit code as a shell gives it, from a wait(2) status. */
export function exitCodeOfStatus(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}

/** linux/pidfd.h: struct pidfd_info up to `exit_code`, 64 bytes, and _IOWR(0xff, 11, struct pidfd_info). */
const PIDFD_INFO_SIZE = 64;
const PIDFD_GET_INFO = 0xc000_ff0b + PIDFD_INFO_SIZE * 0x1_0000;
const PIDFD_INFO_EXIT = 8n;
const EXIT_CODE_OFFSET = 60;

function reapedExitCode(pidfd: number): number | undefined {
  const info = new Uint8Array(PIDFD_INFO_SIZE);
  const view = new DataView(info.buffer);
  view.setBigUint64(0, PIDFD_INFO_EXIT, true);
  if (!tryIoctl(pidfd, PIDFD_GET_INFO, info)) return undefined;
  // The kernel clears the bits of what it does not give.
  if ((view.getBigUint64(0, true) & PIDFD_INFO_EXIT) === 0n) return undefined;
  return exitCodeOfStatus(view.getInt32(EXIT_CODE_OFFSET, true));
}
