import koffi from "koffi";
import { NetError } from "../base/errors.ts";
import { errnoName } from "../wire/netlink/errno.ts";

/** What the errors netdock meets mean, in words (errno(3)). */
const words: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "address is not on this machine",
  EAFNOSUPPORT: "address family is not supported by this kernel",
  EBADF: "bad file descriptor",
  EBUSY: "device or resource busy",
  EEXIST: "it exists already",
  EINVAL: "invalid argument",
  EMFILE: "too many open files in this process",
  ENFILE: "too many open files on this machine",
  ENODEV: "no such device",
  ENOENT: "no such file or object",
  ENOMEM: "out of memory",
  ENOSPC: "no space left",
  ENOSYS: "this kernel lacks the system call",
  EOPNOTSUPP: "operation is not supported by this kernel",
  EPERM: "operation not permitted: root or the matching capability is needed",
  EPROTONOSUPPORT: "protocol is not supported by this kernel",
  EROFS: "read-only file system",
  ESRCH: "no such process",
};

/** The error of the libc call that just failed. Must be made before anything else can touch errno. */
export function sysError(call: string, subject: string): NetError {
  return errnoError(call, subject, koffi.errno());
}

/** `mount /run/x: EPERM (operation not permitted: …)` */
export function errnoError(op: string, subject: string, errno: number): NetError {
  const name = errnoName(errno);
  const text = words[name];
  return new NetError("kernel", op, {
    message: `${op} ${subject}: ${text === undefined ? name : `${name} (${text})`}`,
    subject,
    errno: name,
  });
}

/** What an error name means, in words; undefined for those that netdock does not meet. */
export function errnoWords(name: string): string | undefined {
  return words[name];
}

/** True for an error of the kernel with one of these names. */
export function hasErrno(error: unknown, ...errnos: readonly string[]): error is NetError {
  return error instanceof NetError && error.errno !== undefined && errnos.includes(error.errno);
}

/** Of accept(2): more tries now would only repeat them, and endlessly; the connection goes on waiting. */
export const NO_ROOM = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"] as const;

/** True for an error of Node's own file functions with one of these codes. */
export function isNodeError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/** An error of Node's own file functions as ours; anything else stays what it is. */
export function fileError(op: string, subject: string, error: unknown): unknown {
  if (error instanceof NetError || !(error instanceof Error) || !("errno" in error)) return error;
  return errnoError(op, subject, -Number(error.errno));
}

/** Runs file functions of Node's, whose errors become ours. */
export function files<T>(op: string, subject: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw fileError(op, subject, error);
  }
}

/** Runs file functions of Node's, for which these error codes are fine. */
export function ignoring(codes: readonly string[], run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!isNodeError(error, ...codes)) throw error;
  }
}
