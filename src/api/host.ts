import { NetError, showValue } from "../base/errors.ts";

/** Where the daemon listens when nobody says otherwise. */
export const DEFAULT_SOCKET = "/run/netdock/netdock.sock";

/** `sun_path` of unix(7) holds 108 bytes, the last of them a NUL. */
const SOCKET_PATH_BYTES = 107;

/**
 * The socket path in `unix:///run/netdock/netdock.sock` or `/run/netdock/netdock.sock`; `field` is where the text came
 * from (`-H`, `NETDOCK_HOST`). Throws `invalid` for every other form.
 */
export function parseHost(text: string, field: string): string {
  const path = text.startsWith("unix://") ? text.slice("unix://".length) : text;
  if (!path.startsWith("/")) throw refusal(text, field, whyNot(text));
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > SOCKET_PATH_BYTES) {
    throw refusal(text, field, `a socket path has at most ${SOCKET_PATH_BYTES} bytes, this one has ${bytes}`);
  }
  if (path.includes("\0")) throw refusal(text, field, "a path has no NUL in it");
  return path;
}

function whyNot(text: string): string {
  const right = `write the absolute path of a Unix socket, such as unix://${DEFAULT_SOCKET}`;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1];
  if (scheme === undefined || scheme.toLowerCase() === "unix") return right;
  return `netdock is not reached by ${scheme}: ${right}`;
}

function refusal(text: string, field: string, right: string): NetError {
  const value = showValue(text);
  return new NetError("invalid", "client.connect", {
    message: `${field}: ${value} is not valid: ${right}`,
    field,
    value,
    remedy: right,
  });
}
