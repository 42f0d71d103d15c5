import { closeSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assembleEngine } from "../../src/app/assemble.ts";
import type { Ip } from "../../src/base/ip.ts";
import type { Engine } from "../../src/engine/contract.ts";
import { openLinuxHost } from "../../src/kernel/host.ts";
import { ThreadNamespaces } from "../../src/kernel/netns.ts";
import { openNetns } from "../../src/kernel/pins.ts";
import type { NetworkRequest } from "../../src/model/network.ts";
import { Lab, type LabNode } from "../../src/testkit/lab.ts";
import { type Outcome, probe, type Visit } from "../../src/testkit/packets.ts";

/** The host's addresses on the wire to the outside, and the outside's. */
export const HOST = { 4: "198.51.100.1", 6: "2001:db8::1" } as const;
export const OUTSIDE = { 4: "198.51.100.2", 6: "2001:db8::2" } as const;

/** A host with an engine in this process, and an outside that has routes to its sandboxes. */
export class MatrixWorld implements AsyncDisposable {
  readonly host: LabNode;
  readonly outside: LabNode;
  readonly engine: Engine;
  /** Lines that the engine logged as warnings and errors. */
  readonly complaints: string[];
  readonly #lab: Lab;
  readonly #threads = new ThreadNamespaces();
  readonly #fds = new Map<string, number>();
  readonly #dir: string;

  private constructor(parts: {
    lab: Lab;
    host: LabNode;
    outside: LabNode;
    engine: Engine;
    dir: string;
    complaints: string[];
  }) {
    this.#lab = parts.lab;
    this.host = parts.host;
    this.outside = parts.outside;
    this.engine = parts.engine;
    this.#dir = parts.dir;
    this.complaints = parts.complaints;
  }

  /** `brNetfilter`: frames of all bridges pass the IP hooks, by the host's own setting. */
  static async start(options: { readonly brNetfilter: boolean }): Promise<MatrixWorld> {
    const lab = new Lab();
    const host = lab.node("host");
    const outside = lab.node("outside");
    lab.wire({ node: host, link: "wire0" }, { node: outside, link: "wire0" });
    host.sh(
      `ip address add ${HOST[4]}/24 dev wire0`,
      `ip address add ${HOST[6]}/64 dev wire0 nodad`,
      `ip route add default via ${OUTSIDE[4]}`,
      `ip route add default via ${OUTSIDE[6]}`,
    );
    outside.sh(
      `ip address add ${OUTSIDE[4]}/24 dev wire0`,
      `ip address add ${OUTSIDE[6]}/64 dev wire0 nodad`,
      `ip route add 10.0.0.0/8 via ${HOST[4]}`,
      `ip route add fd00::/8 via ${HOST[6]}`,
    );
    for (const key of ["iptables", "ip6tables"]) {
      host.sysctl(`bridge/bridge-nf-call-${key}`, options.brNetfilter ? "1" : "0");
    }
    const dir = mkdtempSync(join(tmpdir(), "netdock-matrix-"));
    const runDir = join(dir, "run");
    const complaints: string[] = [];
    const complain = (_: object, message: string): void => void complaints.push(message);
    const engine = await assembleEngine({
      runDir,
      stateDir: join(dir, "state"),
      log: { info: () => undefined, warn: complain, error: complain },
      clock: { now: () => Date.now() },
      defaultBridge: "netdock0",
      host: openLinuxHost({ runDir, homeNetnsFd: host.fd }),
      transient: true,
    });
    return new MatrixWorld({ lab, host, outside, engine, dir, complaints });
  }

  /** Runs something in a sandbox, or on the `host` or `outside`. */
  visit(name: string): Visit {
    if (name === "host") return this.host.visit;
    if (name === "outside") return this.outside.visit;
    // By id: a name may go to another sandbox.
    const { id, netnsPath } = this.engine.sandbox(name);
    const fd = this.#fds.get(id) ?? openNetns(netnsPath);
    if (fd === undefined) throw new Error(`there is no sandbox ${name}`);
    this.#fds.set(id, fd);
    return (run) => this.#threads.withNetns(fd, run);
  }

  /** What `ip` prints inside a sandbox. */
  ip(sandbox: string, args: string): string {
    return this.host.sh(`nsenter --net=${this.engine.sandbox(sandbox).netnsPath} ip ${args}`);
  }

  /** By which link a sandbox's default routes lead, IPv4 first; `-` where there is none. */
  defaults(sandbox: string): string[] {
    return [4, 6].map((family) => {
      const text = this.ip(sandbox, `-${family} route show default`);
      return /default via \S+ dev (\S+)/.exec(text)?.[1] ?? "-";
    });
  }

  /** Makes a network of these families. */
  async network(name: string, families: "4" | "6" | "46", more: Partial<NetworkRequest> = {}): Promise<void> {
    const [enableIPv4, enableIPv6] = [families.includes("4"), families.includes("6")];
    await this.engine.createNetwork({ name, enableIPv4, enableIPv6, ...more });
  }

  /** Removes all sandboxes, and all networks but the predefined ones. */
  async clear(): Promise<void> {
    const gone = this.engine.sandboxes().map(({ id }) => this.engine.removeSandbox(id, { force: true }));
    await Promise.all(gone);
    const networks = this.engine.networks().filter(({ predefined }) => !predefined);
    await Promise.all(networks.map(({ id }) => this.engine.removeNetwork(id)));
  }

  address(sandbox: string, family: 4 | 6): Ip {
    const [endpoint] = this.engine.sandbox(sandbox).endpoints;
    const cidr = family === 4 ? endpoint?.ipv4 : endpoint?.ipv6;
    return (cidr ?? "").split("/")[0] as Ip;
  }

  /** One packet exchange; `at` is where the server listens, `to` where the client turns to. */
  ask(what: {
    readonly protocol: "tcp" | "udp";
    readonly from: string;
    readonly server: string;
    readonly at: { readonly ip: Ip; readonly port: number };
    readonly to: { readonly ip: Ip; readonly port: number };
    readonly timeoutMs: number;
  }): Outcome {
    const { from, server, ...rest } = what;
    return probe({ ...rest, client: this.visit(from), server: this.visit(server) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fd of this.#fds.values()) closeSync(fd);
    await this.clear();
    await this.engine.close();
    this.#threads.close();
    this.#lab[Symbol.dispose]();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
