import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../../model/container.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { TerminalSize } from "../../model/process.ts";
import type { Core } from "../core.ts";
import { StreamLog } from "./stream-log.ts";
import { openStreams, type RunStreams } from "./streams.ts";

/** Logs and open streams of containers, and who waits for their ends. */
export class Runs {
  readonly #core: Core;
  readonly #dir: string;
  readonly #logs = new Map<string, StreamLog>();
  readonly #streams = new Map<string, RunStreams>();
  readonly #waiting = new Map<string, ((streams: RunStreams) => void)[]>();
  /** A terminal's size that was told before its command was started. */
  readonly #sizes = new Map<string, TerminalSize>();

  constructor(core: Core) {
    this.#core = core;
    this.#dir = join(core.paths.stateDir, "containers");
  }

  /** Takes over what a former daemon left: what runs is watched, and logs of nobody's are removed. */
  resume(): void {
    const { containers, sandboxes } = this.#core.state;
    for (const id of containers.keys()) if (sandboxes.has(id)) this.log(id).begin();
    for (const id of this.#list()) if (!containers.has(id as SandboxId)) this.#remove(id);
  }

  log(id: string): StreamLog {
    let log = this.#logs.get(id);
    if (log === undefined) {
      log = new StreamLog(join(this.#dir, id), this.#core.clock);
      this.#logs.set(id, log);
    }
    return log;
  }

  open({ id, spec }: Container): RunStreams {
    const log = this.log(id);
    const streams = openStreams(this.#core.processes, spec, log, this.#sizes.get(id));
    log.begin();
    this.#streams.set(id, streams);
    for (const tell of this.#waiting.get(id) ?? []) tell(streams);
    this.#waiting.delete(id);
    return streams;
  }

  /** Streams of the run that is on, or of the next one when it comes. */
  whenOpen(id: string): Promise<RunStreams> {
    const open = this.#streams.get(id);
    if (open !== undefined) return Promise.resolve(open);
    return new Promise((resolve) => {
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]);
    });
  }

  streams(id: string): RunStreams | undefined {
    return this.#streams.get(id);
  }

  resize(id: string, size: TerminalSize): void {
    this.#sizes.set(id, size);
    this.#streams.get(id)?.resize(size);
  }

  /** The command has ended, or was not started after all. */
  async finish(id: string, { drain }: { readonly drain: boolean }): Promise<void> {
    const streams = this.#streams.get(id);
    this.#streams.delete(id);
    streams?.release();
    if (drain) await streams?.drained();
    streams?.close();
    this.#logs.get(id)?.finish();
  }

  forget(id: string): void {
    this.#sizes.delete(id);
    this.#waiting.delete(id);
    this.#logs.get(id)?.close();
    this.#logs.delete(id);
    this.#remove(id);
  }

  /** The commands go on. */
  close(): void {
    for (const log of this.#logs.values()) log.close();
    for (const streams of this.#streams.values()) streams.close();
  }

  #remove(id: string): void {
    rmSync(join(this.#dir, id), { recursive: true, force: true });
  }

  #list(): string[] {
    try {
      return readdirSync(this.#dir);
    } catch {
      // No container was ever made here.
      return [];
    }
  }
}
