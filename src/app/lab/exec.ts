import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NetError } from "../../base/errors.ts";
import type { LinuxHost } from "../../kernel/host.ts";
import type { SandboxFiles } from "../../engine/files.ts";
import type { ProcessSpec } from "../../model/process.ts";
import type { Sandbox } from "../../model/sandbox.ts";
import type { CommandSpec, ExecOptions, ExecResult } from "./types.ts";

const SIGKILL = 9;

/** A command as the engine takes it: with a complete environment. */
export function processOf({ command, env, cwd }: CommandSpec): ProcessSpec {
  const lines = Object.entries({ ...process.env, ...env }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  return { command, env: lines, ...(cwd === undefined ? {} : { workingDir: cwd }) };
}

export interface ExecPlace {
  readonly host: LinuxHost;
  readonly sandbox: Sandbox;
  readonly files: SandboxFiles;
  /** For what is written and read; a folder of its own is made in it. */
  readonly dir: string;
}

/**
 * Runs a command beside whatever runs in the sandbox. Input and output are files and not pipes: a command that leaves somebody
 * behind who holds its output still ends, and none waits for a reader. Throws `invalid` when it cannot be started.
 */
export async function exec(
  place: ExecPlace,
  command: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const { host, sandbox } = place;
  const { input, timeoutMs, signal } = options;
  const giveUp = AbortSignal.any([
    ...(signal === undefined ? [] : [signal]),
    ...(timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)]),
  ]);
  refuseAborted(giveUp, sandbox.name, command);
  const dir = mkdtempSync(join(place.dir, "exec-"));
  const path = (name: string): string => join(dir, name);
  const opened: number[] = [];
  const open = (name: string, flags: string): number => {
    const fd = openSync(name, flags, 0o600);
    opened.push(fd);
    return fd;
  };
  try {
    if (input !== undefined) writeFileSync(path("in"), input);
    const stdin = open(input === undefined ? "/dev/null" : path("in"), "r");
    const child = host.processes.spawn({
      sandboxId: sandbox.id,
      process: processOf({ command, env: options.env, cwd: options.cwd }),
      hostname: sandbox.hostname,
      domainname: sandbox.domainname,
      ...(sandbox.netns.kind === "host" ? {} : { netnsPath: sandbox.netnsPath }),
      files: place.files,
      stdio: { kind: "descriptors", descriptors: [stdin, open(path("out"), "a"), open(path("err"), "a")] },
    });
    const kill = (): void => void host.processes.signal(child.pid, child.startTicks, SIGKILL);
    giveUp.addEventListener("abort", kill);
    const exitCode = await child.exited;
    giveUp.removeEventListener("abort", kill);
    refuseAborted(giveUp, sandbox.name, command);
    const read = (name: string): string => readFileSync(path(name), "utf8");
    return { exitCode, stdout: read("out"), stderr: read("err") };
  } finally {
    for (const fd of opened) closeSync(fd);
    rmSync(dir, { recursive: true, force: true });
  }
}

function refuseAborted(signal: AbortSignal, sandbox: string, command: readonly string[]): void {
  if (!signal.aborted) return;
  const late = (signal.reason as Error).name === "TimeoutError";
  throw new NetError("cancelled", "sandbox.exec", {
    message: `${command.join(" ")} in ${sandbox} was ended: ${late ? "it took too long" : "the caller gave up"}`,
    subject: sandbox,
    cause: signal.reason,
  });
}
