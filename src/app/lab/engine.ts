import { closeSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { errorText, isNetError, NetError } from "../../base/errors.ts";
import type { Engine, NetworkView, SandboxView } from "../../engine/contract.ts";
import type { LinuxHost } from "../../kernel/host.ts";
import type { NetdockEvent } from "../../model/events.ts";
import type { NetworkRequest } from "../../model/network.ts";
import type { SandboxRequest } from "../../model/sandbox.ts";
import { eventsOf } from "./events.ts";
import { processOf } from "./exec.ts";
import { fetchOver } from "./fetch.ts";
import { NetworkHandle } from "./network.ts";
import { type Owner, SandboxHandle } from "./sandbox.ts";
import { dial, listen } from "./sockets.ts";
import type { CommandSpec, DialOptions, FetchOptions, ListenOptions, SandboxSpec } from "./types.ts";

/** What `createEngine` has made, to be taken back in `close`. */
export interface Parts {
  readonly engine: Engine;
  readonly host: LinuxHost;
  /** Descriptor of the namespace that plays the host; absent where it is the process's own. */
  readonly homeFd: number | undefined;
  readonly dir: string;
  /** Gives back the rest, after everything else is gone. */
  readonly release: () => Promise<void>;
}

/**
 * An engine in this process. Names of sandboxes and networks are references everywhere; handles are conveniences and hold
 * nothing. Every failure is a NetError.
 */
export class NetworkEngine implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #owner: Owner;
  readonly #end = new AbortController();
  readonly #kept = new Set<Socket | Server>();
  #closing: Promise<void> | undefined;

  /** Made by `createEngine`. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#owner = {
      open: () => this.#open(),
      dir: parts.dir,
      keep: (one) => {
        this.#keep(one);
        // Also those who call: each holds its namespace, and would never hear that the other end is gone.
        if ("listen" in one) one.on("connection", (socket: Socket) => this.#keep(socket));
        return one;
      },
    };
  }

  /** `net.createNetwork("front")`, or with all that a network can be told: subnets, IPv6, `internal`, options. */
  async createNetwork(request: string | NetworkRequest): Promise<NetworkHandle> {
    const { engine } = this.#open();
    const made = await engine.createNetwork(typeof request === "string" ? { name: request } : request);
    return new NetworkHandle(this.#owner, made);
  }

  /** A sandbox without a process: to run commands in, or to be played by the test itself (`dial`, `listen`). */
  async createSandbox(spec: SandboxSpec = {}): Promise<SandboxHandle> {
    return new SandboxHandle(this.#owner, await this.#open().engine.createSandbox(requestOf(spec)));
  }

  /**
   * A sandbox with a process in it. Resolves when the process runs, which is before it is ready: `sandbox.line("listening")`
   * waits for that.
   *
   * ```ts
   * const db = await net.start({ name: "db", networks: ["back"], command: ["node", "db.ts"], env: { PORT: "5432" } });
   * ```
   */
  async start(spec: SandboxSpec & CommandSpec): Promise<SandboxHandle> {
    const { command, env, cwd, ...sandbox } = spec;
    const process = processOf({ command, env, cwd });
    const made = await this.#open().engine.createSandbox({ ...requestOf(sandbox), process });
    return new SandboxHandle(this.#owner, made);
  }

  /** A handle for a sandbox by name, id or unique id prefix. Throws `not_found`. */
  sandbox(ref: string): SandboxHandle {
    return new SandboxHandle(this.#owner, this.#open().engine.sandbox(ref));
  }

  sandboxes(): readonly SandboxView[] {
    return this.#open().engine.sandboxes();
  }

  networks(): readonly NetworkView[] {
    return this.#open().engine.networks();
  }

  /**
   * Parts the system: groups that cannot reach each other, on no network and by no published port. It replaces a partition
   * of before, in one step. Sandboxes in no group reach everybody.
   *
   * ```ts
   * await net.partition([["a", "b"], ["c", "d", "e"]]);
   * ```
   */
  partition(groups: readonly (readonly (string | SandboxHandle)[])[]): Promise<void> {
    const { engine } = this.#open();
    return engine.setPartition(
      groups.map((group) => group.map((one) => (typeof one === "string" ? one : one.id))),
    );
  }

  /** Heals everything: the partition and every cut link. */
  async heal(): Promise<void> {
    const { engine } = this.#open();
    await engine.setPartition([]);
    const { cut } = engine.partition();
    await Promise.all(
      cut.map(({ sandbox, network }) => engine.setLink(sandbox, network, { connected: true })),
    );
  }

  /** Events from the moment of the call on (or after `since`), until the reader leaves the loop or the engine is closed. */
  events(options: { readonly since?: number | undefined } = {}): AsyncIterableIterator<NetdockEvent> {
    return eventsOf(this.#open().engine, this.#end.signal, options.since);
  }

  /**
   * Connects from the engine's host, as a user outside the sandboxes does: to a published port on `localhost`, or to a
   * sandbox by name. The caller closes the socket.
   *
   * ```ts
   * const socket = await net.dial({ host: "localhost", port: 8080 });
   * ```
   */
  async dial(options: DialOptions): Promise<Socket> {
    return this.#owner.keep(await dial({ ...this.#open(), sandbox: undefined }, options));
  }

  /**
   * One HTTP request from the engine's host, with a connection of its own; redirects are not followed. Rejects as `dial` does.
   *
   * ```ts
   * const response = await net.fetch("http://localhost:8080/health", { signal: AbortSignal.timeout(1_000) });
   * ```
   */
  fetch(url: string | URL, options: FetchOptions = {}): Promise<Response> {
    return fetchOver((to) => this.dial(to), url, options);
  }

  /** Lets a server of the test's own listen on the engine's host. The caller closes it. */
  async listen<T extends Server>(server: T, options: ListenOptions): Promise<T> {
    await listen({ ...this.#open(), sandbox: undefined }, server, options);
    return this.#owner.keep(server);
  }

  /** Ends and removes all: processes, sandboxes, networks, links, namespaces, files. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #keep(one: Socket | Server): void {
    this.#kept.add(one);
    one.once("close", () => this.#kept.delete(one));
  }

  #open(): { readonly engine: Engine; readonly host: LinuxHost } {
    if (this.#closing === undefined) return this.#parts;
    throw new NetError("unavailable", "engine", { message: "the engine has been closed" });
  }

  async #close(): Promise<void> {
    const { engine, host, homeFd, release } = this.#parts;
    const failures: unknown[] = [];
    const attempt = async (run: () => Promise<unknown>): Promise<void> => {
      try {
        await run();
      } catch (error) {
        if (!isNetError(error, "not_found")) failures.push(error);
      }
    };
    this.#end.abort();
    for (const one of this.#kept) closeKept(one);
    await Promise.all(
      engine.sandboxes().map(({ id }) => attempt(() => engine.removeSandbox(id, { force: true }))),
    );
    // A namespace of the engine's own takes its links with it; anywhere else they must be taken out.
    if (homeFd === undefined) {
      for (const { id, predefined } of engine.networks()) {
        // One after the other: each waits for the same barrier of the kernel's.
        // oxlint-disable-next-line no-await-in-loop
        if (!predefined) await attempt(() => engine.removeNetwork(id));
      }
      await attempt(() => engine.withdraw());
    }
    await attempt(() => engine.close());
    await attempt(() => host.settled());
    if (homeFd !== undefined) closeSync(homeFd);
    await attempt(release);
    if (failures.length === 0) return;
    throw new NetError("internal", "engine.close", {
      message: `the engine could not take back everything: ${failures.map(errorText).join("; ")}`,
      cause: failures.length === 1 ? failures[0] : new AggregateError(failures),
    });
  }
}

/** RFC 1123 section 2.1: letters, digits and hyphens, at most 63. */
const HOSTNAME = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

function requestOf({ networks, ...rest }: SandboxSpec): SandboxRequest {
  const { name, hostname } = rest;
  return {
    ...rest,
    // A node that writes its hostname into a log should be found by it.
    hostname: hostname ?? (name !== undefined && HOSTNAME.test(name) ? name : undefined),
    networks: networks?.map((one) => (typeof one === "string" ? { network: one } : one)),
  };
}

function closeKept(one: Socket | Server): void {
  if ("destroy" in one) one.destroy();
  else one.close();
}
