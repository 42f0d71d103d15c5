import type { Clock } from "../../base/clock.ts";
import type { NameSource } from "../../model/resolver.ts";
import { createUpstreamDialer, standardPort } from "./dialer.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { createRandomIds } from "./random.ts";
import { createDnsService, type DnsService } from "./service.ts";
import { systemTimers } from "./timers.ts";
import type { ResolverLog } from "./warnings.ts";

/** The embedded resolver as the daemon runs it: upstream servers asked from the daemon's own namespace, on port 53. */
export function createResolverService(parts: {
  readonly names: NameSource;
  readonly clock: Clock;
  readonly log: ResolverLog;
}): DnsService {
  return createDnsService({
    ...parts,
    dialer: createUpstreamDialer(standardPort),
    timers: systemTimers,
    randomId: createRandomIds(),
    limits: DEFAULT_LIMITS,
  });
}
