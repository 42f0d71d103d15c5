/** The embedded resolver: names of the sandbox's own networks, and everything else from upstream servers. */
export { createUpstreamDialer, type NamespaceSockets, standardPort } from "./dialer.ts";
export { DEFAULT_LIMITS } from "./limits.ts";
export { COUNTER_CELLS, Counters, metricsIn } from "./metrics.ts";
export { createRandomIds } from "./random.ts";
export { type DialEvent, DialerHost, type DialRequest, RemoteDialer } from "./remote-dialer.ts";
export { createDnsService } from "./service.ts";
