import { readFileSync, statSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { constants } from "node:os";
import { addressOf } from "../../base/cidr.ts";
import { isNetError, NetError, showValue } from "../../base/errors.ts";
import type { Engine, SandboxView } from "../../engine/contract.ts";
import type { LinuxHost } from "../../kernel/host.ts";
import type { Endpoint, EndpointRequest } from "../../model/endpoint.ts";
import type { SandboxId } from "../../model/ids.ts";
import { exec, processOf } from "./exec.ts";
import { fetchOver } from "./fetch.ts";
import { linesOf } from "./lines.ts";
import { dial, listen, type Place } from "./sockets.ts";
import type {
  CommandSpec,
  DialOptions,
  ExecOptions,
  ExecResult,
  FetchOptions,
  ListenOptions,
} from "./types.ts";

/** What a handle works with; the engine it came from. */
export interface Owner {
  /** Throws `unavailable` after the engine was closed. */
  readonly open: () => { readonly engine: Engine; readonly host: LinuxHost };
  readonly dir: string;
  /** Sockets and servers of this process are closed with the engine, since their network is gone then. */
  readonly keep: <T extends Socket | Server>(socket: T) => T;
}

/** A node of the system under test: a network stack of its own, and perhaps a process in it. */
export class SandboxHandle implements AsyncDisposable {
  readonly id: string;
  readonly name: string;
  readonly #owner: Owner;
  /** Where in the log the output of the present process begins. */
  #logStart = 0;

  /** Handles are made by the engine: `net.start`, `net.createSandbox`, `net.sandbox`. */
  constructor(owner: Owner, sandbox: SandboxView) {
    this.#owner = owner;
    this.id = sandbox.id;
    this.name = sandbox.name;
  }

  /** As it is now: state, exit code, addresses, published ports. */
  view(): SandboxView {
    return this.#owner.open().engine.sandbox(this.id);
  }

  /** Its address on a network; absent: on the network that has its default route. IPv4 where there is one. */
  ip(network?: string): string {
    const { endpoints } = this.view();
    const endpoint =
      network === undefined
        ? endpoints[0]
        : endpoints.find((e) => e.networkName === network || e.networkId === network);
    const cidr = endpoint?.ipv4 ?? endpoint?.ipv6;
    if (cidr !== undefined) return addressOf(cidr);
    throw new NetError("not_found", "sandbox.inspect", {
      message: `${this.name} has no address${network === undefined ? "" : ` on network ${showValue(network)}`}`,
      subject: this.name,
      field: "network",
    });
  }

  /**
   * Runs a command in the sandbox, beside its process, to its end. A failure is a result and not an exception; throws
   * `invalid` when there is no such command, and `cancelled` after `timeoutMs` or an abort.
   *
   * ```ts
   * const { stdout } = await web.exec(["getent", "hosts", "db"]);
   * ```
   */
  async exec(command: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const { engine, host } = this.#owner.open();
    const place = { host, sandbox: this.view(), files: engine.sandboxFiles(this.id), dir: this.#owner.dir };
    return exec(place, command, options);
  }

  /** Starts a process in a sandbox that has none running. */
  async start(spec: CommandSpec): Promise<void> {
    const { engine } = this.#owner.open();
    this.#logStart = statSync(engine.logPath(this.id), { throwIfNoEntry: false })?.size ?? 0;
    await engine.startProcess(this.id, processOf(spec));
  }

  /** Ends the process if it runs, and starts the same command again: same name, same addresses, same links, cut or not. */
  async restart(options: { readonly timeoutSeconds?: number | undefined } = {}): Promise<void> {
    const { engine } = this.#owner.open();
    const { process } = this.view();
    if (process === undefined) {
      throw new NetError("invalid", "sandbox.restart", {
        message: `${this.name} has had no process to start again`,
        subject: this.name,
        remedy: "start one: sandbox.start({ command })",
      });
    }
    await this.stop(options);
    this.#logStart = statSync(engine.logPath(this.id), { throwIfNoEntry: false })?.size ?? 0;
    await engine.startProcess(this.id, process);
  }

  /** SIGTERM, and SIGKILL when `timeoutSeconds` (absent: 10) did not do. Returns the exit code; fine when nothing runs. */
  async stop(options: { readonly timeoutSeconds?: number | undefined } = {}): Promise<number | undefined> {
    const { engine } = this.#owner.open();
    await engine.stopProcess(this.id, {
      timeoutSeconds: options.timeoutSeconds ?? 10,
      signal: constants.signals.SIGTERM,
    });
    return this.view().status?.exitCode;
  }

  /**
   * Sends a signal to the process and its group, SIGKILL when none is named: a crash. SIGSTOP makes a node that hangs, with
   * its connections open, and SIGCONT lets it go on. Returns false when nothing runs; `exited` tells the end.
   */
  kill(signal: NodeJS.Signals = "SIGKILL"): boolean {
    const { host } = this.#owner.open();
    const { state, status } = this.view();
    if (state !== "running" || status === undefined) return false;
    return host.processes.signal(status.pid, status.startTicks, constants.signals[signal]);
  }

  /**
   * Resolves when its process ends, with the exit code (0–255; 128+n after signal n); at once when none runs. Undefined when
   * the sandbox was removed, or has had no process.
   */
  get exited(): Promise<number | undefined> {
    const { engine } = this.#owner.open();
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    const unsubscribe = engine.subscribe(({ type, action, id, attributes }) => {
      if (type !== "sandbox" || id !== this.id || (action !== "die" && action !== "destroy")) return;
      unsubscribe();
      const { exitCode } = attributes;
      resolve(exitCode === undefined ? undefined : Number(exitCode));
    });
    const { state, status } = this.view();
    if (state !== "running") {
      unsubscribe();
      resolve(status?.exitCode);
    }
    return promise;
  }

  /** All that its processes have written, both outputs as they came. */
  logs(): string {
    const { engine } = this.#owner.open();
    try {
      return readFileSync(engine.logPath(this.id), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    }
  }

  /** What its present process writes, line by line, until it ends or the reader leaves the loop. */
  lines(options: { readonly signal?: AbortSignal | undefined } = {}): AsyncIterableIterator<string> {
    const { engine } = this.#owner.open();
    return linesOf(engine, this.id as SandboxId, { from: this.#logStart, signal: options.signal });
  }

  /**
   * The first line of its present process that holds the text or matches: how a test waits for a server to be ready. Throws
   * `unavailable` with the last lines when the process ends without it, `cancelled` after an abort.
   *
   * ```ts
   * await db.line("listening", { signal: AbortSignal.timeout(5_000) });
   * ```
   */
  async line(
    wanted: string | RegExp,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<string> {
    const last: string[] = [];
    for await (const line of this.lines(options)) {
      if (typeof wanted === "string" ? line.includes(wanted) : wanted.test(line)) return line;
      if (last.push(line) > 5) last.shift();
    }
    const late = options.signal?.aborted === true;
    throw new NetError(late ? "cancelled" : "unavailable", "sandbox.logs", {
      message: [
        `${this.name} ${late ? "has not written" : "ended without having written"} ${String(wanted)}`,
        ...last,
      ].join("\n  "),
      subject: this.name,
    });
  }

  /** Publishes further ports on the engine's host, live: `web.publish("8080:80")`. All of them, or none. */
  async publish(...ports: readonly string[]): Promise<void> {
    await this.#owner.open().engine.publish(this.id, ports);
  }

  /** Withdraws published ports; connections that stand are not cut. */
  async unpublish(...ports: readonly string[]): Promise<void> {
    await this.#owner.open().engine.unpublish(this.id, ports);
  }

  /** Says anew who may use published ports: `web.allow("8080:80,from=192.0.2.0/24")`. */
  async allow(...ports: readonly string[]): Promise<void> {
    await this.#owner.open().engine.allow(this.id, ports);
  }

  /** Joins another network, live. */
  connect(network: string, request: Omit<EndpointRequest, "network"> = {}): Promise<Endpoint> {
    return this.#owner.open().engine.connect(this.id, { ...request, network });
  }

  disconnect(network: string): Promise<void> {
    return this.#owner.open().engine.disconnect(this.id, network);
  }

  /**
   * Cuts its link to a network, or to all of them: what it sends and what it would receive is lost, and nobody is told.
   * Connections live on until somebody gives up, and go on after `heal`.
   */
  cut(network?: string): Promise<void> {
    return this.#setLinks(network, false);
  }

  heal(network?: string): Promise<void> {
    return this.#setLinks(network, true);
  }

  async #setLinks(network: string | undefined, connected: boolean): Promise<void> {
    const { engine } = this.#owner.open();
    const all = this.view().endpoints.filter((e) => e.hostInterface !== undefined);
    const networks = network === undefined ? all.map((e) => e.networkId as string) : [network];
    await Promise.all(networks.map((one) => engine.setLink(this.id, one, { connected })));
  }

  /** Connects from inside the sandbox: the test itself as a client on this node. The caller closes the socket. */
  async dial(options: DialOptions): Promise<Socket> {
    return this.#owner.keep(await dial(this.#place(), options));
  }

  /** One HTTP request from inside the sandbox; see `NetworkEngine.fetch`. */
  fetch(url: string | URL, options: FetchOptions = {}): Promise<Response> {
    return fetchOver((to) => this.dial(to), url, options);
  }

  /**
   * Lets a server of the test's own listen in the sandbox: the test itself as a node. The caller closes it.
   *
   * ```ts
   * await using mock = await net.createSandbox({ name: "payments", networks: ["front"] });
   * await mock.listen(createServer((request, response) => response.end("ok")), { port: 80 });
   * ```
   */
  async listen<T extends Server>(server: T, options: ListenOptions): Promise<T> {
    await listen(this.#place(), server, options);
    return this.#owner.keep(server);
  }

  #place(): Place {
    return { ...this.#owner.open(), sandbox: this.view() };
  }

  /** Ends all its processes and takes it off its networks. One that is gone already is fine. */
  async remove(): Promise<void> {
    try {
      await this.#owner.open().engine.removeSandbox(this.id, { force: true });
    } catch (error) {
      // Removed by somebody else, or with the whole engine.
      if (!isNetError(error, "not_found", "unavailable")) throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }
}
