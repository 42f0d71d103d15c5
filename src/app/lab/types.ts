import type { Log } from "../../engine/core.ts";
import type { EndpointRequest } from "../../model/endpoint.ts";
import type { SandboxRequest } from "../../model/sandbox.ts";

export interface EngineOptions {
  /**
   * `isolated`: the engine works in a network namespace of its own, without a way out and unseen by everybody; any number of
   * them live side by side. `current`: in the namespace this process is in, where the engine takes out again what it made.
   * Absent: `isolated`.
   */
  readonly host?: "isolated" | "current" | undefined;
  /** Folder in which the engine makes one of its own, for logs and sockets, and removes it in the end; absent: `os.tmpdir()`. */
  readonly dir?: string | undefined;
  /** What the engine does behind the callers' backs. Absent: errors become process warnings, the rest is dropped. */
  readonly log?: Log | undefined;
}

/** A command from the machine's own file system. */
export interface CommandSpec {
  /** argv; a name without a slash is looked up in PATH. */
  readonly command: readonly string[];
  /** Set over this process's own environment; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Absent: this process's own working directory. */
  readonly cwd?: string | undefined;
}

/**
 * A sandbox; networks by name or with details: `["front", { network: "back", aliases: ["db"] }]`, absent: `bridge`. Its
 * hostname, where none is given, is its name if that can be one.
 */
export interface SandboxSpec extends Omit<SandboxRequest, "networks" | "process"> {
  readonly networks?: readonly (string | EndpointRequest)[] | undefined;
}

export interface ExecOptions {
  /** What the command reads from its standard input; absent: nothing. */
  readonly input?: string | Uint8Array | undefined;
  readonly env?: CommandSpec["env"];
  readonly cwd?: string | undefined;
  /** After so long the command is killed and the call throws `cancelled`. Absent: it may take for ever. */
  readonly timeoutMs?: number | undefined;
  /** The same at an abort. */
  readonly signal?: AbortSignal | undefined;
}

export interface ExecResult {
  /** 0–255; 128+n after signal n. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DialOptions {
  /** An address, `localhost`, or a name as it is known there: of a sandbox, or an alias on a network they share. */
  readonly host: string;
  readonly port: number;
  /** Gives up, with `cancelled`; a connection that stands is not touched any more. `AbortSignal.timeout(ms)` for a time limit. */
  readonly signal?: AbortSignal | undefined;
}

/** What `fetch` takes, for what tests need of it. */
export interface FetchOptions {
  /** Absent: GET. */
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ListenOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** An address of the sandbox; absent: all IPv4 ones (`0.0.0.0`). */
  readonly ip?: string | undefined;
}
