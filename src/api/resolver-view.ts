import type { ResolverMetrics } from "../model/resolver.ts";
import { count } from "./endpoint-view.ts";
import { object, type Schema } from "./schema.ts";

/** Counters of the embedded resolver, of all sandboxes or of one. */
export function resolverMetrics(description: string): Schema<ResolverMetrics> {
  return object<ResolverMetrics>({
    description,
    required: {
      queries: count("Messages received"),
      malformed: count("No query that can be read"),
      local: count("Answered from names of sandboxes"),
      denied: count("Unknown, and not for the servers outside"),
      refused: count("Over a limit, or of a class or type that is not served"),
      cacheHits: count("Answered from answers kept"),
      forwarded: count("Handed on to servers outside"),
      coalesced: count("Of these, joined the same question under way"),
      failed: count("Answered with SERVFAIL"),
      truncated: count("Replies too long for the client"),
      upstreamQueries: count("Messages to servers outside"),
    },
    optional: {},
  });
}
