import { once } from "node:events";
import { MessageChannel, Worker } from "node:worker_threads";
import { NetError } from "../../base/errors.ts";
import type { Log } from "../../engine/core.ts";
import type { NameChange, NameState } from "../../engine/name-state.ts";
import { close } from "../../kernel/libc.ts";
import { eventfd, eventfdSignal } from "../../kernel/libc-poll.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { ResolverService } from "../../model/resolver.ts";
import {
  createUpstreamDialer,
  DialerHost,
  metricsIn,
  type NamespaceSockets,
  standardPort,
} from "../../services/dns/index.ts";
import { atExit } from "../at-exit.ts";
import { CounterMemory } from "./counters.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";

interface Running {
  readonly cells: Float64Array;
  /** Set by `stop`. */
  ending?: { readonly promise: Promise<void>; readonly resolve: () => void };
}

export interface ResolverParts {
  /** Followed from now on. */
  readonly names: NameState;
  readonly sockets: NamespaceSockets;
  readonly resolvConfPath: string;
  readonly log: Log;
}

/**
 * The embedded resolver in a thread of its own, so that neither its questions wait for the engine's work nor the engine's
 * work for them. The thread knows the names by following the engine's state. Upstream servers it asks through this one,
 * which may enter namespaces.
 *
 * A fault that the thread does not catch ends the process, as it would in this thread; the next daemon takes over.
 */
export function startResolver(parts: ResolverParts): ResolverService {
  const { names, sockets, log } = parts;
  const { port1: port, port2: theirs } = new MessageChannel();
  const wake = eventfd();
  const signalled = new Int32Array(new SharedArrayBuffer(4));
  const data: ThreadData = { port: theirs, wake, signalled, resolvConfPath: parts.resolvConfPath };
  // The published package has JavaScript.
  const file = import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js";
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: data,
    transferList: [theirs],
    name: "netdock-dns",
    // Not this program's own: with `node -e` they would not fit a file.
    execArgv: [],
    // Answers are garbage at once: a small nursery is swept as cheaply as a large one, and does not count as the daemon's.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
    // It closes sockets that this thread has opened.
    trackUnmanagedFds: false,
  });
  worker.unref();
  const counters = new CounterMemory();
  const running = new Map<SandboxId, Running>();
  let closing: Promise<void> | undefined;
  let changes: NameChange[] = [];

  const signal = (): void => {
    // One signal is enough until the thread has heard it.
    if (Atomics.exchange(signalled, 0, 1) === 0) eventfdSignal(wake);
  };
  const post = (message: ToThread): void => {
    port.postMessage(message);
    signal();
  };
  const flush = (): void => {
    if (changes.length === 0) return;
    port.postMessage({ names: changes } satisfies ToThread);
    changes = [];
    signal();
  };
  names.follow((change) => {
    // What one operation changes goes together, before anybody hears that it is done.
    if (changes.push(change) === 1) queueMicrotask(flush);
  });
  const dialers = new DialerHost(
    (netns) =>
      createUpstreamDialer(standardPort, {
        udp: (family) => sockets.openUdp(netns, family),
        tcp: (family) => sockets.openTcp(netns, family),
      }),
    (upstream) => {
      if (closing === undefined) post({ upstream });
    },
  );
  // A thread that waits in the kernel would keep the process from ending.
  const forget = atExit(() => {
    port.postMessage({ close: true } satisfies ToThread);
    eventfdSignal(wake);
  });

  const stopped = (sandbox: SandboxId): void => {
    const one = running.get(sandbox);
    running.delete(sandbox);
    if (one === undefined) return;
    counters.giveBack(one.cells);
    one.ending?.resolve();
  };
  port.on("message", (message: FromThread) => {
    if ("stopped" in message) stopped(message.stopped);
    else if ("dial" in message) dialers.take(message.dial);
    else log.warn(message.warning.facts, message.warning.message);
  });
  port.unref();

  const end = async (): Promise<void> => {
    dialers.close();
    worker.ref();
    const ended = once(worker, "exit");
    post({ close: true });
    await ended;
    port.close();
    forget();
    close(wake);
    for (const { ending } of running.values()) ending?.resolve();
    running.clear();
  };

  return {
    start(sandbox, { udpFd, tcpFd }) {
      if (running.has(sandbox)) {
        close(udpFd);
        close(tcpFd);
        throw new NetError("internal", "resolver.start", {
          message: `the resolver of sandbox ${sandbox} runs already: stop it first`,
          subject: sandbox,
        });
      }
      const cells = counters.take();
      running.set(sandbox, { cells });
      flush();
      post({ start: sandbox, udpFd, tcpFd, cells });
    },
    stop(sandbox) {
      const one = running.get(sandbox);
      if (one === undefined) return Promise.resolve();
      if (one.ending === undefined) {
        one.ending = Promise.withResolvers<void>();
        post({ stop: sandbox });
      }
      port.ref();
      return one.ending.promise.finally(() => port.unref());
    },
    metrics: () => counters.total(),
    metricsOf: (sandbox) => {
      const one = running.get(sandbox);
      return one === undefined ? undefined : metricsIn(one.cells);
    },
    close() {
      closing ??= end();
      return closing;
    },
  };
}
