import type { SandboxId } from "../../model/ids.ts";
import type { Readiness } from "../../model/readiness.ts";
import type { Counters } from "./metrics.ts";
import type { Resolver } from "./resolver.ts";

/** What answers at one of a sandbox's sockets. */
export interface Listener {
  /** Closes the socket taken over and everything that came in by it. */
  close(): void;
}

/** Whose questions come in by a socket, and what is needed to answer them. */
export interface ListenerParts {
  readonly sandbox: SandboxId;
  readonly counters: Counters;
  readonly resolver: Resolver;
  readonly readiness: Readiness;
}
