import type { NetdockEvent } from "../client.ts";
import type { Call } from "../spec.ts";
import { printLine } from "../view/output.ts";
import { shortId } from "../view/sandbox.ts";

/** One line an event, until the daemon or the user ends it. */
export async function runEvents({ context, client, flags }: Call): Promise<number> {
  const since = flags.integer("since", 0, Number.MAX_SAFE_INTEGER);
  const abort = new AbortController();
  const release = context.onSignals(["SIGINT", "SIGTERM"], () => abort.abort());
  try {
    const events = await client.events({ since }, { signal: abort.signal });
    for await (const event of events) {
      printLine(context, flags.has("json") ? JSON.stringify(event) : eventText(event));
      if (context.stdout.isClosed) break;
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    release();
  }
  return 0;
}

/** `2026-01-31T12:00:00.000Z network create 0123456789ab (name=front, driver=bridge)` */
export function eventText(event: NetdockEvent): string {
  const attributes = Object.entries(event.attributes).map(([key, value]) => `${key}=${value}`);
  const shown = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return `${event.time} ${event.type} ${event.action} ${shortId(event.id)}${shown}`;
}
