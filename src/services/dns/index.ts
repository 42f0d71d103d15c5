/** The embedded resolver: names of the sandbox's own networks, and everything else from upstream servers. */
export { createResolverService } from "./create.ts";
export type { ResolverMetrics } from "./metrics.ts";
export type { DnsService } from "./service.ts";
