import { resolve } from "node:path";
import { NetError } from "../../base/errors.ts";
import { requireThisMachine } from "../daemon-help.ts";
import { environmentOf } from "../environment.ts";
import { passSignals, spawnRequest, startForeground } from "../foreground.ts";
import type { Call } from "../spec.ts";

export async function runExec({ context, client, flags, args, host }: Call): Promise<number> {
  requireThisMachine(host, "log in on its machine");
  const [ref, ...command] = args as [string, ...string[]];
  if (command.length === 0) throw new NetError("invalid", "exec", { message: "there is no command to run" });
  const view = await client.sandbox(ref);
  const files = await client.sandboxFiles(view.id);
  const process = {
    command,
    env: await environmentOf(context, flags, context.stdinIsTty),
    workingDir: resolve(context.cwd, flags.text("workdir") ?? "."),
  };
  const started = await startForeground(context, spawnRequest(view, process, files, { kind: "inherit" }));
  if ("exitCode" in started) return started.exitCode;
  const release = passSignals(context, started.process.pid);
  try {
    return await started.process.exited;
  } finally {
    release();
  }
}
