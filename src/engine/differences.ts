import type { Difference } from "./contract.ts";
import type { Core } from "./core.ts";

/** Tells of what differed, in the log and to those who listen to events. */
export function reportDifferences(core: Core, differences: readonly Difference[], dryRun: boolean): void {
  if (differences.length === 0) return;
  const { log, events } = core;
  log.info(
    { differences: differences.map((d) => d.text), dryRun },
    "the kernel differed from what should be",
  );
  if (dryRun) return;
  const attributes = { differences: String(differences.length) };
  events.emit({ type: "daemon", action: "reconcile", id: "", attributes });
}
