import type { Machine } from "./machine.ts";
import type { Summary } from "./statistics.ts";
import type { GarbageCollection, Memory, Operation } from "./subject.ts";
import type { Verdict } from "./targets.ts";

/** Milliseconds throughout. */
export interface Row {
  readonly operation: Operation;
  readonly floor: Summary | undefined;
  readonly engine: Summary | undefined;
  readonly api: Summary | undefined;
}

/** What was measured with so many endpoints there already. */
export interface LevelReport {
  readonly endpoints: number;
  /** Of them on the network that timed sandboxes join. */
  readonly here: number;
  readonly rows: readonly Row[];
  /** What the floor of an attach is made of. */
  readonly parts: readonly { readonly part: string; readonly floor: Summary | undefined }[];
  /** Of the daemon, its sandboxes' resolvers included. */
  readonly memory: Memory;
  /** Of the engine in process. */
  readonly garbage: GarbageCollection;
}

export interface Report {
  readonly machine: Machine;
  readonly fsyncMs: number;
  readonly load: { readonly before: number; readonly after: number };
  readonly rounds: number;
  readonly levels: readonly LevelReport[];
  readonly targets: readonly Verdict[];
}

export function printReport(report: Report, stateDir: string): void {
  const { machine: on, levels } = report;
  print(`Linux ${on.kernel}, ${on.cpus} × ${on.cpuModel}, Node ${on.node}`);
  print(`load ${report.load.before} before, ${report.load.after} after`);
  print(
    `state on ${on.stateFilesystem} (${stateDir}); a page and fsync there: ${formatMs(report.fsyncMs)} ms`,
  );
  print(`${report.rounds} rounds a level; floor, engine and API in turns; milliseconds\n`);

  const header = [
    "",
    "endpoints",
    "here",
    "n",
    "floor p50",
    "p99",
    "engine p50",
    "p99",
    "÷ floor",
    "API p50",
    "p99",
  ];
  const lines = levels.flatMap(({ rows, endpoints, here }) =>
    rows.map((row) => [
      row.operation,
      String(endpoints),
      String(here),
      String((row.engine ?? row.api)?.n ?? ""),
      ...pair(row.floor),
      ...pair(row.engine),
      row.floor === undefined || row.engine === undefined
        ? ""
        : `${(row.engine.median / row.floor.median).toFixed(2)}×`,
      ...pair(row.api),
    ]),
  );
  const byOperation = Map.groupBy(lines, ([operation]) => operation);
  printTable(header, [...byOperation.values()].flat());

  print("\nWhat the floor of an attach is made of (p50)");
  printTable(
    ["endpoints", "here", ...(levels[0]?.parts.map(({ part }) => part) ?? []), "all"],
    levels.map(({ endpoints, here, parts, rows }) => [
      String(endpoints),
      String(here),
      ...parts.map(({ floor }) => formatMs(floor?.median)),
      formatMs(rows.find(({ operation }) => operation === "attach")?.floor?.median),
    ]),
  );

  print("\nDaemon (resolvers and published ports included)");
  const first = levels[0];
  printTable(
    ["sandboxes", "resident MiB", "KiB a sandbox", "descriptors"],
    levels.map(({ endpoints, memory }) => [
      String(endpoints),
      (memory.residentBytes / 2 ** 20).toFixed(1),
      first === undefined || endpoints === first.endpoints
        ? ""
        : (
            (memory.residentBytes - first.memory.residentBytes) /
            1024 /
            (endpoints - first.endpoints)
          ).toFixed(1),
      String(memory.descriptors),
    ]),
  );

  print("\nGarbage collection of the engine in process");
  printTable(
    ["endpoints", "pauses", "total ms", "longest ms", "operations hit"],
    levels.map(({ endpoints, garbage }) => [
      String(endpoints),
      String(garbage.pauses),
      garbage.totalMs.toFixed(1),
      garbage.longestMs.toFixed(1),
      String(garbage.operationsHit),
    ]),
  );

  print("");
  for (const { target, met, figures } of report.targets)
    print(`${met ? "met   " : "MISSED"}  ${target}: ${figures}`);
}

function print(line: string): void {
  console.log(line);
}

export function formatMs(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(value < 10 ? 3 : 1);
}

function pair(summary: Summary | undefined): [string, string] {
  return [formatMs(summary?.median), formatMs(summary?.p99)];
}

/** The first column is words, the rest numbers. */
export function printTable(
  header: readonly string[],
  lines: readonly (readonly (string | undefined)[])[],
): void {
  const widths = header.map((title, i) =>
    Math.max(title.length, ...lines.map((line) => line[i]?.length ?? 0)),
  );
  for (const line of [header, ...lines]) {
    const cells = widths.map((width, i) =>
      i === 0 ? (line[i] ?? "").padEnd(width) : (line[i] ?? "").padStart(width),
    );
    print(`  ${cells.join("  ")}`.trimEnd());
  }
}
