import { rangeOf, type Cidr } from "../base/cidr.ts";
import { bitsOf, familyOf, type Family } from "../base/ip.ts";
import type { TakenPrefix } from "../model/ipam.ts";

/** Addresses `first` to `last`, both inclusive, as numbers; what they are taken by. */
export interface Range<T> {
  readonly first: bigint;
  readonly last: bigint;
  readonly by: T;
}

/** Ranges of one family that never overlap, sorted. Finding is O(log n). */
export class RangeSet<T> {
  readonly #ranges: Range<T>[];

  private constructor(ranges: Range<T>[]) {
    this.#ranges = ranges;
  }

  static empty<T>(): RangeSet<T> {
    return new RangeSet<T>([]);
  }

  /** Of ranges in any order that may overlap: overlapping ones become one, by the widest of them. */
  static merged<T>(ranges: readonly Range<T>[]): RangeSet<T> {
    const sorted = ranges.toSorted((a, b) => compare(a.first, b.first) || compare(b.last, a.last));
    const out: Range<T>[] = [];
    for (const range of sorted) {
      const before = out.at(-1);
      if (before === undefined || range.first > before.last) out.push(range);
      else if (range.last > before.last) out[out.length - 1] = { ...before, last: range.last };
    }
    return new RangeSet(out);
  }

  /** The lowest range that shares an address with `first`…`last`. */
  overlapping(first: bigint, last: bigint): Range<T> | undefined {
    const found = this.#ranges[this.#from(first)];
    return found !== undefined && found.first <= last ? found : undefined;
  }

  /** The caller has made sure that nothing overlaps. */
  add(range: Range<T>): void {
    this.#ranges.splice(this.#from(range.first), 0, range);
  }

  delete(first: bigint): void {
    const at = this.#from(first);
    if (this.#ranges[at]?.first === first) this.#ranges.splice(at, 1);
  }

  /** Index of the first range that ends at or after `value`. */
  #from(value: bigint): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle] as Range<T>).last < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function rangeBy<T>(cidr: Cidr, by: T): Range<T> {
  const { first, last } = rangeOf(cidr);
  return { first, last, by };
}

/**
 * What the host itself uses, as ranges of one family. Default routes count for nothing: they cover every address, so with
 * them nothing would ever be free (Docker ignores them likewise). The same goes for the two halves `0.0.0.0/1` and
 * `128.0.0.0/1`, by which VPN clients override a default route without removing it, and for their IPv6 twins.
 */
export function takenRanges(taken: readonly TakenPrefix[], family: Family): RangeSet<TakenPrefix> {
  const halfOfAll = 1n << BigInt(bitsOf(family) - 1);
  const ranges: Range<TakenPrefix>[] = [];
  for (const entry of taken) {
    if (familyOf(entry.prefix) !== family) continue;
    const { first, last } = rangeOf(entry.prefix);
    if (last - first + 1n < halfOfAll) ranges.push({ first, last, by: entry });
  }
  return RangeSet.merged(ranges);
}
