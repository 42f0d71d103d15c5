// `npm run bench`: what netdock's operations cost, beside what the kernel alone takes for the same objects.
// How it measures and what counts: README.md. Touches nothing of the machine: see lib/inside.ts.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { enterThrowaway } from "./lib/inside.ts";
import { load, machine } from "./lib/machine.ts";
import { type LevelReport, printReport, type Report } from "./lib/report.ts";
import { Collected } from "./lib/statistics.ts";
import { fsyncMilliseconds } from "./lib/disk.ts";
import { MEMBERS, OPERATIONS, type Population, startSubject, type Subject } from "./lib/subject.ts";
import { judge } from "./lib/targets.ts";

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    n: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log("npm run bench -- [--quick] [--n ROUNDS] [--json]");
  process.exit(0);
}
const outside = enterThrowaway();

const rounds = Number(flags.n ?? (flags.quick ? 20 : 100));
/** Spread over networks as on a real machine; last, one network full (a bridge has 1,023 ports at most). */
const levels: readonly Population[] = [
  { here: 1, elsewhere: 0 },
  { here: MEMBERS, elsewhere: 100 - MEMBERS },
  ...(flags.quick
    ? []
    : [
        { here: MEMBERS, elsewhere: 1000 - MEMBERS },
        { here: 1000, elsewhere: 1000 - MEMBERS },
      ]),
];
/** Enough for V8 to compile what is hot: a first level that runs interpreted would make the others look flat. */
const WARM_ROUNDS = flags.quick ? 30 : 150;

const runDir = "/run/netdock-bench";
const cache = join(import.meta.dirname, "..", ".cache");
mkdirSync(cache, { recursive: true });
// On the disk of the checkout: what a commit waits for is part of the truth.
const stateDir = mkdtempSync(join(cache, "bench-"));

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
};

async function measure(): Promise<Report> {
  const loadBefore = load();
  const args = [outside, runDir, stateDir];
  using floor = startSubject("subject-floor.ts", args, []);
  using engine = startSubject("subject-engine.ts", args, ["--disable-warning=ExperimentalWarning"]);
  using api = startSubject("subject-api.ts", args, []);
  const subjects = { floor, engine, api } as const;
  const order = Object.entries(subjects) as [keyof typeof subjects, Subject][];
  progress("warming up");
  for (const [, subject] of order) await subject.warm(WARM_ROUNDS);

  const reports: LevelReport[] = [];
  for (const population of levels) {
    const endpoints = population.here + population.elsewhere;
    progress(`${endpoints} endpoints: filling`);
    for (const [, subject] of order) await subject.fill(population);
    await sleep(500);
    const memory = await api.memory();
    for (const [, subject] of order) await subject.warm(5);
    await engine.garbage();
    const collected = new Collected();
    for (let round = 0; round < rounds; round++) {
      progress(`${endpoints} endpoints: round ${round + 1} of ${rounds}`);
      // Each goes first equally often.
      order.push(order.shift() as (typeof order)[number]);
      for (const [name, subject] of order) {
        for (const { operation, part, milliseconds } of await subject.round()) {
          collected.add(
            part === undefined ? `${name} ${operation}` : `${name} ${operation}: ${part}`,
            milliseconds,
          );
        }
      }
    }
    const rows = OPERATIONS.map((operation) => ({
      operation,
      floor: collected.summary(`floor ${operation}`),
      engine: collected.summary(`engine ${operation}`),
      api: collected.summary(`api ${operation}`),
    }));
    const parts = ["link", "resolver", "port", "publish"].map((part) => ({
      part,
      floor: collected.summary(`floor attach: ${part}`),
    }));
    reports.push({ endpoints, here: population.here, rows, parts, memory, garbage: await engine.garbage() });
  }
  progress("");
  for (const [, subject] of order) await subject.close();
  return {
    machine: machine(stateDir),
    fsyncMs: fsyncMilliseconds(stateDir),
    load: { before: loadBefore, after: load() },
    rounds,
    levels: reports,
    targets: judge(reports),
  };
}

try {
  const report = await measure();
  if (flags.json) console.log(JSON.stringify(report, undefined, 2));
  else printReport(report, stateDir);
} finally {
  rmSync(stateDir, { recursive: true, force: true });
}
