import { NetError } from "../base/errors.ts";
import type { StreamIo } from "../model/streams.ts";
import { hasErrno, NO_ROOM, sysError } from "./errno.ts";
import { bind, failedWith } from "./libc-bind.ts";
import { accept, IPPROTO_TCP, MSG, receive, setSocketOption, TCP_NODELAY } from "./libc.ts";

const c = {
  send: bind<(fd: number, bytes: Uint8Array, size: number, flags: number) => number>(
    "int64_t send(int, const void *, size_t, int)",
  ),
} as const;

/** `StreamIo` by the C library. */
export const streams: StreamIo = {
  accept(fd) {
    try {
      const connection = accept(fd).fd;
      setSocketOption(connection, IPPROTO_TCP, TCP_NODELAY, 1);
      return connection;
    } catch (error) {
      if (!(error instanceof NetError) || error.errno === undefined) throw error;
      // EAGAIN, and what became of a caller who is gone again (ECONNABORTED …): the socket itself is well.
      return hasErrno(error, ...NO_ROOM) ? "full" : "none";
    }
  },
  receive: (fd, into) => receive(fd, into, MSG.DONTWAIT),
  send(fd, bytes) {
    const sent = c.send(fd, bytes, bytes.length, MSG.DONTWAIT | MSG.NOSIGNAL);
    if (sent >= 0) return sent;
    if (failedWith("EAGAIN")) return 0;
    throw sysError("send", `fd ${fd}`);
  },
};
