/**
 * One operation at a time for each key (a sandbox, a network); operations on different keys run side by side. Waiters get
 * their turn in order of arrival.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tails.set(key, promise);
    try {
      if (before !== undefined) await before;
      return await task();
    } finally {
      if (this.#tails.get(key) === promise) this.#tails.delete(key);
      resolve();
    }
  }
}

/** Many operations at once, or one reconcile alone: it compares whole states and must not see one half made. */
export class Gate {
  #inside = 0;
  #closed: Promise<void> | undefined;
  #empty: (() => void) | undefined;

  async shared<T>(task: () => Promise<T>): Promise<T> {
    // Closed again by the next in line before we got in: wait again.
    // oxlint-disable-next-line no-await-in-loop
    while (this.#closed !== undefined) await this.#closed;
    this.#inside += 1;
    try {
      return await task();
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) this.#empty?.();
    }
  }

  async exclusive<T>(task: () => Promise<T>): Promise<T> {
    // oxlint-disable-next-line no-await-in-loop
    while (this.#closed !== undefined) await this.#closed;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = promise;
    try {
      if (this.#inside > 0) {
        const empty = Promise.withResolvers<void>();
        this.#empty = empty.resolve;
        await empty.promise;
      }
      return await task();
    } finally {
      this.#empty = undefined;
      this.#closed = undefined;
      resolve();
    }
  }
}
