import { bind, check, failedWith } from "./libc-bind.ts";
import { sysError } from "./errno.ts";
import { EFD_CLOEXEC_NONBLOCK, EPOLL, SYS_pidfd_open, SYS_pidfd_send_signal } from "./libc-numbers.ts";

// What the poller and those who use it need of the C library; see libc.ts.

type Bytes = Uint8Array;

const c = {
  epollCreate1: bind<(flags: number) => number>("int epoll_create1(int)"),
  epollCtl: bind<(epoll: number, op: number, fd: number, event: Bytes) => number>(
    "int epoll_ctl(int, int, int, void *)",
  ),
  epollWait: bind<(epoll: number, events: Bytes, max: number, timeoutMs: number) => number>(
    "int epoll_wait(int, void *, int, int)",
  ),
  eventfd: bind<(initial: number, flags: number) => number>("int eventfd(unsigned int, int)"),
  read: bind<(fd: number, bytes: Bytes, size: number) => number>("int64_t read(int, void *, size_t)"),
  write: bind<(fd: number, bytes: Bytes, size: number) => number>("int64_t write(int, const void *, size_t)"),
  // glibc got the pidfd calls only in 2.36, so they are called by number.
  syscall4: bind<(number: number, a: number, b: number, c: number, d: number) => number>(
    "long syscall(long, long, long, long, long)",
  ),
} as const;

export function epollCreate(): number {
  return check(c.epollCreate1(EPOLL.CLOEXEC), "epoll_create1", "");
}

export function epollAdd(epoll: number, fd: number, events: number): void {
  check(c.epollCtl(epoll, EPOLL.CTL_ADD, fd, epollEvent(events, fd)), "epoll_ctl", fd);
}

export function epollChange(epoll: number, fd: number, events: number): void {
  check(c.epollCtl(epoll, EPOLL.CTL_MOD, fd, epollEvent(events, fd)), "epoll_ctl", fd);
}

export function epollRemove(epoll: number, fd: number): void {
  check(c.epollCtl(epoll, EPOLL.CTL_DEL, fd, epollEvent(0, fd)), "epoll_ctl", fd);
}

/** Descriptors with something to say. Waits in libuv's pool without end: an eventfd among the watched ends it. */
export function epollWaitAsync(epoll: number): Promise<readonly { fd: number; events: number }[]> {
  const max = 64;
  const events = new Uint8Array(max * EPOLL_EVENT_SIZE);
  return new Promise((resolve, reject) => {
    c.epollWait.async(epoll, events, max, -1, (_: unknown, count: number) => {
      if (count < 0) {
        if (failedWith("EINTR")) resolve([]);
        else reject(sysError("epoll_wait", `fd ${epoll}`));
        return;
      }
      const view = new DataView(events.buffer);
      resolve(
        Array.from({ length: count }, (__, i) => ({
          events: view.getUint32(i * EPOLL_EVENT_SIZE, true),
          fd: view.getInt32(i * EPOLL_EVENT_SIZE + EPOLL_DATA_OFFSET, true),
        })),
      );
    });
  });
}

/** Room for events of `epollWait`. */
export interface EpollEvents {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly count: number;
}

export function epollEvents(count: number): EpollEvents {
  const bytes = new Uint8Array(count * EPOLL_EVENT_SIZE);
  return { bytes, view: new DataView(bytes.buffer), count };
}

/**
 * Waits in this thread until a descriptor has something to say, for so many milliseconds at most, -1: without end. Gives
 * their number, at most as many as `events` has room for; 0 after a signal.
 */
export function epollWait(epoll: number, events: EpollEvents, timeoutMs: number): number {
  const count = c.epollWait(epoll, events.bytes, events.count, timeoutMs);
  if (count >= 0) return count;
  if (failedWith("EINTR")) return 0;
  throw sysError("epoll_wait", `fd ${epoll}`);
}

/** Descriptor and bits of an event that `epollWait` wrote. */
export const epollFd = ({ view }: EpollEvents, index: number): number =>
  view.getInt32(index * EPOLL_EVENT_SIZE + EPOLL_DATA_OFFSET, true);
export const epollBits = ({ view }: EpollEvents, index: number): number =>
  view.getUint32(index * EPOLL_EVENT_SIZE, true);

// struct epoll_event is packed on x86-64 only (linux/eventpoll.h, EPOLL_PACKED).
const EPOLL_EVENT_SIZE = process.arch === "x64" ? 12 : 16;
const EPOLL_DATA_OFFSET = process.arch === "x64" ? 4 : 8;

export function epollEvent(events: number, fd: number): Uint8Array {
  const bytes = new Uint8Array(EPOLL_EVENT_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, events, true);
  view.setInt32(EPOLL_DATA_OFFSET, fd, true);
  return bytes;
}

export function eventfd(): number {
  return check(c.eventfd(0, EFD_CLOEXEC_NONBLOCK), "eventfd", "");
}

/** Adds one to an eventfd, so that whoever waits for it wakes. */
export function eventfdSignal(fd: number): void {
  check(c.write(fd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), 8), "write", fd);
}

/** Takes back all that was added. */
export function eventfdDrain(fd: number): void {
  c.read(fd, new Uint8Array(8), 8);
}

/** A descriptor that stands for this very process; undefined when there is none. */
export function pidfdOpen(pid: number): number | undefined {
  const fd = c.syscall4(SYS_pidfd_open, pid, 0, 0, 0);
  if (fd >= 0) return fd;
  if (failedWith("ESRCH")) return undefined;
  throw sysError("pidfd_open", `pid ${pid}`);
}

/** Signals the process a pidfd stands for; one that is gone is fine. */
export function pidfdSignal(pidfd: number, signal: number): void {
  const result = c.syscall4(SYS_pidfd_send_signal, pidfd, signal, 0, 0);
  if (result < 0 && !failedWith("ESRCH")) throw sysError("pidfd_send_signal", `fd ${pidfd}`);
}
