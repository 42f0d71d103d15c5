/** Numbers that bound what clients can make the resolver spend, and how long it waits for others. */
export interface ResolverLimits {
  /** TTL of answers from our own names. */
  readonly ttlSeconds: number;
  /** Largest UDP message we say we take, and ask upstream servers to send. */
  readonly udpSize: number;
  /** Largest UDP reply, even to clients who say they take more. */
  readonly maxUdpReply: number;

  /** Upstream servers asked for one sandbox. */
  readonly servers: number;
  /** How long one server has the question to itself before the next is asked as well. */
  readonly hedgeMs: number;
  /** How long a question may take in all, from whichever server. */
  readonly deadlineMs: number;
  /** Questions waiting for upstream answers, in all and for one sandbox. One more is REFUSED. */
  readonly waiting: number;
  readonly waitingPerSandbox: number;

  readonly cacheEntries: number;
  /** Longer answers are passed on and not kept. */
  readonly cacheEntryBytes: number;
  /** No answer is kept longer, whatever its TTL says. */
  readonly cacheSeconds: number;

  /** TCP connections of one sandbox; one more is closed at once. */
  readonly connections: number;
  /** A TCP connection without a message for so long is closed (RFC 7766 section 6.2.3). */
  readonly idleMs: number;
  /** Largest query by TCP; a longer one ends the connection. */
  readonly maxQuery: number;
}

export const DEFAULT_LIMITS: ResolverLimits = {
  // As Docker answers: software tuned to its resolver sees no difference.
  ttlSeconds: 600,
  // Fits one Ethernet frame whatever lies between, so upstream answers are never fragmented (DNS flag day 2020).
  udpSize: 1232,
  maxUdpReply: 4096,
  // The C libraries' own maximum (MAXNS).
  servers: 3,
  hedgeMs: 400,
  // The C libraries wait 5 s: an answer of "failed" must come before they give up and ask again.
  deadlineMs: 4000,
  waiting: 1024,
  // A quarter, so that one sandbox cannot keep all others from the outside.
  waitingPerSandbox: 256,
  cacheEntries: 5000,
  cacheEntryBytes: 4096,
  cacheSeconds: 3600,
  connections: 64,
  idleMs: 10_000,
  maxQuery: 4096,
};
