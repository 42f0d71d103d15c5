import { afterEach, beforeEach, expect, test } from "vitest";
import { Worker } from "node:worker_threads";
import { READY } from "../model/readiness.ts";
import { close } from "./libc.ts";
import { eventfd, eventfdDrain, eventfdSignal } from "./libc-poll.ts";
import { ThreadLoop } from "./thread-loop.ts";

let wake: number;
let woken: number;
let loop: ThreadLoop;
let fds: number[];

beforeEach(() => {
  wake = eventfd();
  woken = 0;
  loop = new ThreadLoop(wake, () => void woken++);
  fds = [];
});
afterEach(() => {
  loop.close();
  for (const fd of [wake, ...fds]) close(fd);
});

/** A descriptor that can be read from now on. */
function readable(): number {
  const fd = eventfd();
  fds.push(fd);
  eventfdSignal(fd);
  return fd;
}

test("a turn calls back for what is ready, as long as it is, until it is removed", () => {
  const fd = readable();
  const told: number[] = [];
  loop.add(fd, READY.IN, (events) => told.push(events));
  loop.turn();
  loop.turn();
  expect(told).toEqual([READY.IN, READY.IN]);
  loop.change(fd, READY.OUT);
  loop.turn();
  expect(told.at(-1)).toBe(READY.OUT);
  loop.remove(fd);
  loop.remove(fd);
  eventfdSignal(wake);
  loop.turn();
  expect([told.length, woken]).toEqual([3, 1]);
});

test("who wakes the loop is heard before everybody else, and what was removed then is not told of", () => {
  const said: string[] = [];
  const fd = readable();
  loop.close();
  loop = new ThreadLoop(wake, () => {
    said.push("woken");
    loop.remove(fd);
  });
  loop.add(fd, READY.IN, () => said.push("ready"));
  eventfdSignal(wake);
  loop.turn();
  expect(said).toEqual(["woken"]);
});

test("timers fire in order, each once, and a cancelled one never", () => {
  const fired: string[] = [];
  loop.after(4, () => fired.push("late"));
  const cancel = loop.after(1, () => fired.push("cancelled"));
  loop.after(1, () => {
    fired.push("early");
    loop.after(1, () => fired.push("made by a timer"));
  });
  cancel();
  cancel();
  while (fired.length < 3) loop.turn();
  expect(fired).toEqual(["early", "made by a timer", "late"]);
  // None is left to wait for: this turn ends by the wake alone.
  eventfdSignal(wake);
  loop.turn();
  expect([fired.length, woken]).toEqual([3, 1]);
});

test("another thread ends the wait", () => {
  const script = `
    import { workerData } from "node:worker_threads";
    import { eventfdSignal } from ${JSON.stringify(new URL("libc-poll.ts", import.meta.url).href)};
    eventfdSignal(workerData);`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
  const worker = new Worker(url, { workerData: wake });
  // This thread is in the kernel until then.
  loop.turn();
  expect(woken).toBe(1);
  eventfdDrain(wake);
  return worker.terminate();
});
