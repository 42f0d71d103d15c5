import { closeSync, openSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { CLONE, namespaceType } from "./libc.ts";
import { ThreadNamespaces } from "./netns.ts";

/** What tells one namespace from another. */
const inode = (kind: string): number => statSync(`/proc/thread-self/ns/${kind}`).ino;
const where = (): unknown[] => [inode("net"), inode("mnt"), inode("uts"), process.cwd()];

/** The type keeps promises out of a visit: each line here must not compile. */
export function neverCalled(threads: ThreadNamespaces): void {
  // @ts-expect-error -- an async function would go on elsewhere
  void threads.withNetns(0, async () => await Promise.resolve(1));
  // @ts-expect-error -- as would whoever waits for this
  void threads.withNewNetns(() => Promise.resolve());
  // @ts-expect-error -- the same for a new mount namespace
  void threads.withNewMounts({ netns: undefined, ownPids: false }, () => Promise.resolve(1));
}

test("a visit ends where it began, also when it throws", () => {
  const threads = new ThreadNamespaces();
  const before = where();
  const fd = threads.withNewNetns(() => openSync("/proc/thread-self/ns/net", "r"));
  expect(where()).toEqual(before);
  expect(namespaceType(fd)).toBe(CLONE.NEWNET);

  const seen = threads.withNetns(fd, () => inode("net"));
  expect(seen).toBe(statSync(`/proc/self/fd/${fd}`).ino);
  expect(seen).not.toBe(before[0]);

  const visits = [
    (run: () => never) => threads.withNetns(fd, run),
    (run: () => never) => threads.withNewNetns(run),
    (run: () => never) => threads.withNewMounts({ netns: fd, ownPids: false }, run),
  ];
  for (const visit of visits) {
    const failing = (): never => {
      expect(where()).not.toEqual(before);
      throw new Error("expected");
    };
    expect(() => visit(failing)).toThrow("expected");
    expect(where()).toEqual(before);
  }
  closeSync(fd);
  threads.close();
});

test("with new mounts, all three namespaces are other ones, and nothing of them is left", () => {
  const threads = new ThreadNamespaces();
  const before = where();
  const inside = threads.withNewMounts({ netns: undefined, ownPids: false }, where);
  expect(inside[0]).toBe(before[0]);
  expect(inside[1]).not.toBe(before[1]);
  expect(inside[2]).not.toBe(before[2]);
  expect(inside[3]).toBe(before[3]);
  expect(where()).toEqual(before);
  threads.close();
});

test("what is no namespace cannot be entered, and a visit within a visit is refused", () => {
  const threads = new ThreadNamespaces();
  const before = where();
  const file = openSync("/dev/null", "r");
  expect(() => threads.withNetns(file, () => 1)).toThrow("setns");
  expect(where()).toEqual(before);
  expect(() => threads.withNewNetns(() => threads.withNetns(file, () => 1))).toThrow("from within another");
  expect(where()).toEqual(before);
  // The refusal has left the thread usable.
  expect(threads.withNewNetns(() => inode("net"))).not.toBe(before[0]);
  closeSync(file);
  threads.close();
});
