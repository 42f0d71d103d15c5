/** What the resolver did since it was made, over all sandboxes. Every message lands in exactly one row but the last four. */
export interface ResolverMetrics {
  /** Messages received. */
  readonly queries: number;
  /** No query we can read: answered with FORMERR, NOTIMP or BADVERS, or not at all. */
  readonly malformed: number;
  /** Answered from our own names. */
  readonly local: number;
  /** Name unknown here, and not for the outside: the sandbox may not ask there, or the name is short where ndots is set. */
  readonly denied: number;
  /** Over a limit, or a class or type we do not serve: REFUSED. */
  readonly refused: number;
  /** Answered from upstream answers kept. */
  readonly cacheHits: number;
  /** Handed on; of these, some joined the same question of another client under way. */
  readonly forwarded: number;

  readonly coalesced: number;
  /** Answered with SERVFAIL, because no upstream server had an answer in time or because of a fault of ours. */
  readonly failed: number;
  /** Replies too long for the client, sent with TC. */
  readonly truncated: number;
  /** Messages to upstream servers, UDP and TCP. */
  readonly upstreamQueries: number;
}

/** The same, counting. */
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
