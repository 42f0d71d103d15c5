import { expect, test } from "vitest";
import { UndoStack } from "./undo.ts";

test("undoes last first, and goes on after a failure", async () => {
  const log: string[] = [];
  const failures: unknown[] = [];
  {
    await using undo = new UndoStack((error) => failures.push(error));
    undo.defer(() => void log.push("first"));
    undo.defer(() => {
      throw new Error("stuck");
    });
    undo.defer(async () => {
      await Promise.resolve();
      log.push("last");
    });
  }
  expect(log).toEqual(["last", "first"]);
  expect(failures).toEqual([new Error("stuck")]);
});

test("commit() keeps what was done", async () => {
  let undone = false;
  {
    await using undo = new UndoStack();
    undo.defer(() => void (undone = true));
    undo.commit();
  }
  expect(undone).toBe(false);
});
