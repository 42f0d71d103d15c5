import { errorText } from "../../base/errors.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { NameSource, Upstreams } from "../../model/resolver.ts";
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

/** Who asks by one way: by UDP all clients of a sandbox, by TCP one connection. */
export interface Client {
  readonly sandbox: SandboxId;
  readonly counters: Counters;
  /** Came by TCP. */
  readonly stream: boolean;
  /**
   * Called while a message is handled that cannot be answered yet: the way back to who sent it. It is called once, maybe much
   * later, and does nothing if the client is gone by then.
   */
  readonly later: () => (reply: Uint8Array) => void;
}

export interface ResolverParts {
  readonly names: NameSource;
  readonly forwarder: Forwarder;
  readonly responder: Responder;
  readonly limits: ResolverLimits;
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

  /** The reply, if there is one at once. The message's memory may be used again when this returns. */
  handle(bytes: Uint8Array, client: Client): Uint8Array | undefined {
    const { counters } = client;
    counters.count("queries");
    const query = readQuery(bytes);
    if (query?.kind === "query") {
      try {
        return this.#answer(query, client);
      } catch (error) {
        // A fault of the name source or of ours: the client is told at once, and the resolver lives on.
        this.#parts.warn("fault", `${query.name}: ${errorText(error)}`);
        counters.count("failed");
        return this.#empty(query, RCODE.SERVFAIL);
      }
    }
    counters.count("malformed");
    return query === undefined ? undefined : this.#empty(query, query.rcode);
  }

  #answer(query: Query, client: Client): Uint8Array | undefined {
    const { limits, names, responder } = this.#parts;
    const { sandbox, stream, counters } = client;
    // Other classes hold data about servers; zone transfers are between servers. Neither is a sandbox's business.
    const served = query.class === CLASS.IN || query.class === CLASS.ANY;
    if (!served || query.type === TYPE.AXFR || query.type === TYPE.IXFR) {
      counters.count("refused");
      return this.#empty(query, RCODE.REFUSED);
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
      counters.count("local");
      if (isTruncated(local)) counters.count("truncated");
      return local;
    }
    const upstreams = names.upstreams(sandbox);
    if (upstreams !== undefined) {
      if (isShortAddressQuestion(query) && names.keepsShortNames(sandbox)) {
        // "Nothing there" and not "no such name", as Docker answers; the C libraries go on to the search domains.
        counters.count("denied");
        return this.#empty(query, RCODE.NOERROR);
      }
      return this.#forward(query, client, { upstreams, limit });
    }
    // To this sandbox no name exists but ours. "No such name" ends the search at once, where "failed" would make the C
    // libraries ask again and again; without an SOA record nobody remembers it (RFC 2308 section 5), so a name that comes
    // up later is found.
    counters.count("denied");
    return this.#empty(query, RCODE.NXDOMAIN);
  }

  #forward(
    query: Query,
    { sandbox, counters, stream, later }: Client,
    { upstreams, limit }: { readonly upstreams: Upstreams; readonly limit: number },
  ): Uint8Array | undefined {
    let known: Uint8Array | undefined;
    let send: ((reply: Uint8Array) => void) | undefined;
    let inTurn = true;
    const reply = (bytes: Uint8Array): void => {
      if (inTurn) known = bytes;
      else send?.(bytes);
    };
    // The memory that a message came in is used again before the answer is there.
    const kept = { ...query, bytes: query.bytes.slice() };
    this.#parts.forwarder.forward({ sandbox, counters, query: kept, stream, limit, reply }, upstreams);
    inTurn = false;
    if (known === undefined) send = later();
    return known;
  }

  #empty(query: Query | BadQuery, rcode: number): Uint8Array {
    return emptyReply(query, { rcode, flags: 0 }, this.#parts.responder);
  }
}

/** An address of a name without a dot, which is not the root either. */
function isShortAddressQuestion({ name, type }: Query): boolean {
  return (type === TYPE.A || type === TYPE.AAAA) && name !== "." && !name.includes(".");
}

function isTruncated(reply: Uint8Array): boolean {
  return ((reply[2] as number) & 0x02) !== 0;
}
