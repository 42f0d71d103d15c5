import { closeSync, mkdirSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { isNetError, NetError } from "../base/errors.ts";
import { createApi } from "../api/server.ts";
import { parseTcp } from "../api/host.ts";
import { listenOnSocket } from "../api/listen.ts";
import { listenOnTls, type TlsListener } from "../api/listen-tls.ts";
import { readTlsFiles, type TlsFiles, type TlsIdentity } from "../api/tls-files.ts";
import type { Engine } from "../engine/contract.ts";
import { JOURNAL_STEPS, type JournalStep } from "../engine/journal.ts";
import { notifySupervisor } from "../kernel/notify.ts";
import { addressPools, assembleEngine } from "./assemble.ts";
import { createLog, LOG_LEVELS } from "./log.ts";
import { DEFAULT_RUN_DIR, DEFAULT_SOCKET, DEFAULT_STATE_DIR } from "./paths.ts";
import { VERSION } from "./version.ts";

export interface DaemonSettings {
  readonly socket?: string | undefined;
  /** TCP beside the socket, with mutual TLS. */
  readonly listen?: { readonly address: string; readonly tls: TlsFiles } | undefined;
  readonly stateDir?: string | undefined;
  readonly runDir?: string | undefined;
  readonly logLevel?: string | undefined;
  /** Started by `up`: a shutdown then takes everything out of the kernel. */
  readonly autoStarted: boolean;
}

/** Runs the daemon until a signal or a client ends it. Resolves with the exit code. */
export async function runDaemon(settings: DaemonSettings): Promise<number> {
  const socket = settings.socket ?? DEFAULT_SOCKET;
  const stateDir = settings.stateDir ?? process.env["NETDOCK_STATE_DIR"] ?? DEFAULT_STATE_DIR;
  const runDir = settings.runDir ?? process.env["NETDOCK_RUN_DIR"] ?? DEFAULT_RUN_DIR;
  const log = createLog(checkLevel(settings.logLevel ?? "info"));
  const remote = settings.listen === undefined ? undefined : remoteListening(settings.listen);
  requireRoot();
  const startedAt = new Date().toISOString();
  const ending = Promise.withResolvers<"signal" | "client">();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ending.resolve("signal"));
  // A terminal that goes away must not take the networks' daemon with it.
  process.on("SIGHUP", () => undefined);

  const engine = await assembleEngine({
    runDir,
    stateDir,
    log,
    clock: { now: () => Date.now() },
    defaultBridge: "netdock0",
    onStep: faultInjection(process.env["NETDOCK_KILL_AT"]),
  });
  const api = createApi({
    engine,
    version: VERSION,
    info: () => ({
      pid: process.pid,
      startedAt,
      stateDir,
      runDir,
      socket,
      autoStarted: settings.autoStarted,
    }),
    addressPools: addressPools(),
    shutdown: () => ending.resolve("client"),
    log,
  });
  let tls: TlsListener | undefined;
  try {
    mkdirSync(dirname(socket), { recursive: true, mode: 0o755 });
    await listenOnSocket(api, { path: socket });
    if (remote !== undefined) tls = await listenOnTls(api, remote);
    log.info(
      { socket, listen: settings.listen?.address, stateDir, runDir, pid: process.pid, version: VERSION },
      "netdock is ready",
    );
    notifySupervisor(process.env["NOTIFY_SOCKET"], `READY=1\nMAINPID=${process.pid}`);
    tellParent(process.env["NETDOCK_READY_FD"]);
    const why = await ending.promise;
    log.info({ why }, "netdock is ending; networks and sandboxes go on");
    notifySupervisor(process.env["NOTIFY_SOCKET"], "STOPPING=1");
    if (why === "client" && settings.autoStarted) await withdraw(engine, runDir);
    return 0;
  } finally {
    tls?.stop();
    await api.close();
    await tls?.ended;
    await engine.close();
  }
}

/** Read before anything else: what is wrong with it must not be found half-way. */
function remoteListening({ address, tls }: NonNullable<DaemonSettings["listen"]>): {
  readonly host: string;
  readonly port: number;
  readonly identity: TlsIdentity;
} {
  return { ...parseTcp(address, "--listen"), identity: readTlsFiles(tls) };
}

/** `up` waits on this pipe for the daemon it starts. */
function tellParent(fd: string | undefined): void {
  if (fd === undefined) return;
  writeSync(Number(fd), "ready\n");
  closeSync(Number(fd));
}

/** Leaves nothing, when nobody has anything here any more. */
async function withdraw(engine: Engine, runDir: string): Promise<void> {
  try {
    await engine.withdraw();
    rmSync(`${runDir}/sandboxes`, { recursive: true, force: true });
  } catch (error) {
    if (!isNetError(error, "in_use")) throw error;
  }
}

function checkLevel(level: string): string {
  if ((LOG_LEVELS as readonly string[]).includes(level)) return level;
  throw new NetError("invalid", "daemon.start", {
    message: `--log-level: "${level}" is not a level: write one of ${LOG_LEVELS.join(", ")}`,
    field: "--log-level",
    value: level,
  });
}

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new NetError("forbidden", "daemon.start", {
    message: "the daemon makes network namespaces, links and firewall rules, which only root may",
    remedy: "start it as root",
  });
}

/**
 * For the crash tests: `NETDOCK_KILL_AT=endpoint.attach:linked` ends this process by SIGKILL at that journal step, as a
 * power cut would, with nothing flushed or closed.
 */
function faultInjection(step: string | undefined): ((step: JournalStep) => void) | undefined {
  if (step === undefined || step === "") return undefined;
  if (!(JOURNAL_STEPS as readonly string[]).includes(step)) {
    throw new NetError("invalid", "daemon.start", {
      message: `NETDOCK_KILL_AT: "${step}" is no journal step: write one of ${JOURNAL_STEPS.join(", ")}`,
      field: "NETDOCK_KILL_AT",
      value: step,
    });
  }
  return (at) => {
    if (at === step) process.kill(process.pid, "SIGKILL");
  };
}
