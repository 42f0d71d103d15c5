import { openSync, closeSync } from "node:fs";
import { NetError } from "../base/errors.ts";
import type { UndoStack } from "../base/undo.ts";
import type { SandboxId } from "../model/ids.ts";
import type { ProcessSpec, ProcessStatus } from "../model/process.ts";
import type { Sandbox } from "../model/sandbox.ts";
import type { Core } from "./core.ts";
import { parseProcess } from "./parse.ts";

const SIGKILL = 9;

/** The processes of sandboxes: started, adopted, watched to their end. */
export class Lifecycle {
  readonly #core: Core;
  readonly #remove: (id: SandboxId) => Promise<void>;
  /** Resolves when the watched process of a sandbox has ended and that is recorded. */
  readonly #ends = new Map<SandboxId, { readonly pid: number; readonly ended: Promise<void> }>();
  /** After close() the end of a process is nobody's business here: the next daemon learns of it. */
  #closed = false;

  constructor(core: Core, remove: (id: SandboxId) => Promise<void>) {
    this.#core = core;
    this.#remove = remove;
  }

  close(): void {
    this.#closed = true;
  }

  /** Starts a process and returns the sandbox that runs it; the caller records it. */
  spawn(sandbox: Sandbox, process: ProcessSpec, undo: UndoStack): Sandbox {
    const core = this.#core;
    const path = core.files.logPath(sandbox.id);
    closeSync(openSync(path, "a", 0o640));
    const child = core.processes.spawn({
      sandboxId: sandbox.id,
      process,
      hostname: sandbox.hostname,
      domainname: sandbox.domainname,
      ...(sandbox.netns.kind === "host" ? {} : { netnsPath: sandbox.netnsPath }),
      files: core.files.paths(sandbox.id),
      stdio: { kind: "log", path },
    });
    undo.defer(async () => {
      core.processes.signal(child.pid, child.startTicks, SIGKILL);
      await child.exited;
    });
    this.#follow(sandbox.id, child.pid, child.exited);
    return running(sandbox, process, { pid: child.pid, startTicks: child.startTicks }, core.clock.now());
  }

  async start(ref: string, process: ProcessSpec): Promise<Sandbox> {
    const core = this.#core;
    const op = "sandbox.process";
    parseProcess(process, "process");
    const { id } = core.state.findSandbox(ref, op);
    return core.lock.run(`sandbox:${id}`, async () => {
      const sandbox = core.state.findSandbox(id, op);
      refuseRunning(sandbox, op);
      await using undo = core.undoStack(op);
      const started = this.spawn(sandbox, process, undo);
      this.#record(started);
      undo.commit();
      this.#emitStart(started);
      return started;
    });
  }

  async adopt(ref: string, pid: number, spec: ProcessSpec): Promise<Sandbox> {
    const core = this.#core;
    const op = "sandbox.process";
    const { id } = core.state.findSandbox(ref, op);
    return core.lock.run(`sandbox:${id}`, () => {
      const sandbox = core.state.findSandbox(id, op);
      refuseRunning(sandbox, op);
      const startTicks = core.processes.startTicks(pid);
      const watch = startTicks === undefined ? undefined : core.processes.watch(pid, startTicks);
      if (startTicks === undefined || watch === undefined) {
        throw new NetError("not_found", op, {
          message: `pid: there is no process ${pid}`,
          field: "pid",
          value: String(pid),
        });
      }
      const adopted = running(sandbox, spec, { pid, startTicks }, core.clock.now());
      this.#record(adopted);
      this.#follow(id, pid, watch.exited);
      this.#emitStart(adopted);
      return Promise.resolve(adopted);
    });
  }

  /** A client says how the process it started ended; the watch may know already, and then the code is added. */
  async reportExit(ref: string, exitCode: number): Promise<void> {
    const core = this.#core;
    const { id } = core.state.findSandbox(ref, "sandbox.process");
    const status = core.state.sandboxes.get(id)?.status;
    if (status !== undefined && status.exitCode === undefined) await this.#ended(id, status.pid, exitCode);
  }

  /** Watches again what a former daemon started. Marks as exited what is gone. */
  async resume(sandbox: Sandbox): Promise<void> {
    if (sandbox.state !== "running" || sandbox.status === undefined) return;
    const { pid, startTicks } = sandbox.status;
    const watch = this.#core.processes.watch(pid, startTicks);
    if (watch === undefined) await this.#ended(sandbox.id, pid, undefined);
    else this.#follow(sandbox.id, pid, watch.exited);
  }

  async stop(ref: string, timeoutSeconds: number, signal: number): Promise<void> {
    const core = this.#core;
    const sandbox = core.state.findSandbox(ref, "sandbox.stop");
    const end = this.#ends.get(sandbox.id);
    if (sandbox.state !== "running" || sandbox.status === undefined || end === undefined) return;
    const { pid, startTicks } = sandbox.status;
    core.processes.signal(pid, startTicks, signal);
    const timer = AbortSignal.timeout(Math.max(0, timeoutSeconds) * 1000);
    const late = new Promise<"late">((resolve) => {
      timer.addEventListener("abort", () => resolve("late"), { once: true });
    });
    if ((await Promise.race([end.ended, late])) === "late") {
      core.processes.signal(pid, startTicks, SIGKILL);
      await end.ended;
    }
  }

  /** Ends everything that runs in a sandbox, at once. The caller holds the sandbox's lock and removes it next. */
  async kill(sandbox: Sandbox): Promise<void> {
    const { processes } = this.#core;
    if (sandbox.state === "running" && sandbox.status !== undefined) {
      processes.signal(sandbox.status.pid, sandbox.status.startTicks, SIGKILL);
    }
    this.#ends.delete(sandbox.id);
    // Descendants that left the process group would keep the namespace, and its links, alive.
    if (sandbox.process !== undefined) await processes.killAll(sandbox.id);
  }

  #follow(id: SandboxId, pid: number, exited: Promise<number | undefined>): void {
    const ended = exited.then((code) => (this.#closed ? undefined : this.#ended(id, pid, code)));
    this.#ends.set(id, { pid, ended });
    ended.catch((error: unknown) => {
      this.#core.log.error({ sandbox: id, error: String(error) }, "could not record the end of a process");
    });
  }

  async #ended(id: SandboxId, pid: number, exitCode: number | undefined): Promise<void> {
    const core = this.#core;
    let autoRemove = false;
    await core.lock.run(`sandbox:${id}`, () => {
      const sandbox = core.state.sandboxes.get(id);
      if (sandbox?.status === undefined || sandbox.status.pid !== pid) return Promise.resolve();
      const first = sandbox.status.finishedAt === undefined;
      const status: ProcessStatus = {
        ...sandbox.status,
        finishedAt: sandbox.status.finishedAt ?? new Date(core.clock.now()).toISOString(),
        ...(exitCode === undefined ? {} : { exitCode }),
      };
      this.#record({ ...sandbox, state: "exited", status });
      if (first) {
        const attributes = {
          name: sandbox.name,
          ...(exitCode === undefined ? {} : { exitCode: String(exitCode) }),
        };
        core.events.emit({ type: "sandbox", action: "die", id, attributes });
        autoRemove = sandbox.autoRemove;
      }
      return Promise.resolve();
    });
    if (autoRemove) await this.#remove(id).catch(ignoreGone);
  }

  #record(sandbox: Sandbox): void {
    this.#core.commit("process", () => this.#core.store.putSandbox(sandbox));
    this.#core.state.putSandbox(sandbox);
  }

  #emitStart({ id, name, status }: Sandbox): void {
    this.#core.events.emit({
      type: "sandbox",
      action: "start",
      id,
      attributes: { name, pid: String(status?.pid) },
    });
  }
}

function running(
  sandbox: Sandbox,
  process: ProcessSpec,
  who: { readonly pid: number; readonly startTicks: number },
  now: number,
): Sandbox {
  return {
    ...sandbox,
    state: "running",
    process,
    status: { ...who, startedAt: new Date(now).toISOString() },
  };
}

function refuseRunning(sandbox: Sandbox, op: string): void {
  if (sandbox.state !== "running") return;
  throw new NetError("in_use", op, {
    message: `sandbox ${sandbox.name} runs a process already (pid ${sandbox.status?.pid})`,
    subject: sandbox.name,
    remedy: "stop it first, or run a second command with exec",
  });
}

/** Somebody else removed it first: that is what we wanted. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof NetError) || error.code !== "not_found") throw error;
}
