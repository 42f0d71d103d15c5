import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Gate, KeyedLock } from "./lock.ts";

/** A task that runs until it is let go. */
function task(log: string[], name: string): { run: () => Promise<string>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    run: async () => {
      log.push(`${name} starts`);
      await promise;
      log.push(`${name} ends`);
      return name;
    },
    end: resolve,
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("KeyedLock", () => {
  test("one at a time for a key, in order of arrival", async () => {
    const lock = new KeyedLock();
    const log: string[] = [];
    const [a, b, c] = ["a", "b", "c"].map((name) => task(log, name));
    const all = [a, b, c].map((t) => lock.run("key", () => t!.run()));
    for (const t of [a, b, c]) t?.end();
    expect(await Promise.all(all)).toEqual(["a", "b", "c"]);
    expect(log).toEqual(["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
  });

  test("other keys do not wait", async () => {
    const lock = new KeyedLock();
    const log: string[] = [];
    const [a, b] = [task(log, "a"), task(log, "b")];
    const first = lock.run("one", a.run);
    const second = lock.run("two", b.run);
    b.end();
    await second;
    a.end();
    await first;
    expect(log).toEqual(["a starts", "b starts", "b ends", "a ends"]);
  });

  test("a task begins at once, in the same breath, when nobody holds the key", () => {
    const log: string[] = [];
    void new KeyedLock().run("key", task(log, "a").run);
    expect(log).toEqual(["a starts"]);
  });

  test("a failure goes to its caller only", async () => {
    const lock = new KeyedLock();
    const failed = lock.run("key", () => Promise.reject(new Error("mine")));
    const next = lock.run("key", () => Promise.resolve("yours"));
    await expect(failed).rejects.toThrow("mine");
    expect(await next).toBe("yours");
  });
});

describe("Gate", () => {
  test("many go through side by side", async () => {
    const gate = new Gate();
    const log: string[] = [];
    const [a, b] = [task(log, "a"), task(log, "b")];
    const both = [gate.shared(a.run), gate.shared(b.run)];
    a.end();
    b.end();
    await Promise.all(both);
    expect(log.slice(0, 2)).toEqual(["a starts", "b starts"]);
  });

  test("one alone waits for those inside, and those who come later wait for it", async () => {
    const gate = new Gate();
    const log: string[] = [];
    const [inside, alone, later] = [task(log, "inside"), task(log, "alone"), task(log, "later")];
    const all = [gate.shared(inside.run), gate.exclusive(alone.run), gate.shared(later.run)];
    await turn();
    expect(log).toEqual(["inside starts"]);
    inside.end();
    await turn();
    expect(log.at(-1)).toBe("alone starts");
    alone.end();
    later.end();
    await Promise.all(all);
    expect(log.slice(2)).toEqual(["alone starts", "alone ends", "later starts", "later ends"]);
  });

  test("opens again after a failure", async () => {
    const gate = new Gate();
    await expect(gate.exclusive(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(gate.shared(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await gate.exclusive(() => Promise.resolve(1))).toBe(1);
  });

  test("whatever comes in whatever order: all finish, and nobody is in beside one alone", async () => {
    const kind = fc.constantFrom("shared" as const, "exclusive" as const);
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(kind, { maxLength: 12 }), async (s, kinds) => {
        const gate = new Gate();
        let inside = 0;
        let alone = false;
        const all = kinds.map((which, i) =>
          gate[which](async () => {
            expect(alone || (which === "exclusive" && inside > 0)).toBe(false);
            alone = which === "exclusive";
            inside += 1;
            await s.schedule(Promise.resolve(), `task ${i}`);
            inside -= 1;
            alone = false;
            return i;
          }),
        );
        const done = Promise.all(all);
        await s.waitFor(done);
        expect(await done).toEqual(kinds.map((_, i) => i));
      }),
    );
  });
});
