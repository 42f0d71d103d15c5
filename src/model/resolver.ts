import type { Ip } from "../base/ip.ts";
import type { SandboxId } from "./ids.ts";

/**
 * What the embedded resolver asks the engine. Names are lower case without the final dot. `undefined` means "not ours":
 * the question goes to the upstream servers.
 */
export interface NameSource {
  /** Addresses of a name as this sandbox sees it, both families; an empty list: known, but no address. */
  lookup(sandbox: SandboxId, name: string): readonly Ip[] | undefined;
  /** The full name (`name.network`) behind an address. */
  reverse(sandbox: SandboxId, ip: Ip): string | undefined;
  /** Upstream servers for this sandbox, in order; empty when it may not ask outside (only internal networks). */
  upstreams(sandbox: SandboxId): readonly Ip[];
}

/** The resolver service as the engine drives it. */
export interface ResolverService {
  /** Takes over both sockets and closes them in `stop`. */
  start(sandbox: SandboxId, sockets: { readonly udpFd: number; readonly tcpFd: number }): void;
  stop(sandbox: SandboxId): void;
}
