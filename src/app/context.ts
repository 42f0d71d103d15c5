import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { connect } from "../api/client.ts";
import { parseHost } from "../api/host.ts";
import { NetError } from "../base/errors.ts";
import type { CliContext, Output, SignalName, SpawnedInSandbox, SpawnInSandbox } from "../cli/context.ts";
import type { SandboxId } from "../model/ids.ts";
import type { Processes } from "../model/process.ts";
import { DEFAULT_RUN_DIR, DEFAULT_SOCKET, DEFAULT_STATE_DIR } from "./paths.ts";
import { VERSION } from "./version.ts";

/** How long a daemon started in the background may take to answer. */
const START_TIMEOUT_MS = 30_000;

/** The real world, for the commands. Heavy parts (kernel, engine, server) are loaded when a command needs them. */
export function createContext(): CliContext {
  return {
    version: VERSION,
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    // Looked at by few commands, and opening it takes its time.
    get stdinIsTty() {
      return process.stdin.isTTY === true;
    },
    env: process.env,
    cwd: process.cwd(),
    now: () => Date.now(),
    connect: (host, tls) => connect({ host: host ?? DEFAULT_SOCKET, tls }),
    spawnInSandbox,
    kill(pid, signal) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    },
    onSignals,
    startDaemon,
    stopDaemonIfOurs,
    async runDaemon(options) {
      const { runDaemon } = await import("./daemon.ts");
      return runDaemon(options);
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  let isClosed = false;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // The reader of a pipe went away: what is under way goes on, only nobody sees it.
    if (error.code !== "EPIPE") throw error;
    isClosed = true;
  });
  return {
    get isClosed() {
      return isClosed;
    },
    write: (text) => void stream.write(text),
    isTty: stream.isTTY === true,
    size: () => ({ columns: stream.columns ?? 80, rows: stream.rows ?? 24 }),
  };
}

function onSignals(signals: readonly SignalName[], listener: (signal: SignalName) => void): () => void {
  const handlers = signals.map((signal) => {
    const handler = (): void => listener(signal);
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return () => {
    for (const off of handlers) off();
  };
}

/** Processes of the kernel room, for what the CLI starts or waits for itself. `pinsDir`: where namespaces are pinned. */
async function openProcesses(pinsDir: string): Promise<Processes & Disposable> {
  const [{ LinuxProcesses }, { ThreadNamespaces }, { Poller }] = await Promise.all([
    import("../kernel/processes.ts"),
    import("../kernel/netns.ts"),
    import("../kernel/poller.ts"),
  ]);
  const namespaces = new ThreadNamespaces();
  const poller = new Poller();
  const processes = new LinuxProcesses({ namespaces, poller, pinsDir });
  return Object.assign(processes, {
    [Symbol.dispose](): void {
      poller.close();
      namespaces.close();
    },
  });
}

async function spawnInSandbox(request: SpawnInSandbox): Promise<SpawnedInSandbox> {
  const pinsDir =
    request.netnsPath === undefined ? join(DEFAULT_RUN_DIR, "netns") : dirname(request.netnsPath);
  const processes = await openProcesses(pinsDir);
  const { sandboxId, ...rest } = request;
  const child = processes.spawn({ ...rest, sandboxId: sandboxId as SandboxId });
  return { pid: child.pid, exited: child.exited.finally(() => processes[Symbol.dispose]()) };
}

/**
 * Starts this program again as a daemon of its own session. Ready is told through a pipe (descriptor 3): one line when it
 * answers, end of file when it died, and then the end of its log says why.
 */
async function startDaemon(host: string | undefined): Promise<{ readonly pid: number }> {
  const address = parseHost(host ?? DEFAULT_SOCKET, "host");
  if (address.kind === "tcp") {
    throw new NetError("unavailable", "daemon.start", {
      message: `no daemon answers at ${host}, and one is started on this machine's own socket only`,
      remedy: "start it with `netdock daemon --listen` on that machine",
    });
  }
  const socket = address.path;
  const stateDir = process.env["NETDOCK_STATE_DIR"] ?? DEFAULT_STATE_DIR;
  const logPath = join(stateDir, "daemon.log");
  mkdirSync(stateDir, { recursive: true, mode: 0o750 });
  const log = openSync(logPath, "a", 0o640);
  const from = statSync(logPath).size;
  const child = spawn(
    process.execPath,
    [...process.execArgv, process.argv[1] as string, "daemon", "--socket", socket, "--auto-started"],
    {
      detached: true,
      stdio: ["ignore", log, log, "pipe"],
      env: { ...process.env, NETDOCK_READY_FD: "3" },
      cwd: "/",
    },
  );
  closeSync(log);
  const ready = child.stdio[3] as Readable;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => reject(startFailure(why, logPath, from));
      ready.once("data", () => resolve());
      ready.once("end", () => fail("it ended at once"));
      child.once("error", (error) => fail(error.message));
      AbortSignal.timeout(START_TIMEOUT_MS).addEventListener("abort", () => fail("it does not answer"));
    });
  } finally {
    ready.destroy();
    child.unref();
  }
  return { pid: child.pid as number };
}

function startFailure(why: string, logPath: string, from: number): NetError {
  const lines = readFileSync(logPath).subarray(from).toString("utf8").trim().split("\n");
  const last = lines.at(-1) ?? "";
  return new NetError("unavailable", "daemon.start", {
    message: `the daemon could not be started: ${last === "" ? why : last}`,
    subject: logPath,
    remedy: `see ${logPath}`,
  });
}

/** Ends the daemon that `up` started, when nothing of anybody's is left in it, and waits until it is gone. */
async function stopDaemonIfOurs(host: string | undefined): Promise<boolean> {
  // What answers on another machine was not started from here.
  if (parseHost(host ?? DEFAULT_SOCKET, "host").kind === "tcp") return false;
  using client = connect({ host: host ?? DEFAULT_SOCKET });
  const info = await client.info();
  const networks = await client.networks();
  if (!info.autoStarted || info.sandboxes.total > 0 || networks.some((network) => !network.predefined))
    return false;
  using processes = await openProcesses(join(info.runDir, "netns"));
  const startTicks = processes.startTicks(info.pid);
  const watch = startTicks === undefined ? undefined : processes.watch(info.pid, startTicks);
  await client.shutdown();
  await watch?.exited;
  return true;
}
