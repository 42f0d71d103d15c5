import { isNetError } from "../../base/errors.ts";
import type { NetdockClient } from "../client.ts";
import { signalNumber } from "../signals.ts";
import { LABEL } from "./labels.ts";
import type { ExistingSandbox } from "./plan.ts";

/** Compose's own default for `stop_grace_period`. */
const DEFAULT_GRACE_SECONDS = 10;
const SIGTERM = 15;

/** Ends a sandbox's process the way its service asked for, then removes it. One that is gone is fine. */
export async function removeGracefully(
  client: NetdockClient,
  sandbox: ExistingSandbox,
  timeoutSeconds: number | undefined,
): Promise<void> {
  try {
    if (sandbox.state === "running")
      await client.stopProcess(sandbox.id, stopRequest(sandbox.labels, timeoutSeconds));
    await client.removeSandbox(sandbox.id, { force: true });
  } catch (error) {
    if (!isNetError(error, "not_found")) throw error;
  }
}

function stopRequest(
  labels: Readonly<Record<string, string>>,
  timeoutSeconds: number | undefined,
): { readonly timeoutSeconds: number; readonly signal: number } {
  const graceMs = labels[LABEL.stopGraceMs];
  const grace = graceMs === undefined ? DEFAULT_GRACE_SECONDS : Math.ceil(Number(graceMs) / 1000);
  return {
    timeoutSeconds: timeoutSeconds ?? grace,
    signal: signalNumber(labels[LABEL.stopSignal] ?? "") ?? SIGTERM,
  };
}
