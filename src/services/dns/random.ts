import { randomFillSync } from "node:crypto";

/** 16-bit numbers from the kernel's generator, drawn a few hundred at a time. */
export function createRandomIds(): () => number {
  const pool = new Uint16Array(512);
  let next = pool.length;
  return () => {
    if (next === pool.length) {
      randomFillSync(pool);
      next = 0;
    }
    return pool[next++] as number;
  };
}
