import { sysError } from "./errno.ts";
import { bind, check, failedWith } from "./libc-bind.ts";

// Descriptors that are no sockets: pipes, terminals, files in memory; see libc.ts.

type Bytes = Uint8Array;

const c = {
  pipe2: bind<(fds: Bytes, flags: number) => number>("int pipe2(void *, int)"),
  memfdCreate: bind<(name: string, flags: number) => number>("int memfd_create(const char *, unsigned int)"),
  ioctl: bind<(fd: number, request: number, data: Bytes) => number>("int ioctl(int, unsigned long, void *)"),
} as const;

const O_CLOEXEC = 0o2000000;

/** Both ends close-on-exec. */
export function pipe(): { readonly read: number; readonly write: number } {
  const fds = new Int32Array(2);
  check(c.pipe2(new Uint8Array(fds.buffer), O_CLOEXEC), "pipe2", "");
  return { read: fds[0] as number, write: fds[1] as number };
}

/** linux/memfd.h */
const [MFD_CLOEXEC, MFD_EXEC] = [1, 0x10];

/** A file in memory that can be executed. Kernels before 6.3 do not know MFD_EXEC, and let all be executed. */
export function memfdCreate(name: string): number {
  const fd = c.memfdCreate(name, MFD_CLOEXEC | MFD_EXEC);
  if (fd >= 0) return fd;
  if (!failedWith("EINVAL")) throw sysError("memfd_create", name);
  return check(c.memfdCreate(name, MFD_CLOEXEC), "memfd_create", name);
}

/** asm-generic/ioctls.h */
const [TIOCSWINSZ, TIOCSPTLCK, TIOCGPTN] = [0x5414, 0x4004_5431, 0x8004_5430];

/** Unlocks the terminal behind an open /dev/ptmx (unlockpt(3)), and gives its number under /dev/pts. */
export function unlockTerminal(master: number): number {
  check(c.ioctl(master, TIOCSPTLCK, new Uint8Array(4)), "ioctl TIOCSPTLCK", master);
  const number = new Uint8Array(4);
  check(c.ioctl(master, TIOCGPTN, number), "ioctl TIOCGPTN", master);
  return new DataView(number.buffer).getUint32(0, true);
}

/** Size of a terminal; its foreground group gets SIGWINCH when that changes it. */
export function resizeTerminal(fd: number, size: { readonly rows: number; readonly columns: number }): void {
  // struct winsize (termios.h): rows, columns, and pixels nobody gives.
  const winsize = new Uint8Array(Uint16Array.of(size.rows, size.columns, 0, 0).buffer);
  check(c.ioctl(fd, TIOCSWINSZ, winsize), "ioctl TIOCSWINSZ", fd);
}
