import { expect, test } from "vitest";
import { sysctlPath } from "./sysctl.ts";

test("sysctlPath() follows sysctl(8): dots part, a slash stands for a dot, and a path is a path", () => {
  expect(sysctlPath("net.ipv4.ip_forward")).toBe("/proc/sys/net/ipv4/ip_forward");
  expect(sysctlPath("net.ipv4.conf.eth0/100.forwarding")).toBe("/proc/sys/net/ipv4/conf/eth0.100/forwarding");
  expect(sysctlPath("net/ipv4/conf/eth0.100/forwarding")).toBe("/proc/sys/net/ipv4/conf/eth0.100/forwarding");
});

test("sysctlPath() refuses what is not the network stack's, and what leaves its folder", () => {
  for (const key of [
    "",
    "net",
    "net.ipv4",
    "kernel.hostname",
    "net..x",
    "net.ipv4.//.x",
    "net/../kernel/x",
    "/net/a/b",
  ]) {
    expect(() => sysctlPath(key), key).toThrow("write a key of the network stack");
  }
});
