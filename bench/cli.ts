// `npm run bench:cli`: how long commands take as processes, beside a Node that does nothing, and what they load.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startDaemon } from "./lib/daemon.ts";
import { enterThrowaway } from "./lib/inside.ts";
import { load } from "./lib/machine.ts";
import { formatMs, printTable } from "./lib/report.ts";
import { summarize, type Summary } from "./lib/statistics.ts";

const { values: flags } = parseArgs({
  options: { n: { type: "string", default: "20" }, json: { type: "boolean", default: false } },
});
enterThrowaway();

const root = join(import.meta.dirname, "..");
const launcher = join(root, "netdock");
const cache = join(root, ".cache");
mkdirSync(cache, { recursive: true });
const stateDir = mkdtempSync(join(cache, "bench-"));

interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Alternating, so that `network create` and `network rm` undo each other. */
const COMMANDS: readonly Command[] = [
  { name: "node -e 0", argv: [process.execPath, "-e", "0"] },
  { name: "netdock --version", argv: [launcher, "--version"] },
  { name: "netdock version", argv: [launcher, "version"] },
  { name: "netdock ps", argv: [launcher, "ps"] },
  { name: "netdock network create", argv: [launcher, "network", "create", "bench"] },
  { name: "netdock network rm", argv: [launcher, "network", "rm", "bench"] },
  // The very first time on a machine.
  { name: "netdock ps, nothing cached", argv: [launcher, "ps"], env: { NODE_DISABLE_COMPILE_CACHE: "1" } },
];

function timed({ name, argv, env }: Command): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(argv[0] as string, argv.slice(1), {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  const took = performance.now() - start;
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return took;
}

const loadBefore = load();
const daemon = await startDaemon({
  socketPath: "/run/netdock/netdock.sock",
  runDir: "/run/netdock",
  stateDir,
});
try {
  const times = new Map<string, number[]>(COMMANDS.map(({ name }) => [name, []]));
  for (let round = -1; round < Number(flags.n); round++) {
    for (const command of COMMANDS) {
      const took = timed(command);
      // The first round fills caches.
      if (round >= 0) times.get(command.name)?.push(took);
    }
  }
  const rows = [...times].map(([name, list]): { name: string } & Summary => ({ name, ...summarize(list) }));
  if (flags.json)
    console.log(JSON.stringify({ load: { before: loadBefore, after: load() }, rows }, undefined, 2));
  else {
    console.log(
      `load ${loadBefore} before, ${load()} after; ${flags.n} rounds, commands in turns; milliseconds\n`,
    );
    const node = rows[0]?.median ?? 0;
    printTable(
      ["", "p50", "p99", "over Node"],
      rows.map(({ name, median, p99 }) => [name, formatMs(median), formatMs(p99), formatMs(median - node)]),
    );
  }
} finally {
  await daemon.stop();
  rmSync(stateDir, { recursive: true, force: true });
}
