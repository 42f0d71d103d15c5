import { isNetError, NetError } from "../base/errors.ts";
import type { NetdockClient } from "./client.ts";

/** Throws `unsupported` when the daemon is reached over TCP: commands are of the file system of its machine, and those at a terminal are started from there. */
export function requireThisMachine(host: string | undefined, remedy: string): void {
  if (host === undefined || !/^tcp:/i.test(host)) return;
  throw new NetError("unsupported", "cli.host", {
    message: `the daemon at ${host} is reached over TCP, and this needs its machine: ${remedy}`,
    field: "--host",
    value: host,
    remedy,
  });
}

/** Whether a daemon answers. Other troubles than silence (no permission, a foreign server) are thrown. */
export async function answers(client: NetdockClient): Promise<boolean> {
  try {
    await client.ping();
    return true;
  } catch (error) {
    if (isNetError(error, "unavailable")) return false;
    throw error;
  }
}
