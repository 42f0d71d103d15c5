// A vitest reporter that appends "passed failed skipped" to the file named by NETDOCK_TEST_COUNTS, so that
// scripts/test.mjs can add up its runs and print the one line at the end.
import { appendFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env["NETDOCK_TEST_COUNTS"];
    if (file === undefined) return;
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // A test still pending never ran: its process died under it.
        counts[state === "pending" ? "failed" : state] += 1;
      }
      // A file that does not load, or a hook that throws, is a failure even where it leaves no test failed.
      for (const part of [module, ...module.children.allSuites()]) counts.failed += part.errors().length;
    }
    appendFileSync(file, `${counts.passed} ${counts.failed} ${counts.skipped}\n`);
  }
}
