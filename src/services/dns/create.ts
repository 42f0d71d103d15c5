import type { Clock } from "../../base/clock.ts";
import type { DatagramIo } from "../../model/datagrams.ts";
import type { NameSource } from "../../model/resolver.ts";
import { createUpstreamDialer, type NamespaceSockets, standardPort } from "./dialer.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { createRandomIds } from "./random.ts";
import { createDnsService, type DnsService } from "./service.ts";
import { systemTimers } from "./timers.ts";
import type { ResolverLog } from "./warnings.ts";

/** The embedded resolver as the daemon runs it: upstream servers on port 53, asked from the namespaces they belong to. */
export function createResolverService(parts: {
  readonly names: NameSource;
  readonly sockets: NamespaceSockets;
  readonly io: DatagramIo;
  readonly clock: Clock;
  readonly log: ResolverLog;
}): DnsService {
  const { sockets, ...rest } = parts;
  return createDnsService({
    ...rest,
    dialerIn: (netns) =>
      createUpstreamDialer(standardPort, {
        udp: (family) => sockets.openUdp(netns, family),
        tcp: (family) => sockets.openTcp(netns, family),
      }),
    timers: systemTimers,
    randomId: createRandomIds(),
    limits: DEFAULT_LIMITS,
  });
}
