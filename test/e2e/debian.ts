import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Machine, ROOT } from "./world.ts";

/**
 * Programs of Debian that a test starts on a machine of its own; scripts/debian-packages.mjs unpacks them, or the machine has
 * them installed.
 */
export type DebianProgram = "docker" | "dockerd" | "firewalld" | "ufw";

export const treeOf = (program: DebianProgram): string => join(ROOT, ".cache", "debian", program);

/** What is missing, in words that end a test's title; empty when all is there. */
export function lackingOf(...programs: readonly DebianProgram[]): string {
  const lacking = programs.filter(
    (program) => !existsSync(treeOf(program)) && !existsSync(join("/usr/sbin", program)),
  );
  return lacking.length === 0 ? "" : `: there is no ${lacking.join(", no ")}`;
}

/** Lays the trees of unpacked programs over /usr, for this machine alone. */
export async function lay(machine: Machine, ...programs: readonly DebianProgram[]): Promise<void> {
  const trees = programs.map(treeOf).filter((tree) => existsSync(tree));
  if (trees.length === 0) return;
  const lower = [...trees.map((tree) => join(tree, "usr")), "/usr"].join(":");
  await machine.ok(["mount", "-t", "overlay", "overlay", "-o", `lowerdir=${lower}`, "/usr"]);
}

/** Lets this machine change its /etc as it likes, beginning with the machine's and what a program's package brings. */
export async function layEtc(machine: Machine, program: DebianProgram): Promise<void> {
  const own = join(treeOf(program), "etc");
  const lower = [...(existsSync(own) ? [own] : []), "/etc"].join(":");
  await machine.sh(`mkdir /run/etc.upper /run/etc.work
    mount -t overlay overlay -o lowerdir=${lower},upperdir=/run/etc.upper,workdir=/run/etc.work /etc
    rm -f /etc/resolv.conf && cp /run/etc/resolv.conf /etc/resolv.conf`);
}
