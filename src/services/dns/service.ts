import { closeSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { errorText, NetError } from "../../base/errors.ts";
import type { DatagramIo } from "../../model/datagrams.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { NetnsKey } from "../../model/ops.ts";
import type { NameSource, ResolverService } from "../../model/resolver.ts";
import type { Responder } from "../../wire/dns/index.ts";
import type { UpstreamDialer } from "./dialer.ts";
import { Drain } from "./drain.ts";
import { Forwarder } from "./forwarder.ts";
import type { ResolverLimits } from "./limits.ts";
import { listenTcp } from "./listener-tcp.ts";
import { listenUdp, type Listener } from "./listener-udp.ts";
import { createCounters } from "./metrics.ts";
import { Resolver } from "./resolver.ts";
import type { Timers } from "./timers.ts";
import { createWarnings, type ResolverLog } from "./warnings.ts";

export interface DnsServiceParts {
  readonly names: NameSource;
  readonly dialerIn: (netns: NetnsKey) => UpstreamDialer;
  readonly io: DatagramIo;
  readonly clock: Clock;
  readonly timers: Timers;
  /** A number from 0 to 65535 that nobody can foresee: the ids of our queries. */
  readonly randomId: () => number;
  readonly limits: ResolverLimits;
  readonly log: ResolverLog;
}

export interface DnsService extends ResolverService {
  /** Stops every sandbox's resolver and drops the questions under way. */
  close(): void;
}

/**
 * The embedded resolver of all sandboxes: one pair of sockets each, opened inside the sandbox by whoever calls `start`, and
 * one cache and forwarder for all. Nothing is awaited: once `start` returns, queries are answered.
 */
export function createDnsService(parts: DnsServiceParts): DnsService {
  const { clock, dialerIn, io, limits, names, randomId, timers } = parts;
  const counters = createCounters();
  const warn = createWarnings(clock, parts.log);
  const responder: Responder = {
    // The replies' every octet is written, so the pool's leftovers never leave.
    allocate: (size) => Buffer.allocUnsafe(size),
    udpSize: limits.udpSize,
  };
  const forwarder = new Forwarder({ clock, counters, dialerIn, limits, randomId, responder, timers, warn });
  const resolver = new Resolver({ counters, forwarder, limits, names, responder, warn });
  const drain = new Drain(io);
  const running = new Map<SandboxId, readonly Listener[]>();

  const stop = (sandbox: SandboxId): void => {
    for (const listener of running.get(sandbox) ?? []) listener.close();
    running.delete(sandbox);
  };

  return {
    start(sandbox, { udpFd, tcpFd }) {
      if (running.has(sandbox)) {
        closeAll([udpFd, tcpFd]);
        throw new NetError("internal", "resolver.start", {
          message: `the resolver of sandbox ${sandbox} runs already: stop it first`,
          subject: sandbox,
        });
      }
      const udp = takeOver(udpFd, [tcpFd], sandbox, () =>
        listenUdp(udpFd, sandbox, { resolver, io, drain, warn }),
      );
      const tcp = takeOver(
        tcpFd,
        [],
        sandbox,
        () => listenTcp(tcpFd, sandbox, { limits, resolver, timers, warn }),
        udp,
      );
      running.set(sandbox, [udp, tcp]);
    },
    stop,
    metrics: () => ({ ...counters }),
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
