// Numbers of the C library's and the kernel's headers, in their spelling.

/** sys/socket.h */
export const AF = { INET: 2, INET6: 10, NETLINK: 16, PACKET: 17, UNIX: 1 } as const;
export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, CLOEXEC: 0o2000000, NONBLOCK: 0o4000 } as const;
export const SOL = { SOCKET: 1, NETLINK: 270, IPV6: 41 } as const;
export const SO = {
  REUSEADDR: 2,
  SNDBUF: 7,
  RCVBUF: 8,
  RCVTIMEO: 20,
  SNDTIMEO: 21,
  ATTACH_FILTER: 26,
  DETACH_FILTER: 27,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
  ATTACH_BPF: 50,
} as const;
export const IPV6_V6ONLY = 26;
export const IPPROTO_TCP = 6;
export const IPPROTO_SCTP = 132;
/** linux/tcp.h */
export const TCP_NODELAY = 1;
export const MSG = { PEEK: 0x2, TRUNC: 0x20, DONTWAIT: 0x40, NOSIGNAL: 0x4000 } as const;

/** linux/sched.h */
export const CLONE = {
  FS: 0x200,
  NEWNS: 0x20000,
  NEWUTS: 0x4000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
} as const;

/** linux/mount.h */
export const MS = {
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  RDONLY: 1,
  BIND: 0x1000,
  REC: 0x4000,
  PRIVATE: 0x40000,
  SLAVE: 0x80000,
  SHARED: 0x100000,
} as const;
export const MNT_DETACH = 2;

/** sys/epoll.h */
export const EPOLL = { CLOEXEC: 0o2000000, CTL_ADD: 1, CTL_DEL: 2, CTL_MOD: 3 } as const;
export const POLL = { IN: 1, ERR: 8, HUP: 16 } as const;

/** sys/eventfd.h: EFD_CLOEXEC | EFD_NONBLOCK */
export const EFD_CLOEXEC_NONBLOCK = 0o2004000;

/** linux/sockios.h */
export const SIOCGIFINDEX = 0x8933;

/** linux/nsfs.h: _IO(0xb7, 0x3) */
export const NS_GET_USERNS = 0xb701;
export const NS_GET_NSTYPE = 0xb703;

/** The same numbers on every architecture (asm-generic/unistd.h): they came after the tables were joined. */
export const SYS_pidfd_open = 434;
export const SYS_pidfd_send_signal = 424;
