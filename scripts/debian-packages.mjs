// Programs of Debian that tests start on machines of their own: unpacked under .cache/debian and never installed, since
// an installed service would be started on this machine. A test lays a program's tree over /usr where only it sees that.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./install.mjs";

/** Program in /usr/sbin to packages; what they need comes along where the machine does not have it. */
const programs = {
  dockerd: ["docker.io"],
  firewalld: ["firewalld", "dbus-daemon"],
  ufw: ["ufw"],
};

/** @param {(args: string[]) => boolean} apt */
export function ensureUnpacked(apt) {
  for (const [program, packages] of Object.entries(programs)) {
    const tree = join(root, ".cache", "debian", program);
    if (existsSync(tree) || existsSync(join("/usr/sbin", program))) continue;
    console.error(`test: unpacking ${packages.join(", ")}`);
    // A new machine has no package lists yet, and old ones name versions that are no longer there.
    const done = unpack(tree, packages, apt) || (apt(["update"]) && unpack(tree, packages, apt));
    if (!done) console.error(`test: not there, tests that need it will skip: ${program}`);
  }
}

/** @param {string} tree @param {string[]} packages @param {(args: string[]) => boolean} apt */
function unpack(tree, packages, apt) {
  const [archives, fresh] = [`${tree}.archives`, `${tree}.fresh`];
  const clear = () => {
    for (const folder of [archives, fresh]) rmSync(folder, { recursive: true, force: true });
  };
  clear();
  mkdirSync(join(archives, "partial"), { recursive: true });
  makeMerged(fresh);
  const into = ["-o", `Dir::Cache::archives=${archives}`, "-o", "APT::Sandbox::User=root"];
  const done =
    apt(["install", "-y", "--no-install-recommends", "--download-only", ...into, ...packages]) &&
    readdirSync(archives)
      .filter((name) => name.endsWith(".deb"))
      .every((name) => extract(join(archives, name), fresh));
  // As a whole or not at all: a test takes what is there for complete.
  if (done) {
    mkdirSync(dirname(tree), { recursive: true });
    renameSync(fresh, tree);
  }
  clear();
  return done;
}

/** Packages may put files into /lib and /sbin, which are /usr's. @param {string} folder */
function makeMerged(folder) {
  for (const name of ["bin", "lib", "lib64", "sbin"]) {
    mkdirSync(join(folder, "usr", name), { recursive: true });
    symlinkSync(join("usr", name), join(folder, name));
  }
}

/** @param {string} archive @param {string} into */
const extract = (archive, into) =>
  spawnSync("sh", [
    "-c",
    'dpkg-deb --fsys-tarfile "$0" | tar -x --keep-directory-symlink -C "$1"',
    archive,
    into,
  ]).status === 0;
