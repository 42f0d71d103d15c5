import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, fstatSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { withHostNamespace } from "../testkit/kernel.ts";
import { addLink } from "../wire/netlink/link.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

test("a namespace is made with loopback up, listed, entered by its path, and gone when deleted", () =>
  withHostNamespace(({ host, visit, netnsFd }) => {
    host.createNetns("aa11");
    expect(host.listNetns()).toEqual(["aa11"]);
    expect(host.observe("aa11").links).toMatchObject([
      { index: 1, name: "lo", up: true, addresses: ["127.0.0.1/8", "::1/128"] },
    ]);
    const inode = visit(() => statSync("/proc/thread-self/ns/net").ino, "aa11");
    expect(statSync(host.netnsPath("aa11")).ino).toBe(inode);
    expect(fstatSync(netnsFd).ino).not.toBe(inode);
    host.deleteNetns("aa11");
    expect(existsSync(host.netnsPath("aa11"))).toBe(false);
    expect(host.listNetns()).toEqual([]);
    expect(() => host.observe("aa11")).toThrow("there is no namespace aa11");
  }));

test("deleteNetns() of an unknown key is fine", () =>
  withHostNamespace(({ host }) => {
    host.deleteNetns("never-was");
  }));

test("a key that is taken, or could leave the folder, is refused", () =>
  withHostNamespace(({ host }) => {
    host.createNetns("aa");
    expect(() => host.createNetns("aa")).toThrow("namespace aa exists already");
    for (const key of ["../up", "host", "", "a/b", "a".repeat(200)]) {
      expect(() => host.createNetns(key), key).toThrow("a namespace key is");
    }
    host.deleteNetns("aa");
  }));

test("a restarted daemon opens what the one before pinned, and gives links new indexes above those there", () =>
  withHostNamespace(async ({ host, reopen }) => {
    host.createNetns("aa");
    const veth = (name: string, peer: string) =>
      ({
        op: "link.create",
        netns: "host",
        link: { name, kind: { type: "veth", peer: { netns: "aa", name: peer } }, up: true },
      }) as const;
    await host.apply([veth("v0", "eth0")]);
    const second = reopen();
    expect(second.openNetns("bb")).toBe(false);
    expect(second.openNetns("aa")).toBe(true);
    await second.apply([veth("v1", "eth1")]);
    expect(second.observe("aa").links.map(({ index, name }) => [index, name])).toEqual([
      [1, "lo"],
      [2, "eth0"],
      [3, "eth1"],
    ]);
    second.deleteNetns("aa");
  }));

test("an index that somebody else took is not used: the next free one is", () =>
  withHostNamespace(async ({ host, visit }) => {
    host.createNetns("aa");
    const inside = visit(() => new NetlinkSocket(0, new Uint8Array(0x1_0000)), "aa");
    // Twice: index 2, where the first link of ours would go, and 3.
    const bridge = { linkInfo: { info: { kind: "bridge" } } } as const;
    inside.transact([addLink({ name: "x0", ...bridge }), addLink({ name: "x1", ...bridge })]);
    inside.close();
    await host.apply([
      {
        op: "link.create",
        netns: "host",
        link: { name: "v0", kind: { type: "veth", peer: { netns: "aa", name: "eth0" } }, up: true },
      },
    ]);
    expect(host.observe("aa").links).toMatchObject([
      { name: "lo" },
      { name: "x0" },
      { name: "x1" },
      { index: 4, name: "eth0", up: true },
    ]);
    host.deleteNetns("aa");
  }));

test("a pin left empty by a crash is taken over", () =>
  withHostNamespace(({ host }) => {
    const path = host.netnsPath("aa");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "");
    expect(host.openNetns("aa")).toBe(false);
    host.createNetns("aa");
    expect(host.observe("aa").links).toHaveLength(1);
    host.deleteNetns("aa");
  }));

async function inNewNetns(run: (child: ChildProcess & { pid: number }) => void): Promise<void> {
  const child = spawn("unshare", ["--net", "sh", "-c", "echo ready; cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  try {
    run(child as unknown as ChildProcess & { pid: number });
  } finally {
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stdin.end();
    await ended;
  }
}

test("a namespace is adopted by pid and by path, its loopback up, and outlives its process", () =>
  withHostNamespace(async ({ host }) => {
    await inNewNetns(({ pid }) => {
      host.adoptNetns("bypid", { pid });
      host.adoptNetns("bypath", { path: `/proc/${pid}/ns/net` });
    });
    for (const key of ["bypid", "bypath"]) {
      expect(host.observe(key).links).toMatchObject([{ name: "lo", up: true }]);
      host.deleteNetns(key);
    }
  }));

test("what is no network namespace is refused, by name", () =>
  withHostNamespace(({ host, runDir }) => {
    const file = join(runDir, "file");
    writeFileSync(file, "");
    for (const path of [file, runDir, "/nonexistent", "/proc/self/ns/mnt", "/dev/null"]) {
      expect(() => host.adoptNetns("aa", { path })).toThrow(
        `netns.path: "${path}" is not valid: give the path of a network namespace`,
      );
    }
    expect(() => host.adoptNetns("aa", { pid: 2 ** 30 })).toThrow("give the id of a running process");
    expect(host.listNetns()).toEqual([]);
  }));
