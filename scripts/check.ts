// The gate before a commit: every check that needs no root, side by side, each with its result and time. The output
// of a check is shown only when it fails.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { root } from "./install.mjs";

interface Step {
  readonly name: string;
  readonly command: string;
  /** A file without which the check would have nothing to say. */
  readonly needs?: string;
}

/** Longest first, so that the last to start is a short one. The tests of the layers are among the unit tests. */
const steps: readonly Step[] = [
  { name: "unit tests", command: "vitest run --configLoader native --project unit --reporter dot" },
  { name: "lint", command: "oxlint --deny-warnings" },
  { name: "types", command: "tsc -b" },
  // Everything is dead code until something is started from.
  { name: "dead code", command: "knip", needs: "src/app/main.ts" },
  { name: "format", command: "oxfmt --check" },
];

function run(command: string): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve) => {
    const [name = "", ...args] = command.split(" ");
    const child = spawn(name, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (bytes: Buffer): void => {
      output += bytes.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => resolve({ ok: false, output: error.message }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

const since = (start: number): string => `${((Date.now() - start) / 1000).toFixed(1)} s`;
const begun = Date.now();
const queue = [...steps];
const failures: string[] = [];

async function lane(): Promise<void> {
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
    if (step.needs !== undefined && !existsSync(join(root, step.needs))) {
      console.log(`skipped ${step.name.padEnd(10)}  no ${step.needs} yet`);
      continue;
    }
    const start = Date.now();
    const { ok, output } = await run(step.command);
    console.log(`${ok ? "ok     " : "FAILED "} ${step.name.padEnd(10)}  ${since(start)}`);
    if (ok) continue;
    failures.push(step.name);
    console.log(`\n$ ${step.command}\n${output.trim()}\n`);
  }
}

await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, lane));
console.log(failures.length === 0 ? `all ok in ${since(begun)}` : `failed: ${failures.join(", ")}`);
process.exitCode = failures.length === 0 ? 0 : 1;
