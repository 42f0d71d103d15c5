import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { invalid, NetError } from "../base/errors.ts";
import { HOST_NETNS, type NetnsKey } from "../model/ops.ts";
import { fileError, files, hasErrno, ignoring, isNodeError } from "./errno.ts";
import { CLONE, mount, MNT_DETACH, MS, namespaceType, unmount } from "./libc.ts";

/** Keeps namespaces alive and findable, by key. */
export interface Pins {
  /** Folder in which each has a path. */
  readonly dir: string;
  path(key: NetnsKey): string;
  /** Pins the namespace found at `source` (a path under /proc). */
  add(key: NetnsKey, source: string): void;
  /** A descriptor of the namespace; undefined when the pin is gone or is no namespace. */
  open(key: NetnsKey): number | undefined;
  /** Takes the pin away. Unknown keys are fine. */
  remove(key: NetnsKey): void;
  list(): NetnsKey[];
  /** What outlives the process stays. */
  close(): void;
}

/**
 * Namespaces that outlive the process: each is bind-mounted on a file named after its key, as `ip netns` does it.
 * The folder is a mount of its own, so that a sandbox's process can drop all pins from its copy of the mount tree with
 * one umount, and pins no other sandbox's namespace. It is a shared mount: a pin taken away here goes away in every other
 * mount namespace that got a copy.
 */
export class NetnsPins implements Pins {
  readonly dir: string;
  #mounted = false;

  constructor(runDir: string) {
    this.dir = join(runDir, "netns");
  }

  path(key: NetnsKey): string {
    return join(this.dir, key);
  }

  add(key: NetnsKey, source: string): void {
    checkKey(key);
    this.#mountDir();
    const path = this.path(key);
    try {
      closeSync(openSync(path, "wx", 0o444));
    } catch (error) {
      if (!isNodeError(error, "EEXIST")) throw fileError("netns.create", path, error);
      // A live pin is a namespace; what a crash between file and mount left behind is an empty file.
      if (isNetns(path)) {
        throw new NetError("conflict", "netns.create", {
          message: `namespace ${key} exists already`,
          subject: key,
        });
      }
    }
    try {
      mount(source, path, null, MS.BIND);
    } catch (error) {
      unlinkSync(path);
      throw error;
    }
  }

  open(key: NetnsKey): number | undefined {
    return openNetns(this.path(key));
  }

  remove(key: NetnsKey): void {
    checkKey(key);
    const path = this.path(key);
    try {
      unmount(path, MNT_DETACH);
    } catch (error) {
      // EINVAL: a file, but not a mount.
      if (!hasErrno(error, "ENOENT", "EINVAL")) throw error;
    }
    ignoring(["ENOENT"], () => {
      unlinkSync(path);
    });
  }

  list(): NetnsKey[] {
    try {
      return readdirSync(this.dir);
    } catch (error) {
      if (isNodeError(error, "ENOENT")) return [];
      throw error;
    }
  }

  /** Takes the folder away too when no pin is left. */
  close(): void {
    if (this.list().length > 0) return;
    try {
      unmount(this.dir, MNT_DETACH);
    } catch (error) {
      if (!hasErrno(error, "ENOENT", "EINVAL", "EPERM")) throw error;
    }
    this.#mounted = false;
    ignoring(["ENOENT", "ENOTEMPTY", "EBUSY"], () => {
      rmdirSync(this.dir);
    });
  }

  #mountDir(): void {
    if (this.#mounted) return;
    const real = files("netns.create", this.dir, () => {
      mkdirSync(this.dir, { recursive: true, mode: 0o755 });
      return realpathSync(this.dir);
    });
    if (!isMountPoint(real)) {
      mount(this.dir, this.dir, null, MS.BIND);
      mount(null, this.dir, null, MS.SHARED);
    }
    this.#mounted = true;
  }
}

/** Opens a network namespace by path; undefined when there is nothing or something else. */
export function openNetns(path: string): number | undefined {
  let fd;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    // ESRCH: a zombie's /proc entry, whose namespaces are gone already.
    if (isNodeError(error, "ENOENT", "ENOTDIR", "EACCES", "ESRCH", "ELOOP", "ENXIO")) return undefined;
    throw error;
  }
  if (namespaceType(fd) === CLONE.NEWNET) return fd;
  closeSync(fd);
  return undefined;
}

/** A namespace somebody else made; throws `invalid` when it is none. */
export function openForeignNetns(source: { readonly path: string } | { readonly pid: number }): number {
  if ("path" in source) {
    const fd = openNetns(source.path);
    if (fd === undefined) {
      throw invalid("netns.path", source.path, "give the path of a network namespace", "netns.adopt");
    }
    return fd;
  }
  const fd = openNetns(`/proc/${source.pid}/ns/net`);
  if (fd === undefined) {
    throw invalid("netns.pid", source.pid, "give the id of a running process", "netns.adopt");
  }
  return fd;
}

function isNetns(path: string): boolean {
  const fd = openNetns(path);
  if (fd === undefined) return false;
  closeSync(fd);
  return true;
}

/** A key becomes a file name, and `host` has a meaning of its own. */
export function checkKey(key: NetnsKey): void {
  if (key === HOST_NETNS || !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(key)) {
    throw invalid("netns", key, "a namespace key is letters, digits, `_`, `-` and `.`", "netns.create");
  }
}

/** proc(5), mountinfo: the fifth field is the mount point, with blanks as octal escapes. */
export function isMountPoint(path: string): boolean {
  const wanted = path.replaceAll("\\", "\\134").replaceAll(" ", "\\040").replaceAll("\t", "\\011");
  return readFileSync("/proc/thread-self/mountinfo", "utf8")
    .split("\n")
    .some((line) => line.split(" ", 5)[4] === wanted);
}
