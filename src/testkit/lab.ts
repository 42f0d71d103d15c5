import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { type Sync, ThreadNamespaces } from "../kernel/netns.ts";

/** One network namespace, loopback up. */
export class LabNode {
  readonly name: string;
  /** The namespace. */
  readonly fd: number;
  readonly #threads: ThreadNamespaces;

  constructor(name: string, threads: ThreadNamespaces) {
    this.name = name;
    this.#threads = threads;
    this.fd = threads.withNewNetns(() => openSync("/proc/thread-self/ns/net", "r"));
    this.sh("ip link set lo up");
  }

  /** Path by which other processes can name the namespace. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  /** Runs something synchronous in the namespace; a socket opened there stays there. A `Visit` of packets.ts. */
  readonly visit = <T>(run: () => Sync<T>): T => this.#threads.withNetns(this.fd, run);

  /** Shell commands in the namespace; returns what they print, throws when one fails. */
  sh(...commands: readonly string[]): string {
    const argv = [`--net=${this.path}`, "sh", "-ec", commands.join("\n")];
    return execFileSync("nsenter", argv, { encoding: "utf8" });
  }

  /** `key` is a path under /proc/sys/net. */
  sysctl(key: string, value: string): void {
    this.visit(() => writeFileSync(`/proc/sys/net/${key}`, value));
  }

  close(): void {
    closeSync(this.fd);
  }
}

/**
 * Namespaces joined by veth pairs, for tests with real packets. All is gone when it is closed: namespaces live by their
 * descriptors only, and take links, rules and routes with them.
 */
export class Lab implements Disposable {
  readonly #threads = new ThreadNamespaces();
  readonly #nodes: LabNode[] = [];

  node(name: string): LabNode {
    const node = new LabNode(name, this.#threads);
    this.#nodes.push(node);
    return node;
  }

  /** A veth pair, both ends up: link `a.link` in `a.node`, `b.link` in `b.node`. */
  wire(a: { node: LabNode; link: string }, b: { node: LabNode; link: string }): void {
    const peer = `peer name ${b.link} netns ${b.node.path}`;
    a.node.sh(`ip link add ${a.link} type veth ${peer}`, `ip link set ${a.link} up`);
    b.node.sh(`ip link set ${b.link} up`);
  }

  [Symbol.dispose](): void {
    for (const node of this.#nodes) node.close();
    this.#threads.close();
  }
}

/** Skips a test, saying why, where a command to look at the kernel with is not installed. */
export function needsCommand(
  context: { skip: (note: string) => void },
  command: string,
  debian: string,
): void {
  const { status } = spawnSync("sh", ["-c", `command -v ${command}`]);
  if (status !== 0) context.skip(`needs the command ${command} (Debian: ${debian})`);
}
