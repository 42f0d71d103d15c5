// Runs the tests: those that need no root, then those that need a kernel to themselves, in throwaway namespaces.
// Ends with one line, `N passed, N failed, N skipped`, over all of them. Arguments go to vitest: `npm test -- ipam`
// runs the files with "ipam" in their path; `--project unit` or `--project netns` runs one half.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./install.mjs";

// The pinned Node, even where this script was started by another.
const node = join(root, "node_modules", ".bin", "node");
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
/** The configuration loaded as it is, not bundled into node_modules, which may belong to someone else. */
const native = ["--configLoader", "native"];

/** Own interfaces, and mounts that nobody else sees. What the kernel holds goes away with the last process. */
const apart = ["unshare", "--net", "--mount", "--propagation", "private", "--"];

const args = process.argv.slice(2);
const only = args.indexOf("--project") >= 0 ? args.splice(args.indexOf("--project"), 2)[1] : undefined;
const filtered = args.some((arg) => !arg.startsWith("-"));

const scratch = mkdtempSync(join(tmpdir(), "netdock-test-"));
const counts = join(scratch, "counts");
let failed = false;

/** @param {string} project @param {readonly string[]} wrapper */
function run(project, wrapper) {
  // A filter may well name files of one half only; what must not pass is a whole run without a test.
  const argv = [
    ...wrapper,
    node,
    vitest,
    "run",
    ...native,
    "--project",
    project,
    "--passWithNoTests",
    ...args,
  ];
  const env = { ...process.env, NETDOCK_TEST_COUNTS: counts };
  const done = spawnSync("env", argv, { cwd: root, env, stdio: "inherit" });
  if (done.error) console.error(`test: cannot run: ${done.error.message}`);
  if (done.status !== 0) failed = true;
}

/** Why the namespaces cannot be made here, or undefined if they can. */
function whyNotApart() {
  const probe = spawnSync("env", [...apart, "true"], { encoding: "utf8" });
  if (probe.status === 0) return undefined;
  const words = (probe.error?.message ?? probe.stderr).trim();
  return `needs root: CAP_NET_ADMIN and CAP_SYS_ADMIN to make network and mount namespaces (${words})`;
}

/** How many tests the netns files hold, read from their text: without root they may not even load. */
function countNetnsTests() {
  const argv = [vitest, "list", ...native, "--static-parse", "--json", "--project", "netns", ...args];
  const listed = spawnSync(node, argv, { cwd: root, encoding: "utf8" });
  try {
    /** @type {unknown} */
    const tests = JSON.parse(listed.stdout);
    return Array.isArray(tests) ? tests.length : 0;
  } catch {
    return 0;
  }
}

/** @type {import("./count-reporter.ts").Counts} */
const sum = { passed: 0, failed: 0, skipped: 0, reasons: {} };

/** @param {import("./count-reporter.ts").Counts} counted */
function add({ passed, failed: bad, skipped, reasons }) {
  sum.passed += passed;
  sum.failed += bad;
  sum.skipped += skipped;
  for (const [reason, times] of Object.entries(reasons)) {
    sum.reasons[reason] = (sum.reasons[reason] ?? 0) + times;
  }
}

if (only !== "netns") run("unit", []);
if (only !== "unit") {
  const reason = whyNotApart();
  const skipped = reason === undefined ? 0 : countNetnsTests();
  if (reason === undefined) run("netns", apart);
  else if (skipped > 0)
    add({ passed: 0, failed: 0, skipped, reasons: { [`*.netns.test.ts: ${reason}`]: skipped } });
}
for (const line of readCounts()) {
  /** @type {unknown} */
  const counted = JSON.parse(line);
  add(/** @type {import("./count-reporter.ts").Counts} */ (counted));
}
rmSync(scratch, { recursive: true });

function readCounts() {
  try {
    return readFileSync(counts, "utf8").trim().split("\n");
  } catch {
    // No run came as far as its end.
    return [];
  }
}

// A run that died without counting must not read as one that passed.
if (failed && sum.failed === 0) sum.failed = 1;
const nothingRan = sum.passed + sum.failed === 0 && (sum.skipped === 0 || !filtered);
for (const [reason, times] of Object.entries(sum.reasons)) console.log(`skipped ${times}: ${reason}`);
if (nothingRan) console.error("test: no test ran");
console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = failed || nothingRan ? 1 : 0;
