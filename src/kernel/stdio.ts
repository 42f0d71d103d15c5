import { constants, closeSync, openSync } from "node:fs";
import { unreachable } from "../base/unreachable.ts";
import type { SpawnRequest, Terminal, TerminalSize } from "../model/process.ts";
import { files } from "./errno.ts";
import { resizeTerminal, unlockTerminal } from "./libc-files.ts";
import type { SpawnOptions } from "./posix-spawn.ts";

/** What becomes 0, 1 and 2; what must be closed when the process has them is added to `opened`. */
export function openStdio(stdio: SpawnRequest["stdio"], opened: number[]): SpawnOptions["stdio"] {
  switch (stdio.kind) {
    case "inherit":
      return [0, 1, 2];
    case "descriptors":
      return stdio.descriptors;
    case "terminal":
      return { terminal: stdio.path };
    case "log": {
      const [log, nothing] = files<[number, number]>("process.start", stdio.path, () => [
        openSync(stdio.path, "a", 0o640),
        openSync("/dev/null", "r"),
      ]);
      opened.push(log, nothing);
      return [nothing, log, log];
    }
    default:
      return unreachable(stdio);
  }
}

/** A new pseudo-terminal (pts(4)). */
export function openTerminal(size: TerminalSize | undefined): Terminal {
  const master = files("terminal.open", "/dev/ptmx", () =>
    openSync("/dev/ptmx", constants.O_RDWR | constants.O_NOCTTY),
  );
  try {
    const path = `/dev/pts/${unlockTerminal(master)}`;
    if (size !== undefined) resizeTerminal(master, size);
    return { master, path };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}
