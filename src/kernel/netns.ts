import { closeSync, openSync, writeSync } from "node:fs";
import { NetError } from "../base/errors.ts";
import { CLONE, setns, tryFchdir, trySetns, unshare } from "./libc.ts";

/**
 * Anything but a promise. A callback typed `() => Sync<T>` cannot be async: after an `await` it would go on in whatever
 * namespace the thread is in by then.
 */
export type Sync<T> = T extends PromiseLike<unknown> ? never : T;

/** Descriptors of the namespaces of a process. */
export interface ProcessNamespaces {
  readonly net: number;
  readonly uts: number;
  readonly pid: number;
  readonly mnt: number;
}

/** What a visit beyond the network may change; the thread's own pid namespace never changes, only that of its children. */
const CHILD_NAMESPACES = [
  ["uts", CLONE.NEWUTS],
  ["pid", CLONE.NEWPID],
  ["mnt", CLONE.NEWNS],
] as const;

/**
 * The calling thread's own namespaces, and the only way to leave them. All visits are synchronous: enter, do, return. A
 * socket keeps the namespace it was opened in, so what follows a visit is ordinary I/O on a descriptor. A visit whose
 * return fails ends the process: every later call would act on the wrong machine's worth of network.
 *
 * Belongs to the thread that made it.
 */
export class ThreadNamespaces {
  readonly #net: number;
  #away = false;

  constructor() {
    this.#net = openSync("/proc/thread-self/ns/net", "r");
  }

  /** The thread's own network namespace; stays open until `close`. */
  get netFd(): number {
    return this.#net;
  }

  /** Runs `run` in the network namespace `netns`. */
  withNetns<T>(netns: number, run: () => Sync<T>): T {
    this.#leave();
    try {
      setns(netns, CLONE.NEWNET);
      return run();
    } finally {
      this.#return([[this.#net, CLONE.NEWNET]]);
    }
  }

  /** Runs `run` in a network namespace made for it, which lives on only as `run` pins it (descriptor, socket, mount). */
  withNewNetns<T>(run: () => Sync<T>): T {
    this.#leave();
    try {
      unshare(CLONE.NEWNET);
      return run();
    } finally {
      this.#return([[this.#net, CLONE.NEWNET]]);
    }
  }

  /**
   * Runs `run` in private copies of the mount and UTS namespaces and, if given, in the network namespace `netns`: a child
   * forked in there lives in them; with `ownPids` the first one is pid 1 of a pid namespace. Working directory and root come
   * back as they were.
   */
  withNewMounts<T>(
    place: { readonly netns: number | undefined; readonly ownPids: boolean },
    run: () => Sync<T>,
  ): T {
    return this.#withChildNamespaces(() => {
      if (place.netns !== undefined) setns(place.netns, CLONE.NEWNET);
      // Also takes the thread its own fs struct (unshare(2)), without which entering a mount namespace is refused.
      unshare(CLONE.NEWNS | CLONE.NEWUTS | (place.ownPids ? CLONE.NEWPID : 0));
    }, run);
  }

  /** Runs `run` where a child forked in there lives in these namespaces, those of another process. */
  withNamespaces<T>(namespaces: ProcessNamespaces, run: () => Sync<T>): T {
    return this.#withChildNamespaces(() => {
      setns(namespaces.net, CLONE.NEWNET);
      setns(namespaces.uts, CLONE.NEWUTS);
      setns(namespaces.pid, CLONE.NEWPID);
      unshare(CLONE.FS);
      setns(namespaces.mnt, CLONE.NEWNS);
    }, run);
  }

  #withChildNamespaces<T>(enter: () => void, run: () => Sync<T>): T {
    this.#leave();
    const home: { fd: number; type: number }[] = [];
    let directory = -1;
    try {
      directory = openSync(".", "r");
      // The mount namespace last: the others are opened by paths of the one the thread is in.
      for (const [name, type] of CHILD_NAMESPACES) {
        home.push({ fd: openSync(`/proc/thread-self/ns/${name}`, "r"), type });
      }
      enter();
      return run();
    } finally {
      this.#return([[this.#net, CLONE.NEWNET], ...home.map(({ fd, type }) => [fd, type] as const)]);
      // setns(2) to a mount namespace moves the working directory to its root.
      if (directory >= 0 && !tryFchdir(directory)) die("the working directory");
      for (const fd of [directory, ...home.map((namespace) => namespace.fd)]) if (fd >= 0) closeSync(fd);
    }
  }

  close(): void {
    closeSync(this.#net);
  }

  #leave(): void {
    if (this.#away) {
      throw new NetError("internal", "netns.enter", {
        message: "a namespace is entered from within another",
      });
    }
    this.#away = true;
  }

  #return(namespaces: readonly (readonly [number, number])[]): void {
    for (const [fd, type] of namespaces) if (!trySetns(fd, type)) die("its own namespaces");
    this.#away = false;
  }
}

/** No exception: somebody could catch it and go on. */
function die(what: string): never {
  writeSync(2, `netdock: a thread cannot return to ${what}: ending the process\n`);
  process.abort();
}
