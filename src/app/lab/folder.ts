import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { errorText, NetError } from "../../base/errors.ts";

// Folders are named after their owner: pid namespace, pid, and start time (proc(5), stat field 22), which name a process for
// ever. That is how a later engine knows what was left by one that had no time to clean up.
const NAME = /^netdock-(?<pids>\d+)-(?<pid>\d+)-(?<start>\d+)-/;

/** Makes a folder for an engine of this process. Throws `invalid` when `parent` cannot hold it. */
export function makeFolder(parent: string): string {
  try {
    return mkdtempSync(join(parent, `netdock-${pidNamespace()}-${process.pid}-${startOf(process.pid)}-`));
  } catch (error) {
    throw new NetError("invalid", "engine.create", {
      message: `dir: no folder can be made in ${parent} (${errorText(error)})`,
      field: "dir",
      value: parent,
      remedy: "give a folder that exists and can be written to",
      cause: error,
    });
  }
}

export interface Leftover {
  readonly path: string;
  /** Sandboxes whose processes may still run. */
  readonly sandboxes: readonly string[];
}

/** Folders in `parent` whose owners are gone. Those of other pid namespaces are not ours to judge. */
export function findLeftovers(parent: string): Leftover[] {
  const here = pidNamespace();
  return readdirSync(parent).flatMap((name) => {
    const { pids, pid, start } = NAME.exec(name)?.groups ?? {};
    if (pids === undefined || pids !== here || startOf(Number(pid)) === start) return [];
    const path = join(parent, name);
    return [{ path, sandboxes: namesIn(join(path, "run", "sandboxes")) }];
  });
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    // Killed before it was made, or swept by somebody else right now.
    return [];
  }
}

/** `pid:[4026531836]`: the number alone. */
function pidNamespace(): string {
  return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
}

/** Undefined when there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the program's name in parentheses, and may itself hold blanks and parentheses.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
