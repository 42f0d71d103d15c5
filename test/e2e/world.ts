import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const MAIN = join(ROOT, "src", "app", "main.ts");

/**
 * Shell text that counts the processes of sandboxes on a machine: those that carry a sandbox's mark and see the machine's
 * own /run, since the pids of all machines are in one tree.
 */
export const COUNT_PROCESSES: string = `run=$(stat -c %d /run); count=0
for mark in $(grep -lsz ^NETDOCK_SANDBOX= /proc/[0-9]*/environ); do
  if [ "$(stat -Lc %d "\${mark%/environ}/root/run" 2>/dev/null)" = "$run" ]; then count=$((count + 1)); fi
done
echo $count`;

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a program to its end; a failure is an outcome, not an exception. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [file, ...args] = argv as [string, ...string[]];
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      {
        encoding: "utf8",
        maxBuffer: 64 << 20,
        env: { ...process.env, ...options.env },
        cwd: options.cwd ?? ROOT,
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 255;
        resolve({ code, stdout, stderr });
      },
    );
    // A program that ends without reading its input is no failure of the test.
    child.stdin?.on("error", () => undefined);
    if (options.input === undefined) child.stdin?.end();
    else child.stdin?.end(options.input);
  });
}

/** A machine of its own: network and mount namespaces, held by a process that sleeps. */
export class Machine implements AsyncDisposable {
  readonly pid: number;
  readonly #anchor: ChildProcess;

  private constructor(anchor: ChildProcess) {
    this.#anchor = anchor;
    this.pid = anchor.pid as number;
  }

  static async start(): Promise<Machine> {
    const script = [
      "mount -t tmpfs tmpfs /run",
      "mkdir -p /var/lib/netdock && mount -t tmpfs tmpfs /var/lib/netdock",
      // A resolver that says at once that it is none: the machine's own one may let questions hang.
      "mkdir /run/etc && echo 'nameserver 192.0.2.2' > /run/etc/resolv.conf",
      "mount --bind /run/etc/resolv.conf /etc/resolv.conf",
      "ip link set lo up",
      "echo up",
      "exec sleep infinity",
    ].join(" && ");
    const anchor = spawn("unshare", ["--net", "--mount", "--propagation", "private", "sh", "-c", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(anchor.stdout, "data");
    return new Machine(anchor);
  }

  /** The argv that runs `argv` on this machine. */
  inside(argv: readonly string[]): string[] {
    return ["nsenter", "-t", String(this.pid), "-n", "-m", "--wd=" + ROOT, "--", ...argv];
  }

  run(argv: readonly string[], options?: RunOptions): Promise<Outcome> {
    return run(this.inside(argv), options);
  }

  /** Runs and gives the output; throws with everything printed when it fails. */
  async ok(argv: readonly string[], options?: RunOptions): Promise<string> {
    const { code, stdout, stderr } = await this.run(argv, options);
    if (code !== 0) throw new Error(`${argv.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  async sh(script: string): Promise<string> {
    return this.ok(["sh", "-ec", script]);
  }

  /** Starts a program that stays; it ends with the machine at the latest. */
  spawn(argv: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const [file, ...args] = this.inside(argv) as [string, ...string[]];
    return spawn(file, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      cwd: ROOT,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#anchor.exitCode !== null) return;
    const ended = once(this.#anchor, "exit");
    this.#anchor.kill("SIGKILL");
    await ended;
  }
}

/** A host with a netdock daemon, and an outside machine on a wire to it. */
export class World implements AsyncDisposable {
  /** The host is 192.0.2.1 and fd00:2::1 on the wire, the outside .2. */
  readonly host: Machine;
  readonly outside: Machine;
  #daemon: ChildProcess | undefined;
  readonly scratch: string = mkdtempSync(join(tmpdir(), "netdock-e2e-"));

  private constructor(host: Machine, outside: Machine) {
    this.host = host;
    this.outside = outside;
  }

  static async start(): Promise<World> {
    const [host, outside] = await Promise.all([Machine.start(), Machine.start()]);
    await host.sh(`ip link add wire0 type veth peer name wire0 netns ${outside.pid}
      ip addr add 192.0.2.1/24 dev wire0
      ip addr add fd00:2::1/64 dev wire0 nodad
      ip link set wire0 up
      ip route add default via 192.0.2.2`);
    await outside.sh(`ip addr add 192.0.2.2/24 dev wire0
      ip addr add fd00:2::2/64 dev wire0 nodad
      ip link set wire0 up`);
    return new World(host, outside);
  }

  /** Starts the daemon and waits until it answers. `env` may hold NETDOCK_KILL_AT. */
  async startDaemon(
    env: Readonly<Record<string, string>> = {},
    flags: readonly string[] = [],
  ): Promise<ChildProcess> {
    const daemon = this.host.spawn([process.execPath, MAIN, "daemon", ...flags], {
      ...env,
      NODE_OPTIONS: "--disable-warning=ExperimentalWarning",
    });
    let log = "";
    daemon.stderr?.setEncoding("utf8");
    daemon.stdout?.resume();
    await new Promise<void>((resolve, reject) => {
      daemon.stderr?.on("data", (text: string) => {
        log += text;
        if (log.includes("netdock is ready")) resolve();
      });
      daemon.once("exit", (code, signal) => reject(new Error(`daemon ended (${code ?? signal}):\n${log}`)));
    });
    this.#daemon = daemon;
    return daemon;
  }

  /** Ends the daemon by a signal and waits until it is gone. */
  async stopDaemon(signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = once(daemon, "exit");
    // nsenter without a fork becomes the daemon itself, so this is its pid.
    daemon.kill(signal);
    await ended;
  }

  /** Ends the daemon as a client does; one with `--auto-started` then leaves nothing behind. Gives its exit code. */
  async endByClient(): Promise<number | null> {
    const daemon = this.#daemon;
    if (daemon === undefined) throw new Error("there is no daemon");
    this.#daemon = undefined;
    const ended = once(daemon, "exit");
    const asked = { socketPath: "/run/netdock/netdock.sock", path: "/netdock/v1/shutdown", method: "POST" };
    await this.host.ok([process.execPath, "-e", `require("http").request(${JSON.stringify(asked)}).end()`]);
    await ended;
    return daemon.exitCode;
  }

  /** Runs the netdock command on the host. */
  netdock(args: readonly string[], options?: RunOptions): Promise<Outcome> {
    return netdockOn(this.host, args, options);
  }

  async netdockOk(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.netdock(args);
    if (code !== 0) throw new Error(`netdock ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Runs a program inside a sandbox. */
  exec(sandbox: string, argv: readonly string[]): Promise<Outcome> {
    return this.netdock(["exec", sandbox, ...argv]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopDaemon("SIGKILL");
    await this.#killSandboxProcesses();
    await this.host[Symbol.asyncDispose]();
    await this.outside[Symbol.asyncDispose]();
    rmSync(this.scratch, { recursive: true, force: true });
  }

  /** What was started detached lives on without the daemon, by design; a test's end is the end of it all. */
  async #killSandboxProcesses(): Promise<void> {
    const { stdout } = await this.host.run(["sh", "-c", "ls -d /run/netdock/netns/* 2>/dev/null"]);
    for (const pin of stdout.split("\n").filter(Boolean)) {
      // oxlint-disable-next-line no-await-in-loop -- a test's end may take its time
      const { stdout: inode } = await this.host.run(["stat", "-Lc", "%i", pin]);
      for (const pid of processesIn(inode.trim())) process.kill(pid, "SIGKILL");
    }
  }
}

/** Runs the netdock command on a machine. */
export function netdockOn(machine: Machine, args: readonly string[], options?: RunOptions): Promise<Outcome> {
  return machine.run([process.execPath, MAIN, ...args], options);
}

/** Processes whose network namespace has this inode. */
export function processesIn(inode: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/ns/net`) === `net:[${inode}]`;
      } catch {
        // It ended while we looked.
        return false;
      }
    })
    .map(Number);
}
