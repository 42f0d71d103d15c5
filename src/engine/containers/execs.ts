import { closeSync, openSync } from "node:fs";
import { ReadStream } from "node:tty";
import { NetError } from "../../base/errors.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { TerminalSize } from "../../model/process.ts";
import type { Core } from "../core.ts";
import { newId } from "../ids.ts";
import { parseProcess } from "../parse.ts";
import type { Exec, ExecSpec, ExecStreams, Subject } from "./contract.ts";
import { exitCodeOf } from "./record.ts";
import { socketOn } from "./streams.ts";

/** How many are remembered of a container; the oldest that have ended are forgotten first. */
const KEPT = 100;

interface Entry {
  exec: Exec;
  readonly env: readonly string[];
  readonly directory: string;
  size: TerminalSize | undefined;
  master: number | undefined;
}

/** Commands beside a container's own. Their streams are the daemon's, and they are forgotten with it. */
export class Execs {
  readonly #core: Core;
  readonly #entries = new Map<string, Entry>();

  constructor(core: Core) {
    this.#core = core;
  }

  of(subjectId: string): string[] {
    return [...this.#entries.values()]
      .filter(({ exec }) => exec.subjectId === subjectId && exec.state !== "exited")
      .map(({ exec }) => exec.id);
  }

  create(subject: Subject, spec: ExecSpec): Exec {
    refuseIdle(subject);
    const base = subject.container?.spec ?? subject.sandbox?.process;
    const env = mergeEnv(base?.env ?? [], spec.env);
    const directory = spec.workingDir ?? base?.workingDir ?? "/";
    parseProcess({ command: spec.command, env, workingDir: directory }, "process");
    const exec: Exec = { id: newId<string>(), subjectId: subject.id, spec, state: "created", pid: 0 };
    this.#entries.set(exec.id, { exec, env, directory, size: undefined, master: undefined });
    this.#trim(subject.id);
    this.#emit(exec, `exec_create: ${spec.command.join(" ")}`, subject);
    return exec;
  }

  get(id: string): Exec {
    return this.#find(id).exec;
  }

  resize(id: string, size: TerminalSize): void {
    const entry = this.#find(id);
    entry.size = size;
    if (entry.master !== undefined) this.#core.processes.resizeTerminal(entry.master, size);
  }

  async start(id: string, subject: Subject, size: TerminalSize | undefined): Promise<ExecStreams> {
    const entry = this.#find(id);
    if (entry.exec.state !== "created") {
      throw new NetError("conflict", "exec.start", {
        message: `exec command ${id} has already been started`,
      });
    }
    refuseIdle(subject);
    entry.size = size ?? entry.size;
    const { spec } = entry.exec;
    const streams = this.#open(entry, subject);
    this.#emit(entry.exec, `exec_start: ${spec.command.join(" ")}`, subject);
    return streams;
  }

  #open(entry: Entry, subject: Subject): ExecStreams {
    try {
      return entry.exec.spec.tty ? this.#onTerminal(entry, subject) : this.#onPipes(entry, subject);
    } catch (error) {
      entry.exec = { ...entry.exec, state: "exited", exitCode: exitCodeOf(error) };
      throw error;
    }
  }

  #onTerminal(entry: Entry, subject: Subject): ExecStreams {
    const { processes } = this.#core;
    const { master, path } = processes.openTerminal(entry.size);
    let exited;
    try {
      exited = this.#spawn(entry, subject, { kind: "terminal", path });
    } catch (error) {
      closeSync(master);
      throw error;
    }
    entry.master = master;
    const terminal = new ReadStream(master);
    terminal.on("error", () => terminal.destroy());
    terminal.on("close", () => {
      entry.master = undefined;
    });
    return { stdin: terminal, stdout: terminal, stderr: undefined, ended: exited };
  }

  #onPipes(entry: Entry, subject: Subject): ExecStreams {
    const { processes } = this.#core;
    const { spec } = entry.exec;
    const theirs: number[] = [];
    const ours: number[] = [];
    const input = (): number => {
      if (!spec.stdin) return openSync("/dev/null", "r");
      const { read, write } = processes.openPipe();
      ours[0] = write;
      return read;
    };
    const output = (number: 1 | 2, wanted: boolean): number => {
      if (!wanted) return openSync("/dev/null", "w");
      const { read, write } = processes.openPipe();
      ours[number] = read;
      return write;
    };
    try {
      theirs.push(input());
      theirs.push(output(1, spec.stdout));
      theirs.push(output(2, spec.stderr));
      const descriptors = theirs as unknown as [number, number, number];
      const ended = this.#spawn(entry, subject, { kind: "descriptors", descriptors });
      const on = (fd: number | undefined, way: "readable" | "writable"): ExecStreams["stdin"] =>
        fd === undefined ? undefined : socketOn(fd, { [way]: true });
      return {
        stdin: on(ours[0], "writable"),
        stdout: on(ours[1], "readable"),
        stderr: on(ours[2], "readable"),
        ended,
      };
    } catch (error) {
      for (const fd of ours) if (fd !== undefined) closeSync(fd);
      throw error;
    } finally {
      for (const fd of theirs) closeSync(fd);
    }
  }

  #spawn(
    entry: Entry,
    subject: Subject,
    stdio: Parameters<Core["processes"]["spawnBeside"]>[0]["stdio"],
  ): Promise<void> {
    const { pid, startTicks } = subject.sandbox?.status ?? { pid: 0, startTicks: 0 };
    const child = this.#core.processes.spawnBeside({
      sandboxId: subject.id as SandboxId,
      process: { command: entry.exec.spec.command, env: entry.env, workingDir: entry.directory },
      beside: { pid, startTicks },
      stdio,
    });
    entry.exec = { ...entry.exec, state: "running", pid: child.pid };
    return child.exited.then((exitCode) => {
      entry.exec = { ...entry.exec, state: "exited", exitCode };
      this.#emit(entry.exec, "exec_die", subject, { exitCode: String(exitCode) });
    });
  }

  #find(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    throw new NetError("not_found", "exec.inspect", { message: `No such exec instance: ${id}`, subject: id });
  }

  #trim(subjectId: string): void {
    const mine = [...this.#entries.values()].filter(({ exec }) => exec.subjectId === subjectId);
    const old = mine.filter(({ exec }) => exec.state !== "running").slice(0, Math.max(0, mine.length - KEPT));
    for (const { exec } of old) this.#entries.delete(exec.id);
  }

  #emit(exec: Exec, action: string, { name, id }: Subject, more: Record<string, string> = {}): void {
    const attributes = { execID: exec.id, name, ...more };
    this.#core.events.emit({ type: "container", action, id, attributes });
  }
}

function refuseIdle({ id, sandbox, state }: Subject): void {
  if (state === "running" && sandbox?.status !== undefined) return;
  throw new NetError("conflict", "exec.create", { message: `container ${id} is not running`, subject: id });
}

/** Of a name that both have, the later value. */
export function mergeEnv(first: readonly string[], second: readonly string[]): string[] {
  const values = new Map<string, string>();
  for (const line of [...first, ...second]) values.set(line.split("=", 1)[0] ?? line, line);
  return [...values.values()];
}
