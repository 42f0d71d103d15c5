import { NetError } from "../../base/errors.ts";

export interface End {
  readonly exitCode: number;
  readonly error?: string;
}

/** Who waits for the end of a run, or for the container to be gone. */
export class Waiters {
  readonly #waiting = new Map<string, Set<(end: End) => void>>();

  wait(key: string, left: AbortSignal): Promise<End> {
    const { promise, resolve, reject } = Promise.withResolvers<End>();
    const set = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, set);
    set.add(resolve);
    const leave = (): void => {
      set.delete(resolve);
      reject(new NetError("cancelled", "container.wait", { message: "nobody waits any more" }));
    };
    left.addEventListener("abort", leave, { once: true });
    return promise.finally(() => left.removeEventListener("abort", leave));
  }

  tell(key: string, end: End): void {
    const set = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const resolve of set ?? []) resolve(end);
  }
}
