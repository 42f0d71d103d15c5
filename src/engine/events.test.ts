import { describe, expect, test } from "vitest";
import type { NetdockEvent } from "../model/events.ts";
import { EventHub } from "./events.ts";

function hub(): { hub: EventHub; errors: unknown[]; emit: (id: string) => void } {
  const errors: unknown[] = [];
  const made = new EventHub({ now: () => Date.UTC(2026, 0, 2) }, (error) => errors.push(error));
  return {
    hub: made,
    errors,
    emit: (id) => made.emit({ type: "network", action: "create", id, attributes: { name: id } }),
  };
}

describe("EventHub", () => {
  test("numbers and dates events, and hands them on at once", () => {
    const { hub: events, emit } = hub();
    const got: NetdockEvent[] = [];
    events.subscribe((event) => got.push(event));
    emit("a");
    emit("b");
    expect(got.map((e) => [e.seq, e.id])).toEqual([
      [1, "a"],
      [2, "b"],
    ]);
    expect(got[0]).toEqual({
      seq: 1,
      time: "2026-01-02T00:00:00.000Z",
      type: "network",
      action: "create",
      id: "a",
      attributes: { name: "a" },
    });
  });

  test("gives a late subscriber what came after the event it knows, without a gap or a repeat", () => {
    const { hub: events, emit } = hub();
    for (const id of ["a", "b", "c"]) emit(id);
    const got: string[] = [];
    events.subscribe((event) => got.push(event.id), 1);
    emit("d");
    expect(got).toEqual(["b", "c", "d"]);
  });

  test("without `since` only new ones come", () => {
    const { hub: events, emit } = hub();
    emit("a");
    const got: string[] = [];
    events.subscribe((event) => got.push(event.id));
    emit("b");
    expect(got).toEqual(["b"]);
  });

  test("remembers the last 256", () => {
    const { hub: events, emit } = hub();
    for (let i = 1; i <= 300; i++) emit(`${i}`);
    const got: string[] = [];
    events.subscribe((event) => got.push(event.id), 0);
    expect([got.length, got[0], got.at(-1)]).toEqual([256, "45", "300"]);
  });

  test("stops when told, also for a function that listens twice", () => {
    const { hub: events, emit } = hub();
    const got: string[] = [];
    const listen = (event: NetdockEvent): void => void got.push(event.id);
    const first = events.subscribe(listen);
    events.subscribe(listen);
    emit("a");
    first();
    emit("b");
    expect(got).toEqual(["a", "a", "b"]);
  });

  test("a listener that throws keeps neither the emitter nor the others from the event", () => {
    const { hub: events, errors, emit } = hub();
    const got: string[] = [];
    emit("past");
    const bad = (): void => {
      throw new Error("broken pipe");
    };
    events.subscribe(bad, 0);
    events.subscribe((event) => got.push(event.id));
    emit("a");
    expect(got).toEqual(["a"]);
    expect(errors).toHaveLength(2);
  });
});
