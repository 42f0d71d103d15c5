/** Lets at most `limit` pieces of work run at a time; the others wait their turn, first come first served. */
export function limiter(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The turn is handed over, so that nobody who comes just now can slip in between.
      if (next === undefined) running--;
      else next();
    }
  };
}
