import fc from "fast-check";
import { expect, test } from "vitest";

import { IndexedHeap } from "./heap.ts";

test("the heap agrees with a sorted list through any mix of set and delete", () => {
  const change = fc.record({ key: fc.nat(20), priority: fc.option(fc.nat(1000), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 100, size: "max" }), (changes) => {
      const heap = new IndexedHeap<number, number>();
      const list = new Map<number, number>();
      for (const [i, { key, priority }] of changes.entries()) {
        // Made unique, as sequence numbers and addresses are: the order of equals is nobody's business.
        const unique = priority === undefined ? undefined : priority * 1000 + i;
        if (unique === undefined) {
          heap.delete(key);
          list.delete(key);
        } else {
          heap.set(key, unique);
          list.set(key, unique);
        }
        const [least] = [...list].toSorted(([, a], [, b]) => a - b);
        expect([heap.peek(), heap.peekPriority()]).toEqual(least ?? [undefined, undefined]);
        expect(new Set(heap.keys())).toEqual(new Set(list.keys()));
        expect(heap.size).toBe(list.size);
      }
    }),
  );
});
