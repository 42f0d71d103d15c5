import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { treeOf } from "./debian.ts";
import type { Machine, Outcome, RunOptions, World } from "./world.ts";

const RELEASE = "Docker version 28.";

const UNPACKED = join(treeOf("docker"), "usr", "bin", "docker");

/**
 * The real `docker` command, of release 28: the one in PATH, else the one unpacked before the tests. Undefined when there is none;
 * a newer one prints other words than the tests expect.
 */
export const DOCKER: string | undefined = [...pathOf("docker"), UNPACKED].find((file) =>
  versionOf(file).startsWith(RELEASE),
);

/** What is missing, in words that end a test's title; empty when it is there. */
export const LACKING_DOCKER: string = DOCKER === undefined ? ": there is no docker 28 command" : "";

function pathOf(command: string): string[] {
  const folders = (process.env["PATH"] ?? "").split(":");
  return folders.map((folder) => join(folder, command)).filter((file) => isExecutable(file));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function versionOf(file: string): string {
  return isExecutable(file) ? execFileSync(file, ["--version"], { encoding: "utf8" }) : "";
}

/** The arguments of the docker command, or shell text that runs it. */
type DockerLine = readonly string[] | { readonly shell: string };

/** Runs the docker command on a world's host against netdock's own socket; nothing of the caller's settings counts. */
export function docker(world: World, what: DockerLine, options: RunOptions = {}): Promise<Outcome> {
  const env = { DOCKER_HOST: "unix:///run/netdock/netdock.sock", ...options.env };
  return dockerOn(world, world.host, what, { ...options, env });
}

/** Runs it on one of a world's machines; `options.env` or flags say against what. */
export function dockerOn(
  world: World,
  machine: Machine,
  what: DockerLine,
  options: RunOptions = {},
): Promise<Outcome> {
  const argv = "shell" in what ? ["sh", "-c", what.shell] : [DOCKER as string, ...what];
  const set = {
    HOME: "/nonexistent",
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    DOCKER_CONFIG: join(world.scratch, "docker"),
    ...options.env,
  };
  const env = Object.entries(set).map(([name, value]) => `${name}=${value}`);
  return machine.run(["env", "-i", ...env, ...argv], options);
}
