/** How a deed is taken back. May fail; failures are collected, they never stop the other undos. */
export type Undo = () => void | Promise<void>;

/**
 * Takes back what was done, last first, unless `commit()` came. Each deed registers its undo on the line after it:
 *
 * ```ts
 * await using undo = new UndoStack();
 * await host.apply(ops);
 * undo.defer(() => host.apply(inverse));
 * undo.commit();
 * ```
 */
export class UndoStack implements AsyncDisposable {
  #undos: Undo[] = [];
  readonly #onError: ((error: unknown) => void) | undefined;

  constructor(onError?: (error: unknown) => void) {
    this.#onError = onError;
  }

  defer(undo: Undo): void {
    this.#undos.push(undo);
  }

  /** What was done stays. */
  commit(): void {
    this.#undos = [];
  }

  /** Runs every undo, last first, and returns the failures. */
  async rollback(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (let undo = this.#undos.pop(); undo !== undefined; undo = this.#undos.pop()) {
      try {
        // Order matters: a later deed may stand on an earlier one, so the undos cannot run side by side.
        // oxlint-disable-next-line no-await-in-loop
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const failure of await this.rollback()) this.#onError?.(failure);
  }
}
