import koffi, { type KoffiFunc } from "koffi";
import { close, socket, SOCK } from "./libc.ts";

const AF_UNIX = 1;

const sendto = koffi
  .load(null)
  .func("int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)") as KoffiFunc<
  (fd: number, bytes: Uint8Array, size: number, flags: number, to: Uint8Array, toSize: number) => number
>;

/**
 * Tells the service manager how we are (sd_notify(3)): `READY=1`, `STOPPING=1`. `path` is the value of NOTIFY_SOCKET;
 * undefined: nobody listens. A manager that does not take it is no reason to fail.
 */
export function notifySupervisor(path: string | undefined, state: string): void {
  if (path === undefined || path === "") return;
  const name = Buffer.from(path);
  // "@" stands for the NUL byte of an abstract name.
  if (name[0] === 0x40) name[0] = 0;
  // struct sockaddr_un (linux/un.h): family, then the path; a path in the file system ends with a NUL.
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), name, Buffer.alloc(name[0] === 0 ? 0 : 1)]);
  const fd = socket(AF_UNIX, SOCK.DGRAM, 0);
  const bytes = Buffer.from(state);
  sendto(fd, bytes, bytes.length, 0, address, address.length);
  close(fd);
}
