import type { ResolverMetrics } from "../../model/resolver.ts";
import { COUNTER_CELLS, metricsIn } from "../../services/dns/index.ts";

/** Sandboxes whose counters are in one piece of memory. */
const CHUNK = 64;

/**
 * Memory of counters that the resolver's thread counts in and this one reads. What is given back is added up and given to the
 * next sandbox.
 */
export class CounterMemory {
  readonly #past: Float64Array = new Float64Array(COUNTER_CELLS);
  readonly #used = new Set<Float64Array>();
  readonly #free: Float64Array[] = [];

  take(): Float64Array {
    if (this.#free.length === 0) this.#grow();
    const cells = this.#free.pop() as Float64Array;
    this.#used.add(cells);
    return cells;
  }

  /** When nobody counts in it any more. */
  giveBack(cells: Float64Array): void {
    if (!this.#used.delete(cells)) return;
    add(this.#past, cells);
    cells.fill(0);
    this.#free.push(cells);
  }

  /** Over all, those given back included. */
  total(): ResolverMetrics {
    const sum = this.#past.slice();
    for (const cells of this.#used) add(sum, cells);
    return metricsIn(sum);
  }

  #grow(): void {
    const size = COUNTER_CELLS * Float64Array.BYTES_PER_ELEMENT;
    const memory = new SharedArrayBuffer(CHUNK * size);
    for (let i = CHUNK - 1; i >= 0; i--) this.#free.push(new Float64Array(memory, i * size, COUNTER_CELLS));
  }
}

function add(sum: Float64Array, cells: Float64Array): void {
  cells.forEach((count, i) => (sum[i] = (sum[i] as number) + count));
}
