import { accessSync, constants, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { NetError, showValue } from "../base/errors.ts";
import { isNodeError } from "./errno.ts";

/** Where execvp(3) looks when PATH is not set. */
const DEFAULT_PATH = "/bin:/usr/bin";

/**
 * The file that argv[0] stands for, found the way a shell does: as itself when it holds a slash, else in `path`.
 * Throws `invalid` with the reason, so that a command that cannot start is refused before anything else is done.
 */
export function findCommand(name: string, path: string, workingDir: string): string {
  if (name === "") throw refusal(name, "give a command", "ENOENT");
  if (name.includes("/")) {
    const file = resolve(workingDir, name);
    const why = whyNotExecutable(file);
    if (why !== undefined) throw refusal(name, why, why === NO_SUCH_FILE ? "ENOENT" : "EACCES");
    return file;
  }
  let found: string | undefined;
  for (const dir of path.split(":")) {
    const candidate = join(resolve(workingDir, dir === "" ? "." : dir), name);
    const why = whyNotExecutable(candidate);
    if (why === undefined) return candidate;
    if (why !== NO_SUCH_FILE) found ??= `${candidate}: ${why}`;
  }
  if (found !== undefined) throw refusal(name, found, "EACCES");
  throw refusal(name, `there is no such command in PATH (${path})`, "ENOENT");
}

/** Throws `invalid` when a process could not start there. */
export function checkWorkingDir(dir: string): void {
  const why = whyNotDirectory(dir);
  if (why === undefined) return;
  throw new NetError("invalid", "process.start", {
    message: `workingDir: ${showValue(dir)} cannot be used: ${why}`,
    field: "workingDir",
    value: showValue(dir),
  });
}

/** Refuses what is not `NAME=value`. */
export function checkEnv(env: readonly string[]): readonly string[] {
  for (const line of env) {
    if (line.indexOf("=") > 0 && !line.includes("\0")) continue;
    throw new NetError("invalid", "process.start", {
      message: `env: ${showValue(line)} is not valid: write NAME=value`,
      field: "env",
      value: showValue(line),
    });
  }
  return env;
}

/** PATH of an environment; of a name given twice the first counts, as in getenv(3). */
export function pathOf(env: readonly string[]): string {
  return env.find((line) => line.startsWith("PATH="))?.slice(5) ?? DEFAULT_PATH;
}

/** `errno` as execve(2) would give it; a shell's exit code (126 or 127) depends on it. */
export function refusal(name: string, why: string, errno: string): NetError {
  return new NetError("invalid", "process.start", {
    message: `command: ${showValue(name)} cannot be started: ${why}`,
    field: "command",
    value: showValue(name),
    errno,
  });
}

const NO_SUCH_FILE = "there is no such file";

function whyNotExecutable(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return "it is not a file";
    // Root may open anything, but execute only what somebody may execute; access(2) knows.
    accessSync(path, constants.X_OK);
    return undefined;
  } catch (error) {
    if (isNodeError(error, "ENOENT", "ENOTDIR")) return NO_SUCH_FILE;
    return isNodeError(error, "EACCES") ? "it is not executable" : String(error);
  }
}

function whyNotDirectory(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : "it is not a directory";
  } catch (error) {
    return isNodeError(error, "ENOENT", "ENOTDIR") ? "there is no such directory" : String(error);
  }
}
