import { join } from "node:path";
import { type Client, connect } from "../api/client.ts";
import { vi } from "vitest";
import { NetError } from "../base/errors.ts";
import type { CliContext, DaemonOptions, Output, SignalName, SpawnInSandbox } from "../cli/context.ts";
import { runCli } from "../cli/run-cli.ts";
import { type RunningApi, startApi } from "./api-server.ts";
import { MemoryEngine } from "./memory-engine.ts";

/** What a command did, as its user sees it. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The commands in this process: real client, real server, an engine in memory, and an outside that the test decides. */
export interface FakeCli extends AsyncDisposable {
  readonly engine: MemoryEngine;
  readonly api: RunningApi;
  /** Runs one command line. */
  run(...argv: string[]): Promise<CliResult>;
  /** Whether a daemon answers; `up` starts one. */
  isDaemonUp: boolean;
  /** Addresses that a client was asked for. */
  readonly hosts: (string | undefined)[];
  readonly daemonStarts: (string | undefined)[];
  readonly daemonRuns: DaemonOptions[];
  readonly spawns: SpawnInSandbox[];
  readonly kills: (readonly [pid: number, signal: SignalName])[];
  /** Decides how a command started by the CLI itself ends; throws to refuse it. */
  spawn: (request: SpawnInSandbox) => Promise<number>;
  /** Resolves when a command that still runs has printed this. */
  printed(text: string): Promise<void>;
  /** Resolves when the engine was asked this. */
  settled(method: string): Promise<void>;
  /** Sends a signal to the CLI; false when nobody listens. */
  signal(signal: SignalName): boolean;
}

export interface FakeCliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTty?: boolean;
}

export async function startFakeCli(options: FakeCliOptions = {}): Promise<FakeCli> {
  const engine = new MemoryEngine();
  const api = await startApi(engine.engine());
  engine.log = join(api.directory, "process.log");
  const listeners = new Set<{
    readonly signals: readonly SignalName[];
    readonly tell: (signal: SignalName) => void;
  }>();
  const stdouts = new Set<string[]>();
  let pid = 500;
  const cli: FakeCli = {
    engine,
    api,
    isDaemonUp: true,
    hosts: [],
    daemonStarts: [],
    daemonRuns: [],
    spawns: [],
    kills: [],
    spawn: async () => 0,
    printed: (text) =>
      vi.waitUntil(() => [...stdouts].some((pieces) => pieces.join("").includes(text)), WAIT).then(nothing),
    settled: (method) =>
      vi.waitUntil(() => api.engine.calls.some(([called]) => called === method), WAIT).then(nothing),
    signal(signal) {
      const told = [...listeners].filter(({ signals }) => signals.includes(signal));
      for (const { tell } of told) tell(signal);
      return told.length > 0;
    },
    async run(...argv) {
      const stdout: string[] = [];
      stdouts.add(stdout);
      const stderr: string[] = [];
      const code = await runCli(argv, context(stdout, stderr));
      stdouts.delete(stdout);
      return { code, stdout: stdout.join(""), stderr: stderr.join("") };
    },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
  const context = (stdout: string[], stderr: string[]): CliContext => ({
    version: "0.0.0-test",
    stdout: output(stdout, options.isTty === true),
    stderr: output(stderr, options.isTty === true),
    stdinIsTty: options.isTty === true,
    env: { PATH: "/usr/bin:/bin", HOME: "/root", ...options.env },
    cwd: options.cwd ?? "/work",
    now: () => Date.now(),
    connect(host) {
      cli.hosts.push(host);
      return gated(api, () => cli.isDaemonUp);
    },
    async spawnInSandbox(request) {
      cli.spawns.push(request);
      return { pid: ++pid, exited: cli.spawn(request) };
    },
    kill: (to, signal) => void cli.kills.push([to, signal]),
    onSignals(signals, tell) {
      const entry = { signals, tell };
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
    async startDaemon(host) {
      cli.daemonStarts.push(host);
      cli.isDaemonUp = true;
      return { pid: 4242 };
    },
    async stopDaemonIfOurs() {
      if (cli.daemonStarts.length === 0 || engine.sandboxes.size > 0) return false;
      cli.isDaemonUp = false;
      return true;
    },
    async runDaemon(daemon) {
      cli.daemonRuns.push(daemon);
      return 0;
    },
  });
  return cli;
}

/** Looked at often; the end is for a test that would wait for ever. */
const WAIT = { interval: 2, timeout: 10_000 } as const;
const nothing = (): void => undefined;

function output(into: string[], isTty: boolean): Output {
  const decoder = new TextDecoder();
  return {
    write: (text) => void into.push(typeof text === "string" ? text : decoder.decode(text)),
    isTty,
    isClosed: false,
    size: () => ({ columns: 100, rows: 24 }),
  };
}

/** A client, which finds nobody until the daemon is up: each call asks anew. */
function gated(api: RunningApi, isUp: () => boolean): Client {
  return new Proxy(connect({ socketPath: api.socketPath }), {
    get(client, name: keyof Client) {
      if (isUp() || name === "close" || typeof client[name] !== "function") return client[name];
      const message = `no daemon answers at ${api.socketPath}`;
      return async (): Promise<never> => {
        throw new NetError("unavailable", "connect", { message, remedy: "start one: netdock daemon" });
      };
    },
  });
}
