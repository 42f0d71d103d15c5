import type { NetdockClient, ProcessSpec, SandboxFiles } from "./client.ts";

/** A stream that people or programs read. */
export interface Output {
  write(text: string | Uint8Array): void;
  readonly isTty: boolean;
  /** Nobody reads any more (EPIPE): `netdock events | head`. */
  readonly isClosed: boolean;
  /** Width and height of the terminal; 80 by 24 where there is none. */
  size(): { readonly columns: number; readonly rows: number };
}

/** A process that the CLI starts itself in a sandbox; the model's `SpawnRequest`. */
export interface SpawnInSandbox {
  readonly sandboxId: string;
  readonly process: ProcessSpec;
  readonly hostname: string;
  readonly domainname: string;
  /** Namespace to enter; absent: the host's. */
  readonly netnsPath?: string;
  readonly files: SandboxFiles;
  /** `inherit`: this terminal. `log`: output appended to that file (`/dev/null` to drop it). */
  readonly stdio: { readonly kind: "inherit" } | { readonly kind: "log"; readonly path: string };
}

export interface SpawnedInSandbox {
  readonly pid: number;
  /** The exit code, 128+n after signal n. Never rejects. */
  readonly exited: Promise<number>;
}

export type SignalName =
  | "SIGINT"
  | "SIGTERM"
  | "SIGHUP"
  | "SIGQUIT"
  | "SIGKILL"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGWINCH";

/** Absolute paths of PEM files: the other side's authority, one's own certificate and its key. */
export interface TlsFiles {
  readonly tlscacert: string;
  readonly tlscert: string;
  readonly tlskey: string;
}

export interface DaemonOptions {
  /** Also answer at `tcp://HOST:PORT`, with TLS on both sides. */
  readonly listen?: { readonly address: string; readonly tls: TlsFiles };
  /** Each absent one takes the daemon's default. */
  readonly socket?: string;
  readonly stateDir?: string;
  readonly runDir?: string;
  readonly logLevel?: string;
  /** Started by `up`; then `down` may stop it. */
  readonly autoStarted: boolean;
}

/**
 * Everything the commands need of the outside. `app/` hands out the real one, tests a fake; nothing under cli/ touches
 * `process`.
 */
export interface CliContext {
  /** netdock's own version. */
  readonly version: string;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdinIsTty: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /**
   * A client of the daemon at `host` (`unix:///run/netdock/netdock.sock`, a path, `tcp://HOST:PORT`; undefined: the default).
   * `tls`: files for `tcp://`. Opens no connection yet.
   */
  connect(host: string | undefined, tls: TlsFiles | undefined): NetdockClient;
  /** Rejects with `invalid`, field `command` and `errno` (`ENOENT`: no such command) when the command cannot be started. */
  spawnInSandbox(request: SpawnInSandbox): Promise<SpawnedInSandbox>;
  /** Sends a signal to a process the CLI started; fine when it is gone. */
  kill(pid: number, signal: SignalName): void;
  /** Calls back for each of these signals, in place of their default effect, until the returned function is called. */
  onSignals(signals: readonly SignalName[], listener: (signal: SignalName) => void): () => void;
  /** Starts a daemon in the background that answers at `host`, marked as `autoStarted`; resolves when it answers. */
  startDaemon(host: string | undefined): Promise<{ readonly pid: number }>;
  /** Stops a daemon that `startDaemon` started (on this or an earlier run) if nothing uses it; says whether it did. */
  stopDaemonIfOurs(host: string | undefined): Promise<boolean>;
  /** Runs the daemon in this process until it is told to end; resolves with the exit code. */
  runDaemon(options: DaemonOptions): Promise<number>;
}
