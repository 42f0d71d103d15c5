import { errnoName } from "../wire/netlink/errno.ts";
import { bind } from "./libc-bind.ts";

/**
 * posix_spawn(3) and waitpid(2). Node's own `spawn` forks, and copying the page tables of a Node process takes 5–15 ms
 * with the event loop standing still; posix_spawn shares the memory until the exec and takes 0.4 ms. It also reports a
 * failed exec at once, and the child inherits the calling thread's namespaces.
 */

type Opaque = Uint8Array;
type Strings = readonly (string | null)[];

const c = {
  spawn: bind<
    (pid: number[], path: string, actions: Opaque, attrs: Opaque, argv: Strings, envp: Strings) => number
  >("int posix_spawn(_Out_ int *, const char *, const void *, const void *, const char **, const char **)"),
  actionsInit: bind<(actions: Opaque) => number>("int posix_spawn_file_actions_init(void *)"),
  actionsDestroy: bind<(actions: Opaque) => number>("int posix_spawn_file_actions_destroy(void *)"),
  addDup2: bind<(actions: Opaque, from: number, to: number) => number>(
    "int posix_spawn_file_actions_adddup2(void *, int, int)",
  ),
  addOpen: bind<(actions: Opaque, fd: number, path: string, flags: number, mode: number) => number>(
    "int posix_spawn_file_actions_addopen(void *, int, const char *, int, unsigned int)",
  ),
  addChdir: bind<(actions: Opaque, path: string) => number>(
    "int posix_spawn_file_actions_addchdir_np(void *, const char *)",
  ),
  attrInit: bind<(attrs: Opaque) => number>("int posix_spawnattr_init(void *)"),
  setFlags: bind<(attrs: Opaque, flags: number) => number>("int posix_spawnattr_setflags(void *, short)"),
  setDefaults: bind<(attrs: Opaque, signals: Opaque) => number>(
    "int posix_spawnattr_setsigdefault(void *, const void *)",
  ),
  setMask: bind<(attrs: Opaque, signals: Opaque) => number>(
    "int posix_spawnattr_setsigmask(void *, const void *)",
  ),
  waitpid: bind<(pid: number, status: number[], options: number) => number>(
    "int waitpid(int, _Out_ int *, int)",
  ),
  fcntl: bind<(fd: number, command: number, value: number) => number>("int fcntl(int, int, int)"),
  syscall3: bind<(number: number, a: number, b: number, c: number) => number>(
    "long syscall(long, long, long, long)",
  ),
} as const;

/** spawn.h, the same in glibc and musl. */
const POSIX_SPAWN = { SETSIGDEF: 4, SETSIGMASK: 8, SETSID: 0x80 } as const;
/** Room enough for either libc's posix_spawn_file_actions_t (80), posix_spawnattr_t (336) and sigset_t (128). */
const OPAQUE_SIZE = 512;
const WNOHANG = 1;
const O_RDWR = 2;
const [F_GETFL, F_SETFL, O_NONBLOCK] = [3, 4, 0o4000];
/** asm-generic/unistd.h; linux/close_range.h. */
const [SYS_close_range, CLOSE_RANGE_CLOEXEC] = [436, 4];

export interface SpawnOptions {
  /** Absolute path of the program. */
  readonly file: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly directory: string;
  /** Descriptors that become 0, 1 and 2, or a terminal that becomes all three, and the session's own. */
  readonly stdio: readonly [number, number, number] | { readonly terminal: string };
  /** Becomes 3. No other is inherited. */
  readonly third?: number;
  /** Leads a session and a process group of its own. */
  readonly newSession: boolean;
}

/** Starts a program in the calling thread's namespaces, signals as a fresh process has them. The pid, or an errno name. */
export function posixSpawn(options: SpawnOptions): { readonly pid: number } | { readonly errno: string } {
  const actions = new Uint8Array(OPAQUE_SIZE);
  const attrs = new Uint8Array(OPAQUE_SIZE);
  c.actionsInit(actions);
  c.attrInit(attrs);
  try {
    const session = options.newSession ? POSIX_SPAWN.SETSID : 0;
    c.setFlags(attrs, POSIX_SPAWN.SETSIGDEF | POSIX_SPAWN.SETSIGMASK | session);
    // Node ignores SIGPIPE, and ignoring is inherited.
    c.setDefaults(attrs, new Uint8Array(OPAQUE_SIZE).fill(0xff));
    c.setMask(attrs, new Uint8Array(OPAQUE_SIZE));
    // What we got from our own parent without close-on-exec must not travel on. Linux 5.11; Node itself marks only the
    // first 16.
    c.syscall3(SYS_close_range, 3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
    if ("terminal" in options.stdio) {
      // The first terminal that a session's leader opens becomes the session's (tty_ioctl(4), TIOCSCTTY).
      c.addOpen(actions, 0, options.stdio.terminal, O_RDWR, 0);
      c.addDup2(actions, 0, 1);
      c.addDup2(actions, 0, 2);
    } else {
      // A copy onto itself takes close-on-exec away, which Node sets on its standard descriptors too.
      options.stdio.forEach((fd, i) => {
        makeBlocking(fd);
        c.addDup2(actions, fd, i);
      });
    }
    if (options.third !== undefined) c.addDup2(actions, options.third, 3);
    c.addChdir(actions, options.directory);
    const pid = [0];
    const errno = c.spawn(pid, options.file, actions, attrs, [...options.argv, null], [...options.env, null]);
    return errno === 0 ? { pid: pid[0] as number } : { errno: errnoName(errno) };
  } finally {
    c.actionsDestroy(actions);
  }
}

/** Node makes the pipes it was started with non-blocking, which most programs take for an error. */
function makeBlocking(fd: number): void {
  const flags = c.fcntl(fd, F_GETFL, 0);
  if (flags >= 0 && (flags & O_NONBLOCK) !== 0) c.fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

/** Collects an ended child: its wait(2) status; undefined when it runs or is not our child. */
export function collectChild(pid: number): number | undefined {
  const status = [0];
  return c.waitpid(pid, status, WNOHANG) === pid ? status[0] : undefined;
}
