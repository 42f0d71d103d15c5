import { NetError } from "../../base/errors.ts";
import type { Field } from "./field.ts";

const NO_IMAGES = "netdock runs commands of the host's own file system, it has no images";
const NO_VOLUMES = "the command sees the host's own file system, there are no volumes to mount";
const NO_CONFINING =
  "netdock makes networks and starts the command as the daemon's user, it does not confine it";
const NO_TERMINAL = "the daemon starts services without a terminal";

/**
 * Keys of a service that are valid Compose and that netdock refuses, with the reason: what they ask for would silently not
 * happen. `--ignore-unsupported` turns each into a warning.
 */
export const REFUSED_SERVICE_KEYS: Readonly<Record<string, string>> = {
  image: NO_IMAGES,
  build: NO_IMAGES,
  pull_policy: NO_IMAGES,
  pull_refresh_after: NO_IMAGES,
  platform: NO_IMAGES,
  provider: "netdock starts services itself",
  volumes: NO_VOLUMES,
  volumes_from: NO_VOLUMES,
  volume_driver: NO_VOLUMES,
  tmpfs: NO_VOLUMES,
  configs: NO_VOLUMES,
  secrets: NO_VOLUMES,
  devices: NO_VOLUMES,
  storage_opt: NO_VOLUMES,
  read_only: NO_VOLUMES,
  extends: "write the keys out, or share them with a YAML anchor (<<: *name)",
  label_file: "write the labels under labels:",
  develop: "netdock does not watch source files",
  use_api_socket: "netdock mounts nothing into a sandbox",
  post_start: "start the command by a script instead",
  pre_stop: "handle the stop signal in the command instead",
  external_links: "join the network of that service instead",
  models: "netdock runs no models",
  gpus: NO_CONFINING,
  user: NO_CONFINING,
  group_add: NO_CONFINING,
  privileged: NO_CONFINING,
  cap_add: NO_CONFINING,
  cap_drop: NO_CONFINING,
  security_opt: NO_CONFINING,
  credential_spec: NO_CONFINING,
  cgroup: NO_CONFINING,
  cgroup_parent: NO_CONFINING,
  device_cgroup_rules: NO_CONFINING,
  ipc: NO_CONFINING,
  pid: NO_CONFINING,
  pids_limit: NO_CONFINING,
  uts: NO_CONFINING,
  userns_mode: NO_CONFINING,
  isolation: NO_CONFINING,
  runtime: NO_CONFINING,
  ulimits: NO_CONFINING,
  shm_size: NO_CONFINING,
  blkio_config: NO_CONFINING,
  cpu_count: NO_CONFINING,
  cpu_percent: NO_CONFINING,
  cpu_shares: NO_CONFINING,
  cpu_period: NO_CONFINING,
  cpu_quota: NO_CONFINING,
  cpu_rt_runtime: NO_CONFINING,
  cpu_rt_period: NO_CONFINING,
  cpus: NO_CONFINING,
  cpuset: NO_CONFINING,
  mem_limit: NO_CONFINING,
  mem_reservation: NO_CONFINING,
  mem_swappiness: NO_CONFINING,
  memswap_limit: NO_CONFINING,
  oom_kill_disable: NO_CONFINING,
  oom_score_adj: NO_CONFINING,
};

/** Keys whose absence changes nothing that a user could rely on: accepted, and said once in a note. */
export const NOTED_SERVICE_KEYS: Readonly<Record<string, string>> = {
  tty: NO_TERMINAL,
  stdin_open: NO_TERMINAL,
  logging: "output is kept for `netdock logs`",
};

/** Keys that ask for nothing netdock would have to do. */
export const SILENT_SERVICE_KEYS: readonly string[] = ["annotations", "attach", "expose", "init"];

export const REFUSED_TOP_KEYS: Readonly<Record<string, string>> = {
  volumes: NO_VOLUMES,
  configs: NO_VOLUMES,
  secrets: NO_VOLUMES,
  include: "write the services out in this file",
  models: "netdock runs no models",
};

/** Gathers what netdock will not do, so that a user sees all of it at once. */
export class Notices {
  readonly #refused: { readonly line: number; readonly text: string }[] = [];
  readonly #noted: string[] = [];

  /** Something the file asks for that would not happen; an error unless the user says otherwise. */
  refuse(field: Field, why: string): void {
    const text = `${field.file}:${field.line}: ${field.path} is not supported: ${why}`;
    this.#refused.push({ line: field.line, text });
  }

  /** Something that is fine to go without. */
  note(field: Field, why: string): void {
    this.#noted.push(`${field.file}:${field.line}: ${field.path} has no effect: ${why}`);
  }

  say(text: string): void {
    if (!this.#noted.includes(text)) this.#noted.push(text);
  }

  /** Warnings to show; throws `unsupported`, one line a key, when something was refused and must not be. */
  settle(ignoreUnsupported: boolean): string[] {
    const refused = this.#refused.toSorted((a, b) => a.line - b.line).map(({ text }) => text);
    if (refused.length === 0 || ignoreUnsupported) {
      return [...refused.map((line) => `${line} (ignored)`), ...this.#noted];
    }
    throw new NetError("unsupported", "compose.parse", {
      message: refused.join("\n"),
      remedy: `remove ${refused.length === 1 ? "the key" : "these keys"}, or go on without: --ignore-unsupported`,
    });
  }
}
