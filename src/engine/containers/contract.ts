import type { Socket } from "node:net";
import type { Container, ContainerSpec } from "../../model/container.ts";
import type { EndpointRequest } from "../../model/endpoint.ts";
import type { TerminalSize } from "../../model/process.ts";
import type { SandboxView } from "../contract.ts";
import type { StreamLog } from "./stream-log.ts";

/** A container, or a sandbox that was made without one, as one thing. */
export interface Subject {
  readonly id: string;
  readonly name: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly state: "created" | "running" | "exited";
  /** Absent: a sandbox that netdock's own API, a command or an adapter made. */
  readonly container?: Container;
  /** Absent: no stack now. */
  readonly sandbox?: SandboxView;
  readonly execs: readonly string[];
}

/** How to write to a command that runs, and hear of its end. */
export interface Attachment {
  readonly log: StreamLog;
  readonly tty: boolean;
  /** Records of the log from here on are what it will write. */
  readonly from: number;
  /** Of the run that is on, or else, when it comes, the next one; undefined: it has no input. */
  stdin(): Promise<Socket | undefined>;
  /** Somebody who wrote to it has left. */
  leave(): void;
}

export interface ExecSpec {
  readonly command: readonly string[];
  /** Added to the container's own. */
  readonly env: readonly string[];
  readonly workingDir?: string | undefined;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** What the API wants to show of the request besides. */
  readonly asked: unknown;
}

export interface Exec {
  readonly id: string;
  readonly subjectId: string;
  readonly spec: ExecSpec;
  readonly state: "created" | "running" | "exited";
  readonly pid: number;
  readonly exitCode?: number;
}

/** Streams of a command that was started beside a container's; a terminal has one for both ways. */
export interface ExecStreams {
  readonly stdin: Socket | undefined;
  readonly stdout: Socket | undefined;
  readonly stderr: Socket | undefined;
  readonly ended: Promise<void>;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

/** Containers as their callers see them. References are full ids, names or unique id prefixes, of sandboxes too. */
export interface Containers {
  list(): readonly Subject[];
  /** Throws `not_found` in Docker's words. */
  find(ref: string): Subject;
  /** Nothing is made but a record. */
  create(request: { readonly name?: string | undefined; readonly spec: ContainerSpec }): Promise<Subject>;
  /** False when it runs already. The container is as before when it fails, and remembers why. */
  start(ref: string): Promise<boolean>;
  /** False when nothing runs. Without a signal and a timeout as the container says. */
  stop(
    ref: string,
    request: { readonly signal?: number | undefined; readonly timeoutSeconds?: number | undefined },
  ): Promise<boolean>;
  /** `conflict` when nothing runs. */
  kill(ref: string, signal: number): Promise<void>;
  /** `conflict` when it runs, without force. */
  remove(ref: string, request: { readonly force: boolean }): Promise<void>;
  rename(ref: string, name: string): Promise<void>;
  /** Joins a network: now where it runs, and in any case from the next start on. */
  connect(ref: string, request: EndpointRequest): Promise<void>;
  disconnect(ref: string, networkRef: string): Promise<void>;
  resize(ref: string, size: TerminalSize): void;
  /** Resolves with the end of a run. Rejects `cancelled` when `left` is aborted. */
  wait(
    ref: string,
    condition: WaitCondition,
    left: AbortSignal,
  ): Promise<{ readonly exitCode: number; readonly error?: string }>;
  attach(ref: string): Attachment;
  /** Its output, of all runs. */
  log(ref: string): StreamLog;

  createExec(ref: string, spec: ExecSpec): Exec;
  exec(id: string): Exec;
  startExec(id: string, request: { readonly size?: TerminalSize | undefined }): Promise<ExecStreams>;
  resizeExec(id: string, size: TerminalSize): void;
}
