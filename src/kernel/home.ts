import { closeSync, openSync } from "node:fs";
import { NetError } from "../base/errors.ts";
import { setLink, upFlag } from "../wire/netlink/link.ts";
import { NETLINK } from "../wire/netlink/numbers.ts";
import { hasErrno } from "./errno.ts";
import { AF, bindSocket, close, namespaceIsOwn, SOCK, socket } from "./libc.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { ThreadNamespaces } from "./netns.ts";

/** Makes a namespace that plays the host: loopback up, nothing else in it. It ends with the last descriptor of it. */
export function makeHome(): number {
  const threads = new ThreadNamespaces();
  try {
    return threads.withNewNetns(() => {
      const route = new NetlinkSocket(NETLINK.ROUTE, new Uint8Array(0x1000));
      try {
        // The kernel gives loopback this index in every namespace (LOOPBACK_IFINDEX in net/flow.h).
        route.transact([setLink({ index: 1, ...upFlag(true) })]);
      } finally {
        route.close();
      }
      return openSync("/proc/thread-self/ns/net", "r");
    });
  } finally {
    threads.close();
  }
}

/** Kinds that this thread leaves and comes back to, by their names under /proc/PID/ns. */
const VISITED = ["net", "mnt", "uts"] as const;

/**
 * Namespaces of the calling thread to which it could not come back once it had left them, since they belong to a user namespace
 * above its own: the machine's, for the root of a user namespace who was given no others.
 */
export function foreignNamespaces(): string[] {
  return VISITED.filter((kind) => {
    const fd = openSync(`/proc/thread-self/ns/${kind}`, "r");
    try {
      return !namespaceIsOwn(fd);
    } finally {
      closeSync(fd);
    }
  });
}

/** A name in the abstract space of unix(7), which each network namespace has to itself and no file can be in the way of. */
const CLAIM = "\0netdock engine";

/**
 * Claims the thread's present namespace for one controller: a second one would take the first one's links for left-overs and
 * remove them. The kernel gives the claim up with the descriptor, however its process ends. Throws `conflict`.
 */
export function claimHome(): number {
  const fd = socket(AF.UNIX, SOCK.STREAM, 0);
  try {
    // struct sockaddr_un; the length says where an abstract name ends.
    bindSocket(fd, Uint8Array.of(AF.UNIX, 0, ...new TextEncoder().encode(CLAIM)), "the claim on this host");
    return fd;
  } catch (error) {
    close(fd);
    if (!hasErrno(error, "EADDRINUSE")) throw error;
    throw new NetError("conflict", "engine.start", {
      message: "another netdock works in this network namespace already",
      remedy: "stop it, or ask it to do the work (netdock on the command line, connect() in a program)",
      cause: error,
    });
  }
}
