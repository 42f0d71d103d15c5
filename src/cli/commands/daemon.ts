import { badFlag } from "../flags.ts";
import type { Call } from "../spec.ts";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

export function runDaemon({ context, flags, host }: Call): Promise<number> {
  const level = flags.text("logLevel");
  if (level !== undefined && !LEVELS.includes(level))
    throw badFlag("--log-level", level, `write one of ${LEVELS.join(", ")}`);
  // A client's address names the same socket: `netdock -H /tmp/n.sock daemon` does what it says.
  const socket = flags.text("socket") ?? host?.replace(/^unix:\/\//, "");
  const stateDir = flags.text("stateDir");
  const runDir = flags.text("runDir");
  return context.runDaemon({
    ...(socket === undefined ? {} : { socket }),
    ...(stateDir === undefined ? {} : { stateDir }),
    ...(runDir === undefined ? {} : { runDir }),
    ...(level === undefined ? {} : { logLevel: level }),
    autoStarted: flags.has("autoStarted"),
  });
}
