import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressOf } from "../base/cidr.ts";
import type { Sandbox } from "../model/sandbox.ts";
import type { Endpoint } from "../model/endpoint.ts";
import { formatHostname, formatHosts } from "../plan/files/hosts.ts";
import {
  copiedResolvConf,
  embeddedResolvConf,
  formatResolvConf,
  type ResolvConf,
} from "../plan/files/resolv-conf.ts";

export interface SandboxFiles {
  readonly resolvConf: string;
  readonly hosts: string;
  readonly hostname: string;
}

const LOG = ".log";

/**
 * `resolv.conf`, `hosts` and `hostname` of each sandbox, under the run directory, and its log, under the state directory.
 * Running processes see the files through bind mounts, so they are rewritten in place, never replaced.
 */
export class SandboxFileStore {
  readonly #runDir: string;
  readonly #logDir: string;
  /** Last content written, to skip writes that change nothing. */
  readonly #written = new Map<string, string>();

  constructor(paths: { readonly runDir: string; readonly stateDir: string }) {
    this.#runDir = join(paths.runDir, "sandboxes");
    this.#logDir = join(paths.stateDir, "logs");
    mkdirSync(this.#runDir, { recursive: true });
    mkdirSync(this.#logDir, { recursive: true, mode: 0o750 });
  }

  paths(id: string): SandboxFiles {
    const dir = join(this.#runDir, id);
    return {
      resolvConf: join(dir, "resolv.conf"),
      hosts: join(dir, "hosts"),
      hostname: join(dir, "hostname"),
    };
  }

  logPath(id: string): string {
    return join(this.#logDir, `${id}${LOG}`);
  }

  /** Writes all three. `resolver`: names go to the embedded resolver; otherwise straight to the host's servers. */
  write(
    sandbox: Sandbox,
    endpoints: readonly Endpoint[],
    options: { readonly resolver: boolean; readonly host: ResolvConf },
  ): void {
    const paths = this.paths(sandbox.id);
    if (!this.#written.has(paths.hosts)) makeDir(join(this.#runDir, sandbox.id));
    const ipv6 = endpoints.some((e) => e.ipv6 !== undefined);
    const from = { host: options.host, wishes: sandbox.dns };
    const conf = options.resolver ? embeddedResolvConf(from) : copiedResolvConf({ ...from, ipv6 });
    this.#put(paths.resolvConf, formatResolvConf(conf));
    const addresses = endpoints
      .flatMap((e) => [e.ipv4, e.ipv6])
      .flatMap((c) => (c === undefined ? [] : [addressOf(c)]));
    const { hostname, domainname, extraHosts } = sandbox;
    this.#put(paths.hosts, formatHosts({ hostname, domainname, addresses, extraHosts, ipv6 }));
    this.#put(paths.hostname, formatHostname(hostname));
  }

  #put(path: string, text: string): void {
    if (this.#written.get(path) === text) return;
    writeFileSync(path, text);
    this.#written.set(path, text);
  }

  remove(id: string): void {
    for (const path of Object.values<string>({ ...this.paths(id) })) this.#written.delete(path);
    rmSync(join(this.#runDir, id), { recursive: true, force: true });
    rmSync(this.logPath(id), { force: true });
  }

  /** Ids that have files or a log, known or not. */
  list(): string[] {
    const logs = readdirSync(this.#logDir).flatMap((name) =>
      name.endsWith(LOG) ? [name.slice(0, -LOG.length)] : [],
    );
    return [...new Set([...readdirSync(this.#runDir), ...logs])];
  }
}

/** Half the time of `recursive`, and every sandbox waits for it. It may be there from an earlier process. */
function makeDir(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "EEXIST") throw error;
  }
}
