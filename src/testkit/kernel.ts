import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { Capabilities, type Feature, FEATURES } from "../kernel/capabilities.ts";
import { type LinuxHost, openLinuxHost } from "../kernel/host.ts";
import { NetlinkSocket } from "../kernel/netlink-socket.ts";
import { type Sync, ThreadNamespaces } from "../kernel/netns.ts";
import { openNetns } from "../kernel/pins.ts";
import { setLink, upFlag } from "../wire/netlink/link.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";

/** A network namespace that plays the host, with a `Host` for it. */
export interface HostNamespace {
  readonly host: LinuxHost;
  readonly netnsFd: number;
  readonly runDir: string;
  /** A NETLINK_ROUTE socket of somebody who is not the host: what it changes, others have changed. */
  readonly foreign: NetlinkSocket;
  /** Runs something synchronous in the host's namespace, or in a sandbox's. */
  visit<T>(run: () => Sync<T>, sandbox?: string): T;
  /** Another `Host` on the same namespace and run directory, as a restarted daemon has it. Closed with the test. */
  reopen(): LinuxHost;
}

/**
 * Runs a test on a throwaway host inside this process. When it ends, no descriptor and no mount may be left beyond those
 * that were there before, and no pin in the run directory.
 */
export async function withHostNamespace(run: (home: HostNamespace) => Promise<void> | void): Promise<void> {
  const before = descriptors();
  const threads = new ThreadNamespaces();
  const runDir = mkdtempSync(join(tmpdir(), "netdock-kernel-"));
  const buffer = new Uint8Array(0x2_0000);
  const [netnsFd, foreign] = threads.withNewNetns((): [number, NetlinkSocket] => [
    openSync("/proc/thread-self/ns/net", "r"),
    new NetlinkSocket(NETLINK.ROUTE, buffer),
  ]);
  foreign.transact([setLink({ index: 1, ...upFlag(true) })]);
  const hosts: LinuxHost[] = [];
  const open = (): LinuxHost => {
    const host = openLinuxHost({ runDir, homeNetnsFd: netnsFd });
    hosts.push(host);
    return host;
  };
  const host = open();
  const visit = <T>(what: () => Sync<T>, sandbox?: string): T => {
    if (sandbox === undefined) return threads.withNetns(netnsFd, what);
    const fd = openNetns(host.netnsPath(sandbox));
    if (fd === undefined) throw new Error(`there is no sandbox ${sandbox}`);
    try {
      return threads.withNetns(fd, what);
    } finally {
      closeSync(fd);
    }
  };
  let pins: string[] = [];
  try {
    await run({ host, netnsFd, runDir, foreign, visit, reopen: open });
    pins = host.listNetns();
  } finally {
    for (const key of host.listNetns()) host.deleteNetns(key);
    for (const one of hosts) one.close();
    await Promise.all(hosts.map((one) => one.settled()));
    foreign.close();
    closeSync(netnsFd);
    threads.close();
    rmSync(runDir, { recursive: true });
  }
  expect(pins, "pinned namespaces left").toEqual([]);
  expect(mountsUnder(runDir), "mounts left").toEqual([]);
  expect(descriptors(), "descriptors left").toEqual(before);
}

/** What each open descriptor of this process stands for: a leak is what is there after a test and was not before. */
export function descriptors(): string[] {
  const found = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      // The folder just read, and what Node itself opens and closes as it likes.
      return /^\/proc\/\d+\/fd$|^pipe:|^anon_inode:\[(eventfd|io_uring|timerfd)\]/.test(target)
        ? []
        : [target];
    } catch {
      return [];
    }
  });
  return found.toSorted();
}

/** Mount points in a folder, the folder included. Other test files run beside this one, and have mounts of their own. */
export function mountsUnder(dir: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point === dir || point.startsWith(`${dir}/`));
}

/** Skips a test, saying why, on a kernel that lacks the feature. */
export function needs(context: { skip: (note: string) => void }, ...features: readonly Feature[]): void {
  const threads = new ThreadNamespaces();
  try {
    const capabilities = new Capabilities(threads);
    for (const feature of features) {
      if (!capabilities.has(feature)) context.skip(`this kernel lacks ${FEATURES[feature]}`);
    }
  } finally {
    threads.close();
  }
}
