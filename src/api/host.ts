import { NetError, showValue } from "../base/errors.ts";

/** Where the daemon listens when nobody says otherwise. */
export const DEFAULT_SOCKET = "/run/netdock/netdock.sock";

/** `sun_path` of unix(7) holds 108 bytes, the last of them a NUL. */
const SOCKET_PATH_BYTES = 107;

/** Port of Docker's API over TLS (IANA, docker-s). */
const TLS_PORT = 2376;

/** Where a daemon is reached. */
export type DaemonAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/**
 * `unix:///run/netdock/netdock.sock`, `/run/netdock/netdock.sock` or `tcp://HOST[:PORT]`; `field` is where the text came from
 * (`-H`, `NETDOCK_HOST`). Throws `invalid` for every other form.
 */
export function parseHost(text: string, field: string): DaemonAddress {
  if (/^tcp:/i.test(text)) return { kind: "tcp", ...parseTcp(text, field) };
  return { kind: "unix", path: parseSocketPath(text, field) };
}

/** `tcp://HOST[:PORT]`, an IPv6 address in brackets. Throws `invalid`. */
export function parseTcp(text: string, field: string): { readonly host: string; readonly port: number } {
  const right = "write tcp://HOST:PORT, such as tcp://127.0.0.1:2376 or tcp://[::1]:2376";
  const found = /^tcp:\/\/(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?\/?$/i.exec(text);
  if (found === null) throw refusal(text, field, right);
  const port = Number(found[3] ?? TLS_PORT);
  if (port < 1 || port > 65_535) throw refusal(text, field, "a port is a number from 1 to 65535");
  return { host: (found[1] ?? found[2]) as string, port };
}

/** As people write it. */
export function showAddress(address: DaemonAddress): string {
  if (address.kind === "unix") return address.path;
  const { host, port } = address;
  return `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function parseSocketPath(text: string, field: string): string {
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
