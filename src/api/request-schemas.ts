import { networkRequests } from "./network-requests.ts";
import { sandboxRequests } from "./sandbox-requests.ts";
import { flag, object, type Schema, text } from "./schema.ts";
import type { ReconcileRequest } from "./types.ts";

/**
 * Bodies, path parameters and queries. They check shape and type only; what an address, a name or an option must be is the
 * engine's to say, once, for every way in.
 */
export const reconcileRequest: Schema<ReconcileRequest> = object<ReconcileRequest>({
  id: "ReconcileRequest",
  description: "What to do about differences between what should be and what the kernel holds",
  required: {},
  optional: { dryRun: flag("Only say what differs; false when left out") },
});
export const eventsQuery: Schema<{ readonly since?: string }> = object<{ readonly since?: string }>({
  description: "Which events",
  required: {},
  optional: {
    since: text("Sequence number after which to begin; only new events when left out", {
      shape: { pattern: "^\\d{1,15}$", right: "write the seq of an event, such as 17" },
      examples: ["17"],
    }),
  },
});
/** Schemas with a name, for `addSchema`. */
export const requestSchemas: readonly Schema<unknown>[] = [
  ...networkRequests,
  ...sandboxRequests,
  reconcileRequest,
];
