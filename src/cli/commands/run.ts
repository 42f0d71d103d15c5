import { isNetError, NetError } from "../../base/errors.ts";
import { resolve } from "node:path";
import type { ProcessSpec, SandboxRequest, SandboxView } from "../client.ts";
import { requireThisMachine } from "../daemon-help.ts";
import { environmentOf } from "../environment.ts";
import { passSignals, reportUnstartable, spawnRequest, startForeground } from "../foreground.ts";
import { joinRequest } from "../join-flags.ts";
import type { Call } from "../spec.ts";
import { printLine } from "../view/output.ts";

export async function runRun(call: Call): Promise<number> {
  const { context, client, flags, args } = call;
  const isDetached = flags.has("detach");
  if (!isDetached) requireThisMachine(call.host, "start it in the background with -d");
  const process: ProcessSpec = {
    command: [...args],
    env: await environmentOf(context, flags, !isDetached && context.stdinIsTty),
    workingDir: resolve(context.cwd, flags.text("workdir") ?? "."),
  };
  const autoRemove = flags.has("rm");
  const request: SandboxRequest = { ...(await joinRequest(context, flags)), autoRemove };
  if (isDetached) {
    try {
      const view = await client.createSandbox({ ...request, process });
      printLine(context, view.id);
      return 0;
    } catch (error) {
      return reportUnstartable(context, error);
    }
  }
  const view = await client.createSandbox(request);
  return await inForeground(call, view, process, autoRemove);
}

/**
 * The command at this terminal, in a sandbox just made. Whatever happens, a sandbox that should go goes: one whose command
 * never started too, since nobody could do anything with it.
 */
async function inForeground(
  { context, client }: Call,
  view: SandboxView,
  process: ProcessSpec,
  autoRemove: boolean,
): Promise<number> {
  let isKept = false;
  // Held from here on: a signal between start and adoption must not end netdock and leave the sandbox.
  const early = context.onSignals(["SIGINT", "SIGTERM", "SIGHUP"], () => undefined);
  let release = early;
  try {
    const files = await client.sandboxFiles(view.id);
    const started = await startForeground(context, spawnRequest(view, process, files, { kind: "inherit" }));
    if ("exitCode" in started) return started.exitCode;
    const { pid, exited } = started.process;
    release = passSignals(context, pid);
    early();
    isKept = !autoRemove;
    await unlessGone(client.adoptProcess(view.id, { pid, spec: process }));
    const exitCode = await exited;
    await unlessGone(client.reportExit(view.id, exitCode));
    return exitCode;
  } finally {
    if (!isKept) await unlessGone(client.removeSandbox(view.id, { force: true }));
    release();
  }
}

/**
 * The command's own result counts, not the daemon's book-keeping: a command that ended before it was adopted, a sandbox that
 * somebody removed meanwhile and a daemon that was stopped are all fine.
 */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (isNetError(error, "not_found", "conflict", "unavailable")) return;
    throw error instanceof NetError
      ? error
      : new NetError("internal", "run", { message: String(error), cause: error });
  });
}
