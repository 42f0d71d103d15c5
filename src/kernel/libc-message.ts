import koffi from "koffi";
import { sysError } from "./errno.ts";
import { bind, failedWith } from "./libc-bind.ts";
import { LOST } from "./libc.ts";
import { SOL } from "./libc-numbers.ts";

const recvmsg = bind<(fd: number, message: Uint8Array, flags: number) => number>(
  "int64_t recvmsg(int, void *, int)",
);

/** NETLINK_LISTEN_ALL_NSID (linux/netlink.h), also the type of the control message that carries a namespace's id. */
const LISTEN_ALL_NSID = 8;

// struct msghdr and struct cmsghdr of 64-bit Linux (bits/socket.h).
const MSGHDR = { SIZE: 56, IOV: 16, IOV_COUNT: 24, CONTROL: 32, CONTROL_SIZE: 40 } as const;
const CMSG = { LEVEL: 8, TYPE: 12, DATA: 16 } as const;
const CONTROL_ROOM = 64;

/** Receives netlink messages together with the id of the namespace they come from. */
export class NsidReceiver {
  readonly #into: Uint8Array;
  readonly #iov = new Uint8Array(16);
  readonly #control = new Uint8Array(CONTROL_ROOM);
  readonly #header = new Uint8Array(MSGHDR.SIZE);
  readonly #view = new DataView(this.#header.buffer);

  /** Messages land in `into`; those that are longer are cut. */
  constructor(into: Uint8Array) {
    this.#into = into;
    const iov = new DataView(this.#iov.buffer);
    iov.setBigUint64(0, koffi.address(this.#into), true);
    iov.setBigUint64(8, BigInt(into.length), true);
    this.#view.setBigUint64(MSGHDR.IOV, koffi.address(this.#iov), true);
    this.#view.setBigUint64(MSGHDR.IOV_COUNT, 1n, true);
    this.#view.setBigUint64(MSGHDR.CONTROL, koffi.address(this.#control), true);
  }

  /** Bytes received; -1 where nothing is there and the call was not to wait; `LOST` as for `receive`. */
  receive(fd: number, flags: number): number {
    for (;;) {
      // The kernel writes what it used over what there is room for.
      this.#view.setBigUint64(MSGHDR.CONTROL_SIZE, BigInt(CONTROL_ROOM), true);
      const size = recvmsg(fd, this.#header, flags);
      if (size >= 0) return size;
      if (failedWith("EAGAIN")) return -1;
      if (failedWith("ENOBUFS")) return LOST;
      if (!failedWith("EINTR")) throw sysError("recvmsg", `fd ${fd}`);
    }
  }

  /** Of the message received last; undefined for one from the socket's own namespace. */
  get nsid(): number | undefined {
    if (this.#view.getBigUint64(MSGHDR.CONTROL_SIZE, true) < BigInt(CMSG.DATA + 4)) return undefined;
    const control = new DataView(this.#control.buffer);
    const isNsid =
      control.getInt32(CMSG.LEVEL, true) === SOL.NETLINK &&
      control.getInt32(CMSG.TYPE, true) === LISTEN_ALL_NSID;
    return isNsid ? control.getInt32(CMSG.DATA, true) : undefined;
  }
}
