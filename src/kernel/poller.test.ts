import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { close, POLL } from "./libc.ts";
import { eventfd, eventfdDrain, eventfdSignal } from "./libc-poll.ts";
import { Poller } from "./poller.ts";

test("a descriptor that becomes readable is told until it is removed", async () => {
  const poller = new Poller();
  const fd = eventfd();
  let told = 0;
  const twice = Promise.withResolvers<void>();
  poller.add(fd, POLL.IN, (events) => {
    expect(events).toBe(POLL.IN);
    // Not drained: the state lasts, and is told again.
    if (++told === 2) {
      eventfdDrain(fd);
      twice.resolve();
    }
  });
  eventfdSignal(fd);
  await twice.promise;
  poller.remove(fd);
  poller.remove(fd);
  eventfdSignal(fd);
  await poller.settled();
  expect(told).toBe(2);
  poller.close();
  poller.close();
  close(fd);
});

test("many descriptors are waited for by one thread, also those added while it waits", async () => {
  const poller = new Poller();
  const fds = Array.from({ length: 100 }, () => eventfd());
  await Promise.all(
    fds.map(
      (fd, i) =>
        new Promise<void>((resolve) => {
          setImmediate(() => {
            poller.add(fd, POLL.IN, () => {
              poller.remove(fd);
              resolve();
            });
            if (i % 2 === 0) eventfdSignal(fd);
            else setImmediate(() => eventfdSignal(fd));
          });
        }),
    ),
  );
  poller.close();
  await poller.settled();
  for (const fd of fds) close(fd);
});

/** Runs a script that has `poller` and `fd` under watch; its exit code, or null when it hangs. */
function runScript(body: string): number | null {
  const url = new URL("poller.ts", import.meta.url).href;
  const libc = new URL("libc-poll.ts", import.meta.url).href;
  const script = `
    import { Poller } from ${JSON.stringify(url)};
    import { eventfd } from ${JSON.stringify(libc)};
    const poller = new Poller();
    const fd = eventfd();
    poller.add(fd, 1, () => {});
    ${body}`;
  const argv = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "-e", script];
  return spawnSync(process.execPath, argv, { timeout: 10_000, stdio: "inherit" }).status;
}

test("a wait under way holds up neither process.exit() nor, once it is closed, the end of the program", () => {
  expect(runScript("setImmediate(() => process.exit(3));")).toBe(3);
  expect(runScript("setImmediate(() => { throw new Error('expected by a test'); });")).toBe(1);
  expect(runScript("setImmediate(() => poller.close());")).toBe(0);
  expect(runScript("setImmediate(() => poller.remove(fd));")).toBe(0);
});
