/** The embedded resolver: names of the sandbox's own networks, and everything else from upstream servers. */
export { createUpstreamDialer, standardPort, type UpstreamDialer } from "./dialer.ts";
export { DEFAULT_LIMITS, type ResolverLimits } from "./limits.ts";
export type { ResolverMetrics } from "./metrics.ts";
export { createRandomIds } from "./random.ts";
export { createResolverService, type DnsService, type ResolverServiceParts } from "./service.ts";
export { systemTimers, type Timers } from "./timers.ts";
