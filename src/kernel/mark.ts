import { readdirSync, readFileSync } from "node:fs";
import { close, POLL } from "./libc.ts";
import { pidfdOpen, pidfdSignal } from "./libc-poll.ts";
import type { Poller } from "./poller.ts";

const SIGKILL = 9;

/** The line of the environment by which a sandbox's processes are known, theirs and all their descendants'. */
export function sandboxMark(sandbox: string): string {
  return `NETDOCK_SANDBOX=${sandbox}`;
}

/**
 * Ends every process that carries the mark, and resolves with their number when they are gone. Looks again until a look
 * finds none: one that was just forking leaves a child that nobody saw.
 */
export async function killMarked(poller: Poller, mark: string): Promise<number> {
  let killed = 0;
  for (;;) {
    const ends = markedPidfds(mark).map((fd) => {
      pidfdSignal(fd, SIGKILL);
      return ended(poller, fd);
    });
    if (ends.length === 0) return killed;
    killed += ends.length;
    // The next look must see what these have left behind.
    // oxlint-disable-next-line no-await-in-loop
    await Promise.all(ends);
  }
}

/**
 * The same for a process that is about to exit itself and can wait for nothing. Looks twice, for what was just forking;
 * those seen dying in between are told again, which does no harm.
 */
export function killMarkedNow(mark: string): void {
  for (let look = 0; look < 2; look++) {
    for (const fd of markedPidfds(mark)) {
      pidfdSignal(fd, SIGKILL);
      close(fd);
    }
  }
}

function ended(poller: Poller, fd: number): Promise<void> {
  return new Promise((resolve) => {
    poller.add(fd, POLL.IN, () => {
      poller.remove(fd);
      close(fd);
      resolve();
    });
  });
}

/** A zombie has no environment any more, so it is not among them. */
function markedPidfds(mark: string): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || !isMarked(pid, mark)) continue;
    const fd = pidfdOpen(pid);
    if (fd === undefined) continue;
    // Once more: the number may have gone to another process before the descriptor was there.
    if (isMarked(pid, mark)) found.push(fd);
    else close(fd);
  }
  return found;
}

function isMarked(pid: number, mark: string): boolean {
  try {
    // proc(5), environ: the lines are separated by NUL.
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`.includes(`\0${mark}\0`);
  } catch {
    // Gone meanwhile, a kernel thread, or nothing of ours since we may not look.
    return false;
  }
}
