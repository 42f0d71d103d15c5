import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { JOURNAL_STEPS, type JournalStep } from "../../src/engine/journal.ts";
import { addressOn, idle, probe, server } from "./serve.ts";
import { COUNT_PROCESSES, World } from "./world.ts";

/**
 * The daemon is killed at every journal step there is, started again, and then: store and kernel agree, nothing is left
 * over, and a TCP stream between two sandboxes that have nothing to do with it never broke.
 */
let world: World;
let stream: ChildProcess;
let streamed = "";

beforeAll(async () => {
  world = await World.start();
  await world.startDaemon();
  await world.netdockOk("network", "create", "steady");
  await world.netdockOk("network", "create", "other");
  await server(world, "source", "--network", "steady");
  await idle(world, "sink", "--network", "steady");
  const [view] = JSON.parse(await world.netdockOk("inspect", "sink")) as [{ netnsPath: string }];
  const ask = probe("stream", await addressOn(world, "source", "steady"), "80");
  // Entered by hand, so that no part of netdock is between the stream and the kernel.
  stream = world.host.spawn(["nsenter", `--net=${view.netnsPath}`, "--", ...ask]);
  stream.stdout?.setEncoding("utf8").on("data", (text: string) => (streamed += text));
  await once(stream.stdout as NodeJS.ReadableStream, "data");
});

afterAll(async () => {
  stream?.kill("SIGKILL");
  await world?.[Symbol.asyncDispose]();
});

/** What runs into the step, what must be there before, and whether the subject is there after the restart. */
interface Case {
  readonly before: readonly (readonly string[])[];
  readonly act: readonly string[];
  readonly after: readonly (readonly string[])[];
}

const RUN = ["run", "-d", "--name", "x", "--network", "steady", "-p", "7777:80", "--", "sleep", "1000"];
const CASES: Readonly<Record<string, Case>> = {
  "network.create": { before: [], act: ["network", "create", "x"], after: [["network", "rm", "x"]] },
  "network.remove": {
    before: [["network", "create", "x"]],
    act: ["network", "rm", "x"],
    after: [["network", "rm", "x"]],
  },
  "network.change": {
    before: [["network", "create", "x"]],
    act: ["network", "peer", "--port", "80", "x", "other"],
    after: [["network", "rm", "x"]],
  },
  "sandbox.create": { before: [], act: RUN, after: [["rm", "-f", "x"]] },
  "sandbox.remove": { before: [RUN], act: ["rm", "-f", "x"], after: [["rm", "-f", "x"]] },
  "port.publish": {
    before: [RUN],
    act: ["port", "add", "x", "7778:81", "7779:82/udp"],
    after: [["rm", "-f", "x"]],
  },
  "port.unpublish": { before: [RUN], act: ["port", "rm", "x", "7777:80"], after: [["rm", "-f", "x"]] },
  "port.allow": {
    before: [RUN],
    act: ["port", "allow", "x", "7777:80,from=192.0.2.2"],
    after: [["rm", "-f", "x"]],
  },
  "endpoint.attach": {
    before: [RUN],
    act: ["network", "connect", "--gw-priority", "5", "other", "x"],
    after: [["rm", "-f", "x"]],
  },
  "endpoint.detach": {
    before: [RUN, ["network", "connect", "--gw-priority", "5", "other", "x"]],
    act: ["network", "disconnect", "other", "x"],
    after: [["rm", "-f", "x"]],
  },
};

interface Snapshot {
  readonly links: readonly string[];
  readonly pins: readonly string[];
  readonly networks: readonly string[];
  readonly sandboxes: readonly {
    name: string;
    endpoints: readonly { hostInterface: string; networkName: string }[];
  }[];
  readonly processes: number;
}

async function snapshot(): Promise<Snapshot> {
  const links = JSON.parse(await world.host.ok(["ip", "-j", "link"])) as { ifname: string }[];
  const pins = await world.host.sh("ls /run/netdock/netns");
  const networks = JSON.parse(await world.netdockOk("network", "ls", "--json")) as { name: string }[];
  const ids = (JSON.parse(await world.netdockOk("ps", "-a", "--json")) as { id: string }[]).map((s) => s.id);
  const views = ids.length === 0 ? "[]" : await world.netdockOk("inspect", ...ids);
  const marked = await world.host.sh(COUNT_PROCESSES);
  return {
    links: links
      .map((l) => l.ifname)
      .filter((name) => /^(nd|netdock)/.test(name))
      .toSorted(),
    pins: pins.split("\n").filter(Boolean).toSorted(),
    networks: networks.map((n) => n.name).toSorted(),
    sandboxes: JSON.parse(views) as Snapshot["sandboxes"],
    processes: Number(marked),
  };
}

async function differences(): Promise<unknown[]> {
  const report = JSON.parse(await world.netdockOk("reconcile", "--dry-run", "--json")) as {
    differences: unknown[];
  };
  return report.differences;
}

describe("killed at", () => {
  test.each(JOURNAL_STEPS)("%s, the next start finishes or undoes it", async (step: JournalStep) => {
    const action = step.slice(0, step.indexOf(":"));
    const { before, act, after } = CASES[action] as Case;
    const clean = await snapshot();
    for (const args of before) await world.netdockOk(...args);

    await world.stopDaemon("SIGTERM");
    const daemon = await world.startDaemon({ NETDOCK_KILL_AT: step });
    const died = once(daemon, "exit") as Promise<[number | null, string | null]>;
    const outcome = await world.netdock(act);
    expect(outcome.code).not.toBe(0);
    // nsenter may stand between: it passes on the signal's exit code.
    expect((await died)[1] ?? "SIGKILL").toBe("SIGKILL");

    await world.startDaemon();
    expect(await differences()).toEqual([]);
    const now = await snapshot();
    const wanted = now.sandboxes.flatMap((s) => s.endpoints.map((e) => e.hostInterface));
    const bridges = now.links.filter((name) => !name.startsWith("ndv"));
    expect(now.links.filter((name) => name.startsWith("ndv"))).toEqual(wanted.toSorted());
    // bridge, host and none; the first has a bridge, the others have none.
    expect(bridges).toHaveLength(now.networks.length - 2);
    expect(now.pins).toHaveLength(now.sandboxes.length);

    for (const args of after) await world.netdock(args);
    expect(await snapshot()).toEqual(clean);
    expect(streamed).not.toContain("broken");
    expect(stream.exitCode).toBeNull();
  });

  test("all of them, a stream between two other sandboxes never broke", async () => {
    const ended = once(stream, "exit");
    stream.kill("SIGTERM");
    await ended;
    expect(streamed).toMatch(/ok \d+\n$/);
  });
});
