import type { FlagSpec } from "./spec.ts";

export const HOST_FLAG: FlagSpec = {
  flags: "-H, --host <address>",
  text: "socket of the daemon, or tcp://HOST:PORT (NETDOCK_HOST, else unix:///run/netdock/netdock.sock)",
  complete: "file",
};

/** Where the daemon is and how it is reached: taken by every command, before its name and after. */
export const CLIENT_FLAGS: readonly FlagSpec[] = [
  HOST_FLAG,
  {
    flags: "--tlscacert <file>",
    text: "for tcp://: authority of the daemon's certificate (else ca.pem in NETDOCK_CERT_PATH)",
    complete: "file",
  },
  { flags: "--tlscert <file>", text: "for tcp://: own certificate (else cert.pem there)", complete: "file" },
  { flags: "--tlskey <file>", text: "for tcp://: its key (else key.pem there)", complete: "file" },
];

/** Whether this word is one of them; the next word is then its value. */
export function isClientFlag(word: string): boolean {
  return CLIENT_FLAGS.some(({ flags }) => flags.replace(/ <.*/, "").split(", ").includes(word));
}
