// Before the tests (a step of its own, since npm runs no `pretest` where scripts are off): the pinned packages, and on Debian as root the tools that tests look at packets with. A tool that
// cannot be installed is named; the tests that need it then skip by their own probe.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { ensureUnpacked } from "./debian-packages.mjs";
import { ensureInstalled } from "./install.mjs";

/** Command to Debian package. The only list: the tests probe for the command. */
const tools = {
  busybox: "busybox-static",
  dig: "bind9-dnsutils",
  ip: "iproute2",
  "iptables-nft": "iptables",
  nc: "netcat-openbsd",
  nft: "nftables",
  openssl: "openssl",
  tcpdump: "tcpdump",
  unshare: "util-linux",
};

const searchPath = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];

/** @param {string} command */
function isThere(command) {
  return searchPath.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @param {string[]} args */
const apt = (args) =>
  spawnSync("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=120", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: "ignore",
  }).status === 0;

function ensureTools() {
  const missing = () => Object.entries(tools).filter(([command]) => !isThere(command));
  const packages = missing().map(([, name]) => name);
  if (packages.length === 0) return;
  if (process.getuid?.() === 0 && isThere("apt-get")) {
    console.error(`test: installing ${packages.join(", ")}`);
    const install = ["install", "-y", "--no-install-recommends", ...packages];
    // A new machine has no package lists yet; one that has them needs no update.
    if (!apt(install) && apt(["update"])) apt(install);
  }
  const still = missing();
  if (still.length > 0) {
    const names = still.map(([command, name]) => `${command} (${name})`).join(", ");
    console.error(`test: not there, tests that need them will skip: ${names}`);
  }
}

if (!ensureInstalled()) process.exit(1);
ensureTools();
if (process.getuid?.() === 0 && isThere("apt-get")) ensureUnpacked(apt);
