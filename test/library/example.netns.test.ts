import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

it("the example runs as its first lines say", () => {
  // Without what this runner leaves in the environment for its own children.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(NODE_|VITEST)/.test(name)),
  );
  const argv = ["--test", "examples/partition.test.ts"];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { cwd: ROOT, encoding: "utf8", env });
  expect(status, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/pass 2\n/);
}, 240_000);
