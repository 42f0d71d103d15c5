import type { Ip } from "../base/ip.ts";
import type { SandboxId } from "./ids.ts";
import type { NetnsKey } from "./ops.ts";

/** Where questions about names that are not ours go. */
export interface Upstreams {
  /** At least one, in the order in which they are asked. */
  readonly servers: readonly Ip[];
  /**
   * The namespace they are asked from: the host's for those of its resolv.conf, whose addresses mean something there only
   * (127.0.0.53); the sandbox's for those of its own, which may be its neighbours or itself.
   */
  readonly netns: NetnsKey;
}

/**
 * What the embedded resolver asks the engine. Names are lower case without the final dot. `undefined` means "not ours":
 * the question goes to the upstream servers.
 */
export interface NameSource {
  /** Addresses of a name as this sandbox sees it, both families; an empty list: known, but no address. */
  lookup(sandbox: SandboxId, name: string): readonly Ip[] | undefined;
  /** The full name (`name.network`) behind an address. */
  reverse(sandbox: SandboxId, ip: Ip): string | undefined;
  /** `undefined`: there is nobody whom this sandbox could or may ask. */
  upstreams(sandbox: SandboxId): Upstreams | undefined;
  /**
   * Whether the host or the user has set `ndots`, which says when a name is short of its domain: an unknown name of one label
   * is then left to the search domains and never asked outside as it is.
   */
  keepsShortNames(sandbox: SandboxId): boolean;
}

/** What the resolver did. Every message lands in exactly one row but the last four. */
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

/** The resolver service as the engine drives it. */
export interface ResolverService {
  /**
   * Takes over both sockets, non-blocking ones, and closes them in `stop`. From the moment it returns questions are answered,
   * by what is known then.
   */
  start(sandbox: SandboxId, sockets: { readonly udpFd: number; readonly tcpFd: number }): void;
  /** Resolves when the sockets are closed, and their port is free; one that does not run is fine. */
  stop(sandbox: SandboxId): Promise<void>;
  /** Over all sandboxes since the service was made. */
  metrics(): ResolverMetrics;
  /** Of one sandbox since its resolver was started; undefined when it does not run. */
  metricsOf(sandbox: SandboxId): ResolverMetrics | undefined;
  /** Stops all, for good. */
  close(): Promise<void>;
}
