import { isNetError } from "../../base/errors.ts";
import type { NetdockClient } from "../client.ts";

/** Knows which processes ended since it was opened, by the daemon's events: nobody has to ask again and again. */
export class Deaths implements AsyncDisposable {
  readonly #codes = new Map<string, number>();
  readonly #waiting = new Map<string, ((exitCode: number) => void)[]>();
  readonly #abort = new AbortController();
  #reading: Promise<void> = Promise.resolve();

  /** Resolves when subscribed: nothing that ends afterwards is missed. */
  static async open(client: NetdockClient): Promise<Deaths> {
    const deaths = new Deaths();
    const events = await client.events({}, { signal: deaths.#abort.signal });
    deaths.#reading = deaths.#read(events);
    return deaths;
  }

  async #read(
    events: AsyncIterable<{ type: string; action: string; id: string; attributes: object }>,
  ): Promise<void> {
    try {
      for await (const event of events) {
        if (event.type !== "sandbox" || event.action !== "die") continue;
        const code = Number((event.attributes as { exitCode?: string }).exitCode ?? Number.NaN);
        this.#codes.set(event.id, code);
        for (const tell of this.#waiting.get(event.id) ?? []) tell(code);
        this.#waiting.delete(event.id);
      }
    } catch (error) {
      // We hung up ourselves, or the daemon is gone: then the next call to it says so better than this could.
      if (!isNetError(error, "cancelled", "unavailable")) throw error;
    }
  }

  /** The exit code of a sandbox's process if it ended, NaN when nobody could learn it. */
  codeOf(sandboxId: string): number | undefined {
    return this.#codes.get(sandboxId);
  }

  /** Resolves when the process ends, or never. */
  died(sandboxId: string): Promise<number> {
    const code = this.#codes.get(sandboxId);
    if (code !== undefined) return Promise.resolve(code);
    return new Promise((resolve) => {
      this.#waiting.set(sandboxId, [...(this.#waiting.get(sandboxId) ?? []), resolve]);
    });
  }

  /** A process is about to be started (again) in this sandbox: what ended before it does not count. */
  forget(sandboxId: string): void {
    this.#codes.delete(sandboxId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#reading;
  }
}
