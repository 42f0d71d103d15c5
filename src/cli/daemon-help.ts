import { isNetError } from "../base/errors.ts";
import type { NetdockClient } from "./client.ts";

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
