import fc from "fast-check";
import { expect, test } from "vitest";
import { limiter } from "./limit.ts";

test("never runs more than the limit at a time, and runs everything once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.boolean(), { maxLength: 20 }),
      async (scheduler, limit, works) => {
        const limited = limiter(limit);
        let running = 0;
        let peak = 0;
        const results = Promise.allSettled(
          works.map((succeeds, i) =>
            limited(async () => {
              peak = Math.max(peak, ++running);
              await scheduler.schedule(Promise.resolve());
              running--;
              if (!succeeds) throw new Error("as told");
              return i;
            }),
          ),
        );
        await scheduler.waitFor(results);
        expect(peak).toBe(Math.min(limit, works.length));
        const statuses = (await results).map(({ status }) => status === "fulfilled");
        expect(statuses).toEqual(works);
      },
    ),
  );
});
