import type { SandboxId } from "./ids.ts";

/** A command from the host's file system, run in a sandbox with its own mount and UTS namespaces. */
export interface ProcessSpec {
  /** argv, at least one element; argv[0] is looked up in PATH of `env`. */
  readonly command: readonly string[];
  /** Complete environment, `NAME=value`. */
  readonly env: readonly string[];
  readonly workingDir?: string | undefined;
}

export interface ProcessStatus {
  readonly pid: number;
  /**
   * Start time in clock ticks since boot (proc(5), `stat` field 22): pid and start time together name a process for
   * ever, so a recycled pid is never taken for ours.
   */
  readonly startTicks: number;
  readonly startedAt: string;
  readonly finishedAt?: string;
  /** 0–255, 128+n after signal n; absent while it runs and when nobody could learn it. */
  readonly exitCode?: number;
}

export interface SpawnRequest {
  readonly sandboxId: SandboxId;
  readonly process: ProcessSpec;
  readonly hostname: string;
  readonly domainname: string;
  /** Namespace to enter; absent: the host's. */
  readonly netnsPath?: string;
  /**
   * true: the process is the first of a pid namespace of its own, with a /proc that shows it; all others in there end with
   * it, and signals without a handler do not reach it (pid_namespaces(7)).
   */
  readonly ownPids?: boolean;
  /** Files put in place of `/etc/resolv.conf`, `/etc/hosts` and `/etc/hostname` in the process's own mount namespace. */
  readonly files: { readonly resolvConf: string; readonly hosts: string; readonly hostname: string };
  /**
   * `inherit`: the caller's own terminal. `log`: stdout and stderr appended to this file by the kernel itself, so that
   * they go on when the daemon is gone. `descriptors`: these become 0, 1 and 2; they stay the caller's.
   */
  readonly stdio:
    | { readonly kind: "inherit" }
    /** Slave of a terminal (`/dev/pts/3`); it becomes the session's own. */
    | { readonly kind: "terminal"; readonly path: string }
    | { readonly kind: "log"; readonly path: string }
    | { readonly kind: "descriptors"; readonly descriptors: readonly [number, number, number] };
}

export interface SpawnedProcess {
  readonly pid: number;
  readonly startTicks: number;
  /** Resolves with the exit code (128+n after signal n). Never rejects. */
  readonly exited: Promise<number>;
  /** Rejects with `invalid` when the command could not be executed. Absent where that is known at once. */
  readonly started?: Promise<void>;
}

/** A process as it is named for ever. */
export type ProcessRef = Pick<ProcessStatus, "pid" | "startTicks">;

/** A command beside a process that runs, in the same namespaces. */
export type BesideRequest = Pick<SpawnRequest, "sandboxId" | "process" | "stdio"> & {
  readonly beside: ProcessRef;
};

/** A terminal as its owner has it. */
export interface Terminal {
  /** Close-on-exec, blocking; the caller's to close. */
  readonly master: number;
  /** What `SpawnRequest.stdio` takes. */
  readonly path: string;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** Starts and watches the processes of sandboxes. */
export interface Processes {
  /** Throws `invalid` with the reason when the command cannot be started. */
  spawn(request: SpawnRequest): SpawnedProcess;
  /** The same beside a process that runs; `not_found` when it is gone. */
  spawnBeside(request: BesideRequest): SpawnedProcess;
  /** A pipe, both ends close-on-exec and the caller's to close. */
  openPipe(): { readonly read: number; readonly write: number };
  openTerminal(size: TerminalSize | undefined): Terminal;
  resizeTerminal(master: number, size: TerminalSize): void;
  /** Watches a process somebody else started; undefined when that very process is gone. */
  watch(pid: number, startTicks: number): { readonly exited: Promise<number | undefined> } | undefined;
  /** Start time of a running process, undefined when there is none. */
  startTicks(pid: number): number | undefined;
  /** Sends a signal to the process and its group; false when it is gone. */
  signal(pid: number, startTicks: number, signal: number): boolean;
  /**
   * Ends (SIGKILL) every process that carries the sandbox's mark in its environment, `NETDOCK_SANDBOX=<id>`, which `spawn`
   * sets: also descendants that left the process group, and what a daemon started right before it was killed. Resolves
   * when they are gone; gives their number.
   */
  killAll(sandbox: SandboxId): Promise<number>;
}
