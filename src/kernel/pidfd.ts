import { readFileSync } from "node:fs";
import { isNodeError } from "./errno.ts";
import { close, pidfdOpen, POLL, tryIoctl } from "./libc.ts";
import type { Poller } from "./poller.ts";

/** What /proc/<pid>/stat says of a live process; undefined when there is none, or only its zombie. */
export function processStat(
  pid: number,
): { readonly group: number; readonly startTicks: number } | undefined {
  let text;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (isNodeError(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
  // The second field is the program's name in parentheses and may hold anything, parentheses too (proc(5)).
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  if (state === "Z" || state === "X") return undefined;
  return { group: Number(fields[2]), startTicks: Number(fields[19]) };
}

/** How long a dead child's parent may take to collect its exit code, which is when the kernel lets others see it. */
const REAP_MS = 1000;

/**
 * Resolves when the process ends, with its exit code if the kernel tells it (Linux 6.15 and newer). Undefined when no such
 * process runs. It need not be our child.
 */
export function watchProcess(
  poller: Poller,
  pid: number,
  startTicks: number,
): { readonly exited: Promise<number | undefined> } | undefined {
  const fd = pidfdOpen(pid);
  if (fd === undefined) return undefined;
  // Opened first, looked at second: the descriptor stands for whoever has the number now.
  if (processStat(pid)?.startTicks !== startTicks) {
    close(fd);
    return undefined;
  }
  const exited = new Promise<number | undefined>((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      poller.remove(fd);
      const code = exitCodeOf(fd);
      close(fd);
      resolve(code);
    };
    poller.add(fd, POLL.IN, (events) => {
      // Readable: it ended. Hung up: it was reaped too, and its exit code is known.
      if ((events & POLL.HUP) !== 0) finish();
      else if (timer === undefined) {
        poller.change(fd, 0);
        timer = setTimeout(finish, REAP_MS);
      }
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

function exitCodeOf(pidfd: number): number | undefined {
  const info = new Uint8Array(PIDFD_INFO_SIZE);
  const view = new DataView(info.buffer);
  view.setBigUint64(0, PIDFD_INFO_EXIT, true);
  if (!tryIoctl(pidfd, PIDFD_GET_INFO, info)) return undefined;
  // The kernel clears the bits of what it does not give.
  if ((view.getBigUint64(0, true) & PIDFD_INFO_EXIT) === 0n) return undefined;
  return exitCodeOfStatus(view.getInt32(EXIT_CODE_OFFSET, true));
}
