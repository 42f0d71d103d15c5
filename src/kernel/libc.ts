import koffi from "koffi";
import { sysError } from "./errno.ts";
import { bind, check, failedWith } from "./libc-bind.ts";
import { MSG, NS_GET_NSTYPE, NS_GET_USERNS, SIOCGIFINDEX, SO, SOCK, SOL } from "./libc-numbers.ts";

export * from "./libc-numbers.ts";

/**
 * The C library: with its neighbours libc-poll.ts and posix-spawn.ts the only foreign functions in netdock. Every wrapper
 * throws a NetError `kernel` with the errno name; integers are C ints unless said otherwise, buffers are passed as they are
 * (no copy). Calls run on the calling thread (150 ns each), except those named `…Async`, which run in libuv's pool because
 * they can wait in the kernel.
 */

type Bytes = Uint8Array;

const c = {
  socket: bind<(domain: number, type: number, protocol: number) => number>("int socket(int, int, int)"),
  bind: bind<(fd: number, address: Bytes, size: number) => number>("int bind(int, const void *, uint32_t)"),
  connect: bind<(fd: number, address: Bytes, size: number) => number>(
    "int connect(int, const void *, uint32_t)",
  ),
  accept4: bind<(fd: number, address: Bytes | null, size: Bytes | null, flags: number) => number>(
    "int accept4(int, void *, void *, int)",
  ),
  listen: bind<(fd: number, backlog: number) => number>("int listen(int, int)"),
  getsockname: bind<(fd: number, address: Bytes, size: Bytes) => number>(
    "int getsockname(int, void *, void *)",
  ),
  setsockopt: bind<(fd: number, level: number, option: number, value: Bytes, size: number) => number>(
    "int setsockopt(int, int, int, const void *, uint32_t)",
  ),
  send: bind<(fd: number, bytes: Bytes, size: number, flags: number) => number>(
    "int64_t send(int, const void *, size_t, int)",
  ),
  recv: bind<(fd: number, bytes: Bytes, size: number, flags: number) => number>(
    "int64_t recv(int, void *, size_t, int)",
  ),
  sendto: bind<(fd: number, bytes: Bytes, size: number, flags: number, to: Bytes, toSize: number) => number>(
    "int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)",
  ),
  recvfrom: bind<
    (fd: number, bytes: Bytes, size: number, flags: number, from: Bytes, fromSize: Bytes) => number
  >("int64_t recvfrom(int, void *, size_t, int, void *, void *)"),
  close: bind<(fd: number) => number>("int close(int)"),
  setns: bind<(fd: number, type: number) => number>("int setns(int, int)"),
  unshare: bind<(flags: number) => number>("int unshare(int)"),
  mount: bind<
    (source: string | null, target: string, type: string | null, flags: number, data: null) => number
  >("int mount(const char *, const char *, const char *, unsigned long, const void *)"),
  umount2: bind<(target: string, flags: number) => number>("int umount2(const char *, int)"),
  sethostname: bind<(name: Bytes, size: number) => number>("int sethostname(const void *, size_t)"),
  setdomainname: bind<(name: Bytes, size: number) => number>("int setdomainname(const void *, size_t)"),
  fchdir: bind<(fd: number) => number>("int fchdir(int)"),
  kill: bind<(pid: number, signal: number) => number>("int kill(int, int)"),
  ioctl: bind<(fd: number, request: number, data: Bytes) => number>("int ioctl(int, unsigned long, void *)"),
} as const;

const utf8 = new TextEncoder();

/** Close-on-exec always: a process started in a sandbox must not inherit sockets of other namespaces. */
export function socket(domain: number, type: number, protocol: number): number {
  const text = `(domain ${domain}, type ${type}, protocol ${protocol})`;
  return check(c.socket(domain, type | SOCK.CLOEXEC, protocol), "socket", text);
}

export function bindSocket(fd: number, address: Uint8Array, subject: string): void {
  check(c.bind(fd, address, address.length), "bind", subject);
}

/** Waits for a TCP server's answer, unless the socket is non-blocking: then EINPROGRESS is thrown. */
export function connectSocket(fd: number, address: Uint8Array, subject: string): void {
  check(c.connect(fd, address, address.length), "connect", subject);
}

/** Takes one connection, waiting for it unless the socket is non-blocking; with the client's address as a sockaddr. */
export function accept(fd: number): { readonly fd: number; readonly from: Uint8Array } {
  const address = new Uint8Array(128);
  const size = Uint8Array.of(128, 0, 0, 0);
  const connection = check(c.accept4(fd, address, size, SOCK.CLOEXEC), "accept", fd);
  return { fd: connection, from: address.subarray(0, size[0]) };
}

/** Takes a connection of a non-blocking socket, if one waits: its descriptor. */
export function tryAccept(fd: number): number | undefined {
  const connection = c.accept4(fd, null, null, SOCK.CLOEXEC);
  return connection < 0 ? undefined : connection;
}

export function listen(fd: number, backlog: number): void {
  check(c.listen(fd, backlog), "listen", fd);
}

/** The socket's own address, as a sockaddr. */
export function socketName(fd: number): Uint8Array {
  const address = new Uint8Array(128);
  const size = Uint8Array.of(128, 0, 0, 0);
  check(c.getsockname(fd, address, size), "getsockname", fd);
  return address.subarray(0, size[0]);
}

export function setSocketOption(fd: number, level: number, option: number, value: number): void {
  const bytes = value === 1 ? ONE : new Uint8Array(Int32Array.of(value).buffer);
  if (c.setsockopt(fd, level, option, bytes, 4) < 0)
    throw sysError("setsockopt", `fd ${fd} option ${option}`);
}

/** What most options are set to. */
const ONE = new Uint8Array(Int32Array.of(1).buffer);

export function setSocketOptionBytes(fd: number, level: number, option: number, value: Uint8Array): void {
  check(c.setsockopt(fd, level, option, value, value.length), "setsockopt", `fd ${fd} option ${option}`);
}

/** One instruction of a socket filter, as struct sock_filter (linux/filter.h): code, jump if true, jump if false, operand. */
export type FilterInstruction = readonly [code: number, jt: number, jf: number, k: number];

/** Lets a socket receive only what the program returns a length for. */
export function attachFilter(fd: number, instructions: readonly FilterInstruction[]): void {
  const code = new Uint8Array(instructions.length * 8);
  const out = new DataView(code.buffer);
  instructions.forEach(([op, jt, jf, k], i) => {
    out.setUint16(i * 8, op, true);
    out.setUint8(i * 8 + 2, jt);
    out.setUint8(i * 8 + 3, jf);
    out.setUint32(i * 8 + 4, k, true);
  });
  // struct sock_fprog: a count, and the address of that many instructions.
  const program = new Uint8Array(16);
  const view = new DataView(program.buffer);
  view.setUint16(0, instructions.length, true);
  view.setBigUint64(8, koffi.address(code), true);
  check(c.setsockopt(fd, SOL.SOCKET, SO.ATTACH_FILTER, program, program.length), "setsockopt", fd);
}

export function send(fd: number, bytes: Uint8Array): void {
  check(c.send(fd, bytes, bytes.length, 0), "send", fd);
}

/** For messages that wait in the kernel. The bytes must not change until the promise settles. */
export function sendAsync(fd: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    c.send.async(fd, bytes, bytes.length, 0, (_: unknown, sent: number) => {
      if (sent < 0) reject(sysError("send", `fd ${fd}`));
      else resolve();
    });
  });
}

/** What `receive` returns when a netlink socket's buffer overflowed and messages were lost (ENOBUFS). */
export const LOST = -2;

/** Bytes received; -1 where nothing is there and the call was not to wait (EAGAIN); `LOST`. */
export function receive(fd: number, into: Uint8Array, flags: number): number {
  for (;;) {
    const size = c.recv(fd, into, into.length, flags);
    if (size >= 0) return size;
    if (failedWith("EAGAIN")) return -1;
    if (failedWith("ENOBUFS")) return LOST;
    if (!failedWith("EINTR")) throw sysError("recv", `fd ${fd}`);
  }
}

/** One datagram, waited for unless the socket is non-blocking, with its sender as a sockaddr. */
export function receiveFrom(
  fd: number,
  into: Uint8Array,
): { readonly size: number; readonly from: Uint8Array } {
  const address = new Uint8Array(128);
  const addressSize = Uint8Array.of(128, 0, 0, 0);
  const size = check(c.recvfrom(fd, into, into.length, 0, address, addressSize), "recvfrom", fd);
  return { size, from: address.subarray(0, addressSize[0]) };
}

/** Sends one datagram without waiting; false when it was not sent, which is no more than a network does. */
export function trySendTo(fd: number, bytes: Uint8Array, to: Uint8Array): boolean {
  return c.sendto(fd, bytes, bytes.length, MSG.DONTWAIT, to, to.length) >= 0;
}

export function close(fd: number): void {
  c.close(fd);
}

/** For descriptors whose close waits in the kernel: 10–15 ms for an nfnetlink socket after a delete. */
export function closeAsync(fd: number): Promise<void> {
  return new Promise((resolve) => {
    c.close.async(fd, () => {
      resolve();
    });
  });
}

export function setns(fd: number, type: number): void {
  check(c.setns(fd, type), "setns", fd);
}

/** As `setns`, but tells by its result and allocates nothing: for the way home, where failure ends the process. */
export function trySetns(fd: number, type: number): boolean {
  return c.setns(fd, type) === 0;
}

export function unshare(flags: number): void {
  check(c.unshare(flags), "unshare", `flags 0x${flags.toString(16)}`);
}

export function mount(source: string | null, target: string, type: string | null, flags: number): void {
  check(c.mount(source, target, type, flags, null), "mount", target);
}

export function unmount(target: string, flags: number): void {
  check(c.umount2(target, flags), "umount", target);
}

export function setHostname(name: string): void {
  const bytes = utf8.encode(name);
  check(c.sethostname(bytes, bytes.length), "sethostname", name);
}

export function setDomainname(name: string): void {
  const bytes = utf8.encode(name);
  check(c.setdomainname(bytes, bytes.length), "setdomainname", name);
}

export function tryFchdir(fd: number): boolean {
  return c.fchdir(fd) === 0;
}

export function kill(pid: number, signal: number): void {
  check(c.kill(pid, signal), "kill", `pid ${pid}`);
}

/** False when the kernel does not know the request or has no answer. */
export function tryIoctl(fd: number, request: number, data: Uint8Array): boolean {
  return c.ioctl(fd, request, data) === 0;
}

/**
 * Index of a link by name in the namespace of a socket of any kind; undefined when there is none. Unlike RTM_GETLINK it
 * needs no lock of the kernel's (dev_ifname and dev_get_by_name_rcu in net/core), so it never waits for others' changes.
 */
export function linkIndex(fd: number, name: string): number | undefined {
  // struct ifreq (linux/if.h): a name of 16 bytes with its NUL, then a union.
  const request = new Uint8Array(40);
  if (utf8.encodeInto(name, request.subarray(0, 15)).read < name.length) return undefined;
  if (c.ioctl(fd, SIOCGIFINDEX, request) < 0) return undefined;
  return new DataView(request.buffer).getInt32(16, true);
}

/**
 * Whether a namespace belongs to the caller's user namespace or one below it (ioctl_ns(2), NS_GET_USERNS): only then may its
 * root enter it.
 */
export function namespaceIsOwn(fd: number): boolean {
  const owner = c.ioctl(fd, NS_GET_USERNS, new Uint8Array(0));
  if (owner >= 0) c.close(owner);
  return owner >= 0;
}

/** CLONE_NEW… of a descriptor (ioctl_ns(2), NS_GET_NSTYPE); undefined when it is no namespace. */
export function namespaceType(fd: number): number | undefined {
  const type = c.ioctl(fd, NS_GET_NSTYPE, new Uint8Array(0));
  return type < 0 ? undefined : type;
}
