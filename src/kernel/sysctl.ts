import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { invalid, NetError, showValue } from "../base/errors.ts";
import { fileError, files, isNodeError } from "./errno.ts";

/**
 * Path of a key under /proc/sys, by sysctl(8)'s rule: a key whose first separator is a dot swaps dots and slashes, so
 * `net.ipv4.conf.eth0/100.forwarding` is about link `eth0.100`; one that starts with a slash-separated part is a path
 * already. Only the `net` branch is a namespace's own.
 */
export function sysctlPath(key: string): string {
  const path = /^[^./]*\//.test(key) ? key : key.replaceAll(/[./]/g, (c) => (c === "." ? "/" : "."));
  const parts = path.split("/");
  if (
    parts[0] !== "net" ||
    parts.length < 3 ||
    parts.some((part) => part === "" || part === "." || part === "..")
  ) {
    throw invalid("sysctls", key, "write a key of the network stack, like net.ipv4.ip_forward", "sysctl.set");
  }
  return `/proc/sys/${path}`;
}

/** The value in the thread's present network namespace; undefined when the key is absent. */
export function readSysctl(key: string): string | undefined {
  try {
    return readFileSync(sysctlPath(key), "latin1").trimEnd();
  } catch (error) {
    if (isNodeError(error, "ENOENT")) return undefined;
    throw fileError("sysctl.read", key, error);
  }
}

/**
 * Writes one value in the thread's present network namespace and returns the one before; undefined when the key is absent
 * and may be.
 */
export function writeSysctl(key: string, value: string, optional: boolean): string | undefined {
  const path = sysctlPath(key);
  let fd;
  try {
    fd = openSync(path, constants.O_RDWR);
  } catch (error) {
    if (isNodeError(error, "ENOENT")) {
      if (optional) return undefined;
      throw new NetError("not_found", "sysctl.set", {
        message: `sysctls: ${showValue(key)} does not exist in this kernel or for this link`,
        subject: key,
        field: "sysctls",
        value: showValue(key),
      });
    }
    throw fileError("sysctl.set", key, error);
  }
  try {
    const before = files("sysctl.set", key, () => readAll(fd));
    // Some writes cost an RTNL lock and a notification even when they change nothing.
    if (before !== value) writeSync(fd, value, 0);
    return before;
  } catch (error) {
    if (isNodeError(error, "EINVAL", "ERANGE", "EDOM")) {
      throw invalid("sysctls", `${key}=${value}`, "the kernel refuses the value", "sysctl.set");
    }
    throw fileError("sysctl.set", key, error);
  } finally {
    closeSync(fd);
  }
}

function readAll(fd: number): string {
  const buffer = Buffer.alloc(4096);
  return buffer.toString("latin1", 0, readSync(fd, buffer, 0, buffer.length, 0)).trimEnd();
}
