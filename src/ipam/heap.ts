/**
 * Keys in order of a priority, lowest first, any of which can be taken out again: a binary heap that knows where each key
 * sits. All operations are O(log n); `set` with a priority above all others, the usual case here, is O(1).
 */
export class IndexedHeap<Key, Priority extends number | bigint> {
  readonly #keys: Key[] = [];
  readonly #priorities: Priority[] = [];
  readonly #index = new Map<Key, number>();

  get size(): number {
    return this.#keys.length;
  }

  keys(): Iterable<Key> {
    return this.#index.keys();
  }

  /** The key with the lowest priority. */
  peek(): Key | undefined {
    return this.#keys[0];
  }

  /** Its priority. */
  peekPriority(): Priority | undefined {
    return this.#priorities[0];
  }

  /** Puts a key in, or moves it to a new priority. */
  set(key: Key, priority: Priority): void {
    this.delete(key);
    const at = this.#keys.length;
    this.#place(at, key, priority);
    this.#up(at);
  }

  /** Takes a key out; one that is not there is fine. */
  delete(key: Key): void {
    const at = this.#index.get(key);
    if (at === undefined) return;
    this.#index.delete(key);
    const lastKey = this.#keys.pop() as Key;
    const lastPriority = this.#priorities.pop() as Priority;
    if (at === this.#keys.length) return;
    this.#place(at, lastKey, lastPriority);
    this.#up(at);
    this.#down(at);
  }

  #place(at: number, key: Key, priority: Priority): void {
    this.#keys[at] = key;
    this.#priorities[at] = priority;
    this.#index.set(key, at);
  }

  #swap(a: number, b: number): void {
    const key = this.#keys[a] as Key;
    const priority = this.#priorities[a] as Priority;
    this.#place(a, this.#keys[b] as Key, this.#priorities[b] as Priority);
    this.#place(b, key, priority);
  }

  #less(a: number, b: number): boolean {
    return (this.#priorities[a] as Priority) < (this.#priorities[b] as Priority);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#less(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (left < this.#keys.length && this.#less(left, least)) least = left;
      if (right < this.#keys.length && this.#less(right, least)) least = right;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }
}
