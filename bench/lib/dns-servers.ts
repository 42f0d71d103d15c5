import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ClientCall } from "../dns-client.ts";

/** Lets a process, all threads of it, run on these CPUs only (`0`, `0,1`). */
export function pin(pid: number, cpus: string): void {
  execFileSync("taskset", ["-a", "-p", "-c", cpus, String(pid)], { stdio: "ignore" });
}

/** What `dnsmasq --version` says first, or undefined where there is none. */
export function dnsmasqVersion(program: string): string | undefined {
  const { stdout, error } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return error === undefined ? /version (\S+)/i.exec(stdout)?.[1] : undefined;
}

/** A dnsmasq that knows these names, in a namespace or in this one; it ends with this process. */
export async function startDnsmasq(options: {
  readonly program: string;
  readonly netns: string | undefined;
  readonly address: string;
  readonly hostsFile: string;
  readonly hosts: readonly { readonly name: string; readonly ip: string }[];
}): Promise<ChildProcess> {
  writeFileSync(options.hostsFile, options.hosts.map(({ name, ip }) => `${ip} ${name}\n`).join(""));
  const flags = [
    ...["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"],
    ...["--log-facility=-", "--bind-interfaces", "--except-interface=nothing", "--pid-file="],
    ...[`--listen-address=${options.address}`, `--addn-hosts=${options.hostsFile}`, "--local-ttl=600"],
  ];
  const enter = options.netns === undefined ? [] : ["nsenter", `--net=${options.netns}`];
  const [file, ...args] = [...enter, options.program, ...flags] as [string, ...string[]];
  const server = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"] });
  process.on("exit", () => server.kill("SIGKILL"));
  let said = "";
  server.stderr.setEncoding("utf8");
  await new Promise<void>((resolve, reject) => {
    server.stderr.on("data", (text: string) => {
      said += text;
      // Its last word before it serves.
      if (/read .* - \d+ (addresses|names)/.test(said)) resolve();
    });
    server.once("exit", () => reject(new Error(`dnsmasq ended: ${said}`)));
  });
  return server;
}

/** The process that asks; one call at a time. */
export class DnsClient implements Disposable {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL("../dns-client.ts", import.meta.url)));

  get pid(): number {
    return this.#child.pid as number;
  }

  async call<T>(call: ClientCall): Promise<T> {
    this.#child.send(call);
    const [{ result, error }] = (await once(this.#child, "message")) as [{ result?: T; error?: string }];
    if (error !== undefined) throw new Error(`${call.target}: ${error}`);
    return result as T;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
