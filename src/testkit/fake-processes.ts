import { invalid, NetError } from "../base/errors.ts";
import type { SandboxId } from "../model/ids.ts";
import type { BesideRequest, Processes, SpawnedProcess, SpawnRequest, Terminal } from "../model/process.ts";

interface FakeProcess {
  readonly pid: number;
  readonly startTicks: number;
  /** The mark it carries in its environment. */
  readonly sandbox: SandboxId | undefined;
  readonly ended: Promise<number>;
  readonly end: (code: number) => void;
}

/** The processes of a machine in memory. They outlive the daemon; signals 9 and 15 end them. */
export class FakeProcesses implements Processes {
  readonly running: Map<number, FakeProcess> = new Map();
  readonly requests: SpawnRequest[] = [];
  /** SIGTERM does nothing. */
  stubborn: boolean = false;
  /** Each process starts another at once, which leaves its group. */
  forks: boolean = false;
  #pid = 1000;

  spawn(request: SpawnRequest): SpawnedProcess {
    const [name] = request.process.command;
    if (name === "/missing") {
      throw invalid("process.command", name, "there is no such program", "process.start");
    }
    this.requests.push(request);
    const process = this.start(request.sandboxId);
    if (this.forks) this.start(request.sandboxId);
    return { pid: process.pid, startTicks: process.startTicks, exited: process.ended };
  }

  spawnBeside({ sandboxId, beside }: BesideRequest): SpawnedProcess {
    if (this.#find(beside.pid, beside.startTicks) === undefined) {
      throw new NetError("not_found", "process.start", { message: `process ${beside.pid} has ended` });
    }
    const process = this.start(sandboxId);
    return { pid: process.pid, startTicks: process.startTicks, exited: process.ended };
  }

  openPipe(): { readonly read: number; readonly write: number } {
    throw new Error("a machine in memory has no descriptors");
  }

  openTerminal(): Terminal {
    throw new Error("a machine in memory has no terminals");
  }

  resizeTerminal(): void {
    throw new Error("a machine in memory has no terminals");
  }

  /** A process that somebody starts, with a sandbox's mark or without. */
  start(sandbox: SandboxId | undefined): FakeProcess {
    const { promise, resolve } = Promise.withResolvers<number>();
    const pid = ++this.#pid;
    const process: FakeProcess = {
      pid,
      startTicks: pid * 7,
      sandbox,
      ended: promise,
      end: (code) => {
        this.running.delete(pid);
        resolve(code);
      },
    };
    this.running.set(pid, process);
    return process;
  }

  /** Ends a process by itself. */
  exit(pid: number, code: number): void {
    this.running.get(pid)?.end(code);
  }

  watch(pid: number, startTicks: number): { readonly exited: Promise<number | undefined> } | undefined {
    const process = this.#find(pid, startTicks);
    // Not our child: that it ended can be seen, and not how.
    return process === undefined ? undefined : { exited: process.ended.then(() => undefined) };
  }

  startTicks(pid: number): number | undefined {
    return this.running.get(pid)?.startTicks;
  }

  signal(pid: number, startTicks: number, signal: number): boolean {
    const process = this.#find(pid, startTicks);
    if (signal === 9 || (signal === 15 && !this.stubborn)) process?.end(128 + signal);
    return process !== undefined;
  }

  killAll(sandbox: SandboxId): Promise<number> {
    const marked = [...this.running.values()].filter((process) => process.sandbox === sandbox);
    for (const process of marked) process.end(137);
    return Promise.resolve(marked.length);
  }

  #find(pid: number, startTicks: number): FakeProcess | undefined {
    const process = this.running.get(pid);
    return process?.startTicks === startTicks ? process : undefined;
  }
}
