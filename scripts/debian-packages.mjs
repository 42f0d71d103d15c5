// Programs of Debian that tests start on machines of their own: unpacked under .cache/debian and never installed, since
// an installed service would be started on this machine. A test lays a program's tree over /usr where only it sees that.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./install.mjs";

/**
 * @typedef {object} Program
 * @property {string} path its place below /usr
 * @property {string[]} packages what they need comes along where the machine does not have it
 * @property {{ suite: string, version: string }} [newer] of another suite than the machine's, and pinned (apt_preferences(5))
 * @property {() => boolean} [isGood] whether the one that the machine has will do; any will without this
 */

/** @type {Readonly<Record<string, Program>>} */
const programs = {
  docker: {
    path: "bin/docker",
    packages: ["docker-cli"],
    // Its only need is libc6 (>= 2.34), which Debian 12 has. Tests compare what it prints, word by word.
    newer: { suite: "sid", version: "28.*" },
    isGood: () => versionOf("docker").startsWith("Docker version 28."),
  },
  dockerd: { path: "sbin/dockerd", packages: ["docker.io"] },
  firewalld: { path: "sbin/firewalld", packages: ["firewalld", "dbus-daemon"] },
  ufw: { path: "sbin/ufw", packages: ["ufw"] },
};

/** @param {string} command */
function versionOf(command) {
  const { stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  // Null where there is no such command.
  return /** @type {string | null} */ (stdout) ?? "";
}

/** @typedef {(args: string[]) => boolean} Apt */

/** @param {Apt} apt */
export function ensureUnpacked(apt) {
  for (const [name, program] of Object.entries(programs)) {
    const tree = join(root, ".cache", "debian", name);
    if (existsSync(tree) || (program.isGood ?? (() => existsSync(join("/usr", program.path))))()) continue;
    console.error(`test: unpacking ${program.packages.join(", ")}`);
    if (!fetchAndUnpack(tree, program, apt))
      console.error(`test: not there, tests that need it will skip: ${name}`);
  }
}

/** @param {string} tree @param {Program} program @param {Apt} apt */
function fetchAndUnpack(tree, { packages, newer }, apt) {
  if (newer !== undefined) {
    const folder = `${tree}.apt`;
    const options = optionsFor(newer, packages, folder);
    const done = apt([...options, "update"]) && unpack(tree, packages, (args) => apt([...options, ...args]));
    rmSync(folder, { recursive: true, force: true });
    return done;
  }
  // A new machine has no package lists yet, and old ones name versions that are no longer there.
  return unpack(tree, packages, apt) || (apt(["update"]) && unpack(tree, packages, apt));
}

/**
 * Package lists of their own: what the machine installs stays of its release. The signatures are checked as ever.
 * @param {{ suite: string, version: string }} newer @param {string[]} packages @param {string} folder
 */
function optionsFor({ suite, version }, packages, folder) {
  rmSync(folder, { recursive: true, force: true });
  // apt removes what it does not know from the folder of lists.
  const lists = join(folder, "lists");
  mkdirSync(join(lists, "partial"), { recursive: true });
  const [sources, preferences] = [join(folder, "sources.list"), join(folder, "preferences")];
  const key = "/usr/share/keyrings/debian-archive-keyring.gpg";
  writeFileSync(sources, `deb [signed-by=${key}] ${mirror()} ${suite} main\n`);
  // The first record that fits a version decides: no other one is taken.
  const pins = [`version ${version}\nPin-Priority: 1001`, "release *\nPin-Priority: -1"];
  const named = packages.join(" ");
  writeFileSync(preferences, pins.map((pin) => `Package: ${named}\nPin: ${pin}\n`).join("\n"));
  const set = {
    "Dir::Etc::SourceList": sources,
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::Etc::Preferences": preferences,
    "Dir::Etc::PreferencesParts": "/dev/null",
    "Dir::State::Lists": lists,
    "Dir::Cache::pkgcache": "",
    "Dir::Cache::srcpkgcache": "",
    "Acquire::Languages": "none",
    "APT::Sandbox::User": "root",
  };
  return Object.entries(set).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** Where the machine's own apt gets Debian's main archive from. */
function mirror() {
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)";
  const argv = ["indextargets", "--format", format, "Created-By: Packages"];
  const { stdout } = spawnSync("apt-get", argv, { encoding: "utf8" });
  const found = stdout
    .split("\n")
    .map((line) => line.split(" "))
    .find(
      ([, release, component, origin]) =>
        component === "main" && origin === "Debian" && !release?.includes("-"),
    );
  return found?.[0] ?? "http://deb.debian.org/debian/";
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
