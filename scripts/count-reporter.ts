// A vitest reporter that appends its counts, and why tests were skipped, to the file named by NETDOCK_TEST_COUNTS:
// one line of JSON a run, which scripts/test.mjs adds up for the summary at the end.
import { appendFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** Reason to how many tests gave it. */
  readonly reasons: Record<string, number>;
}

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env["NETDOCK_TEST_COUNTS"];
    if (file === undefined) return;
    const counts: Counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, reasons: {} };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        // A test still pending never ran: its process died under it.
        counts[result.state === "pending" ? "failed" : result.state] += 1;
        if (result.state !== "skipped") continue;
        const reason = result.note ?? "no reason given";
        counts.reasons[reason] = (counts.reasons[reason] ?? 0) + 1;
      }
      // A file that does not load, or a hook that throws, is a failure even where it leaves no test failed.
      for (const part of [module, ...module.children.allSuites()]) counts.failed += part.errors().length;
    }
    appendFileSync(file, `${JSON.stringify(counts)}\n`);
  }
}
