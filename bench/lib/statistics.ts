export interface Summary {
  readonly n: number;
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly min: number;
}

/** Nearest-rank percentiles: with 200 values p99 is the third largest, which did happen. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return {
    n: sorted.length,
    median: rank(0.5),
    p90: rank(0.9),
    p99: rank(0.99),
    min: rank(0) || (sorted[0] ?? Number.NaN),
  };
}

/** Values by text key. */
export class Collected {
  readonly #values = new Map<string, number[]>();

  add(key: string, value: number): void {
    const list = this.#values.get(key);
    if (list === undefined) this.#values.set(key, [value]);
    else list.push(value);
  }

  summary(key: string): Summary | undefined {
    const list = this.#values.get(key);
    return list === undefined ? undefined : summarize(list);
  }
}
