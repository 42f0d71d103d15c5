import { endpoint } from "./endpoint-view.ts";
import { lease, networkViews, partitionView } from "./network-views.ts";
import { sandboxViews } from "./sandbox-views.ts";
import type { Schema } from "./schema.ts";

/**
 * The nouns as answers show them, for the OpenAPI document and the compiler; nothing is stripped on its way out. Those with a
 * name, for `addSchema`.
 */
export const responseSchemas: readonly Schema<unknown>[] = [
  endpoint,
  ...networkViews,
  ...sandboxViews,
  lease,
  partitionView,
];
