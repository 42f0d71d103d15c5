// `npm run bench:ports`: what it costs to attach a sandbox that publishes nothing, one port and a range of a hundred; and what
// connections and throughput come through one published port and through one of a thousand.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { assembleEngine } from "../src/app/assemble.ts";
import { enterThrowaway } from "./lib/inside.ts";
import { load } from "./lib/machine.ts";
import { type LoadRow, measureLoad } from "./lib/port-load.ts";
import { formatMs, printTable } from "./lib/report.ts";
import { Collected } from "./lib/statistics.ts";

const { values: flags } = parseArgs({
  options: {
    n: { type: "string", default: "100" },
    rounds: { type: "string", default: "15" },
    json: { type: "boolean", default: false },
  },
});
enterThrowaway();

/** The kernel's after-work of one operation must not fall into the next. */
const REST_MS = 15;
/** Enough for V8 to compile what is hot. */
const WARM_ROUNDS = 100;
/** A hundred ports may cost so much more than one. */
const TARGET = 1.5;

const VARIANTS = {
  nothing: [],
  "one port": ["20000:80"],
  "100 ports of IPv4": ["0.0.0.0:20000-20099:20000-20099"],
  "100 ports": ["20000-20099:20000-20099"],
  "100 ports, shifted": ["20000-20099:8000-8099"],
} as const;

const cache = join(import.meta.dirname, "..", ".cache");
mkdirSync(cache, { recursive: true });
const stateDir = mkdtempSync(join(cache, "bench-"));
const complain = (facts: object, message: string): void =>
  console.error(`bench: ${message} ${JSON.stringify(facts)}`);
const RUN_DIR = "/run/netdock-bench";
const engine = await assembleEngine({
  runDir: RUN_DIR,
  stateDir,
  log: { info: () => undefined, warn: complain, error: complain },
  clock: { now: () => Date.now() },
  defaultBridge: "netdock0",
});
await engine.createNetwork({ name: "bench" });
const collected = new Collected();

async function life(name: keyof typeof VARIANTS, rests: boolean): Promise<void> {
  await engine.createSandbox({ name: "sandbox", networks: [], publish: VARIANTS[name] });
  const timed = async (operation: string, run: () => Promise<unknown>): Promise<void> => {
    const start = performance.now();
    await run();
    if (rests) collected.add(`${operation} ${name}`, performance.now() - start);
    if (rests) await sleep(REST_MS);
  };
  await timed("attach", () => engine.connect("sandbox", { network: "bench" }));
  await timed("detach", () => engine.disconnect("sandbox", "bench"));
  await engine.removeSandbox("sandbox", { force: false });
}

const loadBefore = load();
let through: LoadRow[];
try {
  const names = Object.keys(VARIANTS) as (keyof typeof VARIANTS)[];
  for (let round = -WARM_ROUNDS; round < Number(flags.n); round++) {
    // Each goes first equally often.
    names.push(names.shift() as (typeof names)[number]);
    for (const name of names) await life(name, round >= 0);
  }
  through = await measureLoad(engine, RUN_DIR, Number(flags.rounds));
} finally {
  await engine.close();
  rmSync(stateDir, { recursive: true });
}

const rows = (Object.keys(VARIANTS) as (keyof typeof VARIANTS)[]).map((name) => ({
  name,
  attach: collected.summary(`attach ${name}`),
  detach: collected.summary(`detach ${name}`),
}));
const one = rows.find((row) => row.name === "one port")?.attach?.median ?? Number.NaN;
if (flags.json) console.log(JSON.stringify({ loadBefore, loadAfter: load(), rows, through }));
else {
  printTable(
    ["publishes", "attach", "p99", "of one port", "detach"],
    rows.map(({ name, attach, detach }) => [
      name,
      formatMs(attach?.median),
      formatMs(attach?.p99),
      `${((attach?.median ?? Number.NaN) / one).toFixed(2)}×`,
      formatMs(detach?.median),
    ]),
  );
  console.log(
    `median of ${flags.n} rounds; target: 100 ports at most ${TARGET}×; load ${loadBefore} before, ${load()} after`,
  );
  const [plain, reference] = through;
  const share = (value: number, of: number | undefined): string =>
    `${((value / (of ?? Number.NaN)) * 100).toFixed(1)} %`;
  printTable(
    [
      "through",
      "connect µs",
      "connections/s",
      "of one port",
      "of plain",
      "Gbit/s",
      "of one port",
      "of plain",
    ],
    through.map(({ name, latency, connectionsPerSecond: rate, gigabitsPerSecond: speed }) => [
      name,
      latency.toFixed(1),
      rate.toFixed(0),
      share(rate, reference?.connectionsPerSecond),
      share(rate, plain?.connectionsPerSecond),
      speed.toFixed(2),
      share(speed, reference?.gigabitsPerSecond),
      share(speed, plain?.gigabitsPerSecond),
    ]),
  );
  console.log(`medians of ${flags.rounds} rounds in turns; target: of one port within 5 %`);
}
