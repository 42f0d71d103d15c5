import { isNetError } from "../base/errors.ts";
import type { ProcessSpec, SandboxFiles, SandboxView } from "./client.ts";
import type { CliContext, SignalName, SpawnedInSandbox, SpawnInSandbox } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { errorLines } from "./view/errors.ts";

/** The request that starts a command in a sandbox the way the daemon would. */
export function spawnRequest(
  view: SandboxView,
  process: ProcessSpec,
  files: SandboxFiles,
  stdio: SpawnInSandbox["stdio"],
): SpawnInSandbox {
  return {
    sandboxId: view.id,
    process,
    hostname: view.hostname,
    domainname: view.domainname,
    // On the host's own stack there is no namespace to enter.
    ...(view.netns.kind === "host" ? {} : { netnsPath: view.netnsPath }),
    files,
    stdio,
  };
}

export type Started = { readonly process: SpawnedInSandbox } | { readonly exitCode: number };

/** Starts a command at this terminal; one that cannot start is reported, with Docker's exit codes for it. */
export async function startForeground(context: CliContext, request: SpawnInSandbox): Promise<Started> {
  try {
    return { process: await context.spawnInSandbox(request) };
  } catch (error) {
    return { exitCode: reportUnstartable(context, error) };
  }
}

/** Docker's exit codes for a command that cannot start, whoever tried; throws what is another failure. */
export function reportUnstartable(context: CliContext, error: unknown): number {
  if (!isNetError(error, "invalid") || error.field !== "command") throw error;
  context.stderr.write(errorLines(error, context));
  return error.errno === "ENOENT" ? EXIT.commandNotFound : EXIT.cannotStart;
}

/**
 * Sends on to the command what is sent to netdock, until the returned function is called. The terminal's own SIGINT and
 * SIGQUIT reach the command without help, since both are in its foreground process group: netdock only has to outlive them.
 */
export function passSignals(context: CliContext, pid: number): () => void {
  const fromTerminal = new Set<SignalName>(context.stdinIsTty ? ["SIGINT", "SIGQUIT"] : []);
  return context.onSignals(["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"], (signal) => {
    if (!fromTerminal.has(signal)) context.kill(pid, signal);
  });
}
