import { closeSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { errorText, NetError } from "../../base/errors.ts";
import type { DatagramIo } from "../../model/datagrams.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { NetnsKey } from "../../model/ops.ts";
import type { Readiness } from "../../model/readiness.ts";
import type { NameSource } from "../../model/resolver.ts";
import type { StreamIo } from "../../model/streams.ts";
import type { Responder } from "../../wire/dns/index.ts";
import type { UpstreamDialer } from "./dialer.ts";
import { Forwarder } from "./forwarder.ts";
import type { ResolverLimits } from "./limits.ts";
import { listenTcp } from "./listener-tcp.ts";
import { UdpListeners } from "./listener-udp.ts";
import type { Listener } from "./listener.ts";
import type { Counters } from "./metrics.ts";
import { Resolver } from "./resolver.ts";
import type { Timers } from "./timers.ts";
import { createWarnings, type ResolverLog } from "./warnings.ts";

export interface DnsServiceParts {
  readonly names: NameSource;
  readonly dialerIn: (netns: NetnsKey) => UpstreamDialer;
  readonly readiness: Readiness;
  readonly datagrams: DatagramIo;
  readonly streams: StreamIo;
  readonly clock: Clock;
  readonly timers: Timers;
  /** A number from 0 to 65535 that nobody can foresee: the ids of our queries. */
  readonly randomId: () => number;
  readonly limits: ResolverLimits;
  readonly log: ResolverLog;
}

export interface DnsService {
  /** Takes over both sockets, non-blocking ones, and closes them in `stop` or when it throws; counts in `counters`. */
  start(
    sandbox: SandboxId,
    sockets: { readonly udpFd: number; readonly tcpFd: number },
    counters: Counters,
  ): void;
  stop(sandbox: SandboxId): void;
  /** Stops every sandbox's resolver and drops the questions under way. */
  close(): void;
}

/**
 * The embedded resolver of all sandboxes: one pair of sockets each, opened inside the sandbox by whoever calls `start`, and
 * one cache and forwarder for all. Nothing is awaited: once `start` returns, queries are answered.
 */
export function createDnsService(parts: DnsServiceParts): DnsService {
  const { clock, datagrams, dialerIn, limits, names, randomId, readiness, streams, timers } = parts;
  const warn = createWarnings(clock, parts.log);
  const responder: Responder = {
    // The replies' every octet is written, so the pool's leftovers never leave.
    allocate: (size) => Buffer.allocUnsafe(size),
    udpSize: limits.udpSize,
  };
  const forwarder = new Forwarder({ clock, dialerIn, limits, randomId, responder, timers, warn });
  const resolver = new Resolver({ forwarder, limits, names, responder, warn });
  const udpListeners = new UdpListeners({ io: datagrams, readiness, resolver });
  const running = new Map<SandboxId, readonly Listener[]>();

  const stop = (sandbox: SandboxId): void => {
    for (const listener of running.get(sandbox) ?? []) listener.close();
    running.delete(sandbox);
  };

  return {
    start(sandbox, { udpFd, tcpFd }, counters) {
      const common = { sandbox, counters, resolver, readiness };
      const udp = takeOver(udpFd, [tcpFd], sandbox, () => udpListeners.listen(udpFd, common));
      const tcp = takeOver(
        tcpFd,
        [],
        sandbox,
        () => listenTcp(tcpFd, { ...common, streams, limits, timers }),
        udp,
      );
      running.set(sandbox, [udp, tcp]);
    },
    stop,
    close() {
      for (const sandbox of [...running.keys()]) stop(sandbox);
      forwarder.close();
    },
  };
}

/** On failure nothing stays open: neither this descriptor, nor the others, nor the listener made before. */
function takeOver(
  fd: number,
  others: readonly number[],
  sandbox: SandboxId,
  listen: () => Listener,
  before?: Listener,
): Listener {
  try {
    return listen();
  } catch (error) {
    before?.close();
    closeAll([fd, ...others]);
    throw new NetError("internal", "resolver.start", {
      message: `descriptor ${fd} cannot serve the resolver of sandbox ${sandbox}: ${errorText(error)}`,
      subject: sandbox,
      cause: error,
    });
  }
}

/** One that failed half-way may be closed already. */
function closeAll(fds: readonly number[]): void {
  for (const fd of fds) {
    try {
      closeSync(fd);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBADF") throw error;
    }
  }
}
