/** Later, as the resolver sees it: tests bring timers that they fire themselves. */
export interface Timers {
  /** Runs once after so many milliseconds, unless the returned function is called before. */
  after(ms: number, run: () => void): () => void;
}

/** The runtime's own. They do not keep the process alive: nobody waits for a time-out to pass. */
export const systemTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};
