import type { ResolverMetrics } from "../../model/resolver.ts";

/** The resolver's metrics, counting. */
export type Counters = { -readonly [Name in keyof ResolverMetrics]: number };

export function createCounters(): Counters {
  return {
    queries: 0,
    malformed: 0,
    local: 0,
    denied: 0,
    refused: 0,
    cacheHits: 0,
    forwarded: 0,
    coalesced: 0,
    failed: 0,
    truncated: 0,
    upstreamQueries: 0,
  };
}
