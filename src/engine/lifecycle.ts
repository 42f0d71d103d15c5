import { closeSync, openSync } from "node:fs";
import { errorText, NetError } from "../base/errors.ts";
import type { UndoStack } from "../base/undo.ts";
import type { SandboxId } from "../model/ids.ts";
import type { ProcessSpec, ProcessStatus, SpawnRequest } from "../model/process.ts";
import type { Sandbox } from "../model/sandbox.ts";
import type { Core } from "./core.ts";
import { containerAfter, whose } from "./containers/record.ts";
import { parseProcess } from "./parse.ts";

const SIGKILL = 9;
/** What a shell shows of a process that SIGKILL ended: 128 and the signal's number. */
const KILLED = 128 + SIGKILL;

/** How a container's command is started; absent: output goes to the sandbox's log. */
export type Launch = Pick<SpawnRequest, "stdio" | "ownPids"> & Partial<Pick<SpawnRequest, "files">>;

interface Watched {
  readonly pid: number;
  /** Our own child: its end is ours to see. A client's child may be reported by the client first. */
  readonly child: boolean;
  /** Resolves when the process has ended and that is recorded. */
  readonly ended: Promise<void>;
}

/** The processes of sandboxes: started, adopted, watched to their end. */
export class Lifecycle {
  readonly #core: Core;
  readonly #remove: (id: SandboxId) => Promise<void>;
  readonly #watched = new Map<SandboxId, Watched>();
  /** After close() the end of a process is nobody's business here: the next daemon learns of it. */
  #closed = false;

  constructor(core: Core, remove: (id: SandboxId) => Promise<void>) {
    this.#core = core;
    this.#remove = remove;
  }

  close(): void {
    this.#closed = true;
  }

  /** Starts a process and returns the sandbox that runs it; the caller, who holds the lock, records it. */
  async spawn(
    sandbox: Sandbox,
    { process, launch }: { readonly process: ProcessSpec; readonly launch?: Launch | undefined },
    undo: UndoStack,
  ): Promise<Sandbox> {
    const core = this.#core;
    const path = core.files.logPath(sandbox.id);
    if (launch === undefined) closeSync(openSync(path, "a", 0o640));
    const child = core.processes.spawn({
      sandboxId: sandbox.id,
      process,
      hostname: sandbox.hostname,
      domainname: sandbox.domainname,
      ...(sandbox.netns.kind === "host" ? {} : { netnsPath: sandbox.netnsPath }),
      files: core.files.paths(sandbox.id),
      stdio: { kind: "log", path },
      ...launch,
    });
    undo.defer(async () => {
      this.#watched.delete(sandbox.id);
      core.processes.signal(child.pid, child.startTicks, SIGKILL);
      await child.exited;
    });
    this.#watch(sandbox.id, child.pid, child.exited, true);
    if (child.started !== undefined) await child.started;
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
      // Running without a status: killed right here, the next start knows that a process may be about that nobody watches.
      const { status: _, ...rest } = sandbox;
      core.commit("process", () => core.store.putSandbox({ ...rest, state: "running", process }));
      undo.defer(() => {
        core.commit("process", () => core.store.putSandbox(sandbox));
      });
      const started = await this.spawn(sandbox, { process }, undo);
      this.#record(started);
      undo.commit();
      this.emitStart(started);
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
          remedy: "give the id of a process that runs",
        });
      }
      const adopted = running(sandbox, spec, { pid, startTicks }, core.clock.now());
      this.#record(adopted);
      this.#watch(id, pid, watch.exited, false);
      this.emitStart(adopted);
      return Promise.resolve(adopted);
    });
  }

  /** A client says how the process it started ended; the watch may know already, and then the code is added. */
  async reportExit(ref: string, exitCode: number): Promise<void> {
    const core = this.#core;
    const { id } = core.state.findSandbox(ref, "sandbox.process");
    const status = core.state.sandboxes.get(id)?.status;
    if (status === undefined || status.exitCode !== undefined) return;
    // A late word about a process before the one the daemon itself runs now.
    const watched = this.#watched.get(id);
    if (watched?.child === true && watched.pid === status.pid) return;
    await this.#ended(id, status.pid, exitCode);
  }

  /** Watches again what a former daemon started. Marks as exited what is gone. */
  async resume(sandbox: Sandbox): Promise<void> {
    const core = this.#core;
    if (sandbox.state !== "running") return;
    if (sandbox.status === undefined) {
      // The former daemon died between starting a process and writing down which.
      await core.processes.killAll(sandbox.id);
      const now = new Date(core.clock.now()).toISOString();
      const status = { pid: 0, startTicks: 0, startedAt: now, finishedAt: now };
      this.#record({ ...sandbox, state: "exited", status });
      return;
    }
    const { pid, startTicks } = sandbox.status;
    const watch = core.processes.watch(pid, startTicks);
    if (watch === undefined) await this.#ended(sandbox.id, pid, undefined);
    else this.#watch(sandbox.id, pid, watch.exited, false);
  }

  /** Negative: no SIGKILL, however long it takes, as in Docker. */
  async stop(ref: string, timeoutSeconds: number, signal: number): Promise<void> {
    const core = this.#core;
    const sandbox = core.state.findSandbox(ref, "sandbox.stop");
    const watched = this.#watched.get(sandbox.id);
    if (sandbox.state !== "running" || sandbox.status === undefined || watched === undefined) return;
    const { pid, startTicks } = sandbox.status;
    core.processes.signal(pid, startTicks, signal);
    if (timeoutSeconds >= 0 && !(await endsWithin(watched.ended, timeoutSeconds * 1000))) {
      core.processes.signal(pid, startTicks, SIGKILL);
    }
    await watched.ended;
  }

  /** Ends everything that runs in a sandbox, at once. The caller holds the sandbox's lock and removes it next. */
  async kill(sandbox: Sandbox): Promise<void> {
    const { processes } = this.#core;
    if (sandbox.state === "running" && sandbox.status !== undefined) {
      processes.signal(sandbox.status.pid, sandbox.status.startTicks, SIGKILL);
    }
    // Descendants that left the process group would keep the namespace, and its links, alive.
    if (sandbox.process !== undefined) await processes.killAll(sandbox.id);
  }

  emitStart({ id, name, status }: Sandbox): void {
    const attributes = { ...whose(this.#core, id), name, pid: String(status?.pid) };
    this.#core.events.emit({ type: "sandbox", action: "start", id, attributes });
  }

  /** The end of a process whose sandbox was removed over its head. */
  emitKilled(sandbox: Sandbox): void {
    if (sandbox.state === "running") this.#emitDie(sandbox, KILLED);
  }

  #emitDie({ id, name }: Sandbox, exitCode: number | undefined): void {
    const attributes = {
      ...whose(this.#core, id),
      name,
      ...(exitCode === undefined ? {} : { exitCode: String(exitCode) }),
    };
    this.#core.events.emit({ type: "sandbox", action: "die", id, attributes });
  }

  #watch(id: SandboxId, pid: number, exited: Promise<number | undefined>, child: boolean): void {
    const ended = exited.then((code) => (this.#closed ? undefined : this.#ended(id, pid, code)));
    this.#watched.set(id, { pid, child, ended });
    ended.catch((error: unknown) => {
      this.#core.log.error({ sandbox: id, error: errorText(error) }, "could not record the end of a process");
    });
  }

  /** Signals the command of a sandbox; false when none runs. */
  signal(sandbox: Sandbox, signal: number): boolean {
    const { state, status } = sandbox;
    if (state !== "running" || status === undefined) return false;
    return this.#core.processes.signal(status.pid, status.startTicks, signal);
  }

  async #ended(id: SandboxId, pid: number, exitCode: number | undefined): Promise<void> {
    const core = this.#core;
    let autoRemove = false;
    await core.lock.run(`sandbox:${id}`, () => {
      if (this.#watched.get(id)?.pid === pid) this.#watched.delete(id);
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
        this.#emitDie(sandbox, exitCode);
        autoRemove = sandbox.autoRemove;
      }
      return Promise.resolve();
    });
    if (autoRemove) await this.#remove(id).catch(ignoreGone);
  }

  #record(sandbox: Sandbox): void {
    const { store, state } = this.#core;
    // In one transaction: a container has had its run if and only if its sandbox is to be removed.
    const container = sandbox.state === "exited" ? containerAfter(this.#core, sandbox) : undefined;
    this.#core.commit("process", () => {
      store.putSandbox(sandbox);
      if (container !== undefined) store.putContainer(container);
    });
    state.putSandbox(sandbox);
    if (container !== undefined) state.putContainer(container);
  }
}

/** Whether a promise resolves within that time. */
async function endsWithin(promise: Promise<void>, milliseconds: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  // What setTimeout can count (2^31 ms) is 24 days: longer is for ever.
  const timer = milliseconds < 2 ** 31 ? setTimeout(() => resolve(false), milliseconds) : undefined;
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
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
