import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export interface BenchDaemon {
  readonly pid: number;
  /** Ends it, and throws what it complained of meanwhile. */
  stop(): Promise<void>;
}

/** Starts a daemon as users do, in this process's namespaces; resolves when it answers. It dies with this process. */
export async function startDaemon(places: {
  readonly socketPath: string;
  readonly runDir: string;
  readonly stateDir: string;
}): Promise<BenchDaemon> {
  const { socketPath, runDir, stateDir } = places;
  mkdirSync(runDir, { recursive: true });
  mkdirSync(stateDir, { recursive: true });
  const logPath = join(stateDir, "daemon.log");
  const log = openSync(logPath, "a");
  const launcher = fileURLToPath(new URL("../../netdock", import.meta.url));
  const flags = ["--socket", socketPath, "--state-dir", stateDir, "--run-dir", runDir, "--log-level", "warn"];
  const daemon = spawn(launcher, ["daemon", ...flags], {
    stdio: ["ignore", "ignore", log, "pipe"],
    env: { ...process.env, NETDOCK_READY_FD: "3" },
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  process.on("exit", () => daemon.kill("SIGKILL"));
  const ready = daemon.stdio[3] as Readable;
  await new Promise<void>((resolve, reject) => {
    ready.once("data", () => resolve());
    ready.once("end", () => reject(new Error(`the daemon ended: ${readFileSync(logPath, "utf8")}`)));
  });
  ready.destroy();
  return {
    pid: daemon.pid as number,
    async stop() {
      daemon.kill("SIGTERM");
      await ended;
      const complaints = readFileSync(logPath, "utf8").trim();
      if (complaints !== "") throw new Error(`the daemon complained:\n${complaints.slice(0, 2000)}`);
    },
  };
}
