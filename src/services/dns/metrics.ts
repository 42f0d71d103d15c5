import type { ResolverMetrics } from "../../model/resolver.ts";

type Metric = keyof ResolverMetrics;

/** The place of each number in the memory of counters. */
const PLACE: Readonly<Record<Metric, number>> = {
  queries: 0,
  malformed: 1,
  local: 2,
  denied: 3,
  refused: 4,
  cacheHits: 5,
  forwarded: 6,
  coalesced: 7,
  failed: 8,
  truncated: 9,
  upstreamQueries: 10,
};
const METRICS = Object.keys(PLACE) as readonly Metric[];

/** How many numbers one sandbox's counters are. */
export const COUNTER_CELLS: number = METRICS.length;

/** One sandbox's metrics, counting. The memory may be shared: one thread counts, others read. */
export class Counters {
  #cells: Float64Array;

  /** Goes on counting in `cells`, of which there are COUNTER_CELLS. */
  constructor(cells: Float64Array) {
    this.#cells = cells;
  }

  count(metric: Metric): void {
    const place = PLACE[metric];
    this.#cells[place] = (this.#cells[place] as number) + 1;
  }

  /** From now on counts in memory of its own: the other may be given to somebody else. */
  leave(): void {
    this.#cells = this.#cells.slice();
  }

  read(): ResolverMetrics {
    return metricsIn(this.#cells);
  }
}

export function newCounters(): Counters {
  return new Counters(new Float64Array(COUNTER_CELLS));
}

/** The numbers in one sandbox's cells. */
export function metricsIn(cells: Float64Array): ResolverMetrics {
  return Object.fromEntries(METRICS.map((metric) => [metric, cells[PLACE[metric]]])) as unknown as {
    -readonly [M in Metric]: number;
  };
}
