import { errorText } from "../../base/errors.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { NameSource } from "../../model/resolver.ts";
import {
  CLASS,
  emptyReply,
  RCODE,
  readQuery,
  TYPE,
  udpLimit,
  type BadQuery,
  type Query,
  type Responder,
} from "../../wire/dns/index.ts";
import type { Forwarder } from "./forwarder.ts";
import type { ResolverLimits } from "./limits.ts";
import { answerLocally } from "./local.ts";
import type { Counters } from "./metrics.ts";

/** A message as it came in, and the way back. */
export interface Client {
  readonly sandbox: SandboxId;
  /** Came by TCP. */
  readonly stream: boolean;
  /** Sends a reply; does nothing once the client is gone. Called at most once, maybe much later. */
  readonly reply: (bytes: Uint8Array) => void;
}

export interface ResolverParts {
  readonly names: NameSource;
  readonly forwarder: Forwarder;
  readonly responder: Responder;
  readonly limits: ResolverLimits;
  readonly counters: Counters;
  readonly warn: (what: string, message: string) => void;
}

const MAX_STREAM_REPLY = 0xffff;

/** What becomes of each message: answered here, refused, or taken outside. Knows no socket. */
export class Resolver {
  readonly #parts: ResolverParts;
  /** Counts answers, so that several addresses take turns in coming first. */
  #turn = 0;

  constructor(parts: ResolverParts) {
    this.#parts = parts;
  }

  handle(bytes: Uint8Array, client: Client): void {
    const { counters } = this.#parts;
    counters.queries++;
    const query = readQuery(bytes);
    if (query?.kind === "query") {
      try {
        this.#answer(query, client);
      } catch (error) {
        // A fault of the name source or of ours: the client is told at once, and the resolver lives on.
        this.#parts.warn("fault", `${query.name}: ${errorText(error)}`);
        counters.failed++;
        this.#replyEmpty(query, RCODE.SERVFAIL, client);
      }
      return;
    }
    counters.malformed++;
    if (query !== undefined) this.#replyEmpty(query, query.rcode, client);
  }

  #answer(query: Query, client: Client): void {
    const { counters, forwarder, limits, names, responder } = this.#parts;
    const { sandbox, stream, reply } = client;
    // Other classes hold data about servers; zone transfers are between servers. Neither is a sandbox's business.
    const served = query.class === CLASS.IN || query.class === CLASS.ANY;
    if (!served || query.type === TYPE.AXFR || query.type === TYPE.IXFR) {
      counters.refused++;
      this.#replyEmpty(query, RCODE.REFUSED, client);
      return;
    }
    const limit = stream ? MAX_STREAM_REPLY : Math.min(udpLimit(query), limits.maxUdpReply);
    this.#turn = (this.#turn + 1) >>> 0;
    const local = answerLocally(query, sandbox, {
      names,
      responder,
      ttlSeconds: limits.ttlSeconds,
      turn: this.#turn,
      limit,
    });
    if (local !== undefined) {
      counters.local++;
      if (isTruncated(local)) counters.truncated++;
      reply(local);
      return;
    }
    const upstreams = names.upstreams(sandbox);
    if (upstreams !== undefined) {
      if (isShortAddressQuestion(query) && names.keepsShortNames(sandbox)) {
        // "Nothing there" and not "no such name", as Docker answers; the C libraries go on to the search domains.
        counters.denied++;
        this.#replyEmpty(query, RCODE.NOERROR, client);
        return;
      }
      // The memory that a message came in is used again before the answer is there.
      const kept = { ...query, bytes: query.bytes.slice() };
      forwarder.forward({ sandbox, query: kept, stream, limit, reply }, upstreams);
      return;
    }
    // To this sandbox no name exists but ours. "No such name" ends the search at once, where "failed" would make the C
    // libraries ask again and again; without an SOA record nobody remembers it (RFC 2308 section 5), so a name that comes
    // up later is found.
    counters.denied++;
    this.#replyEmpty(query, RCODE.NXDOMAIN, client);
  }

  #replyEmpty(query: Query | BadQuery, rcode: number, client: Client): void {
    client.reply(emptyReply(query, { rcode, flags: 0 }, this.#parts.responder));
  }
}

/** An address of a name without a dot, which is not the root either. */
function isShortAddressQuestion({ name, type }: Query): boolean {
  return (type === TYPE.A || type === TYPE.AAAA) && name !== "." && !name.includes(".");
}

function isTruncated(reply: Uint8Array): boolean {
  return ((reply[2] as number) & 0x02) !== 0;
}
