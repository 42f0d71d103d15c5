import { spawnSync } from "node:child_process";
import { mount } from "../../src/kernel/libc.ts";
import { ownNamespace } from "./timing.ts";

/** Names the machine's own network namespace to the process that runs inside. */
const MARK = "NETDOCK_BENCH_MACHINE";

/**
 * Starts this program again in a network and a mount namespace that end with it, and exits as that did; inside, returns the
 * name of the machine's own namespace, which subjects refuse to work in. `/run` is empty there and in memory.
 */
export function enterThrowaway(): string {
  const machine = process.env[MARK];
  if (machine !== undefined) {
    if (machine === ownNamespace())
      throw new Error(`${MARK} is set, but this is the machine's own namespace`);
    mount("tmpfs", "/run", "tmpfs", 0);
    return machine;
  }
  if (process.getuid?.() !== 0) {
    console.error("bench: needs root, to make network namespaces");
    process.exit(1);
  }
  const separate = ["--net", "--mount", "--propagation", "private"];
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { status, error } = spawnSync("unshare", [...separate, ...again], {
    stdio: "inherit",
    env: { ...process.env, [MARK]: ownNamespace(), UV_THREADPOOL_SIZE: "8" },
  });
  if (error !== undefined) console.error(`bench: cannot run unshare(1): ${error.message}`);
  process.exit(status ?? 1);
}
