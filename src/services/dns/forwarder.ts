import type { Clock } from "../../base/clock.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { NetnsKey } from "../../model/ops.ts";
import type { Upstreams } from "../../model/resolver.ts";
import {
  ageTtls,
  emptyReply,
  FLAG,
  HEADER_SIZE,
  OPT_SIZE,
  RCODE,
  TYPE,
  type Query,
  type Responder,
} from "../../wire/dns/index.ts";
import { AnswerCache, type Answer } from "./cache.ts";
import type { UpstreamConversation, UpstreamDialer } from "./dialer.ts";
import type { ExchangeResult, UpstreamQuestion } from "./exchange.ts";
import type { ResolverLimits } from "./limits.ts";
import type { Counters } from "./metrics.ts";
import { raceServers } from "./race.ts";
import type { Timers } from "./timers.ts";

/** Who asked, and how the answer gets there. */
export interface Asker {
  readonly sandbox: SandboxId;
  readonly counters: Counters;
  readonly query: Query;
  /** Came by TCP. */
  readonly stream: boolean;
  /** Largest reply it takes. */
  readonly limit: number;
  /** Called once. May be after the asker is gone; then it does nothing. */
  readonly reply: (bytes: Uint8Array) => void;
}

export interface ForwarderParts {
  /** Opens sockets in a namespace. */
  readonly dialerIn: (netns: NetnsKey) => UpstreamDialer;
  readonly timers: Timers;
  readonly clock: Clock;
  /** A number from 0 to 65535 that nobody can foresee. */
  readonly randomId: () => number;
  readonly limits: ResolverLimits;
  readonly responder: Responder;
  readonly warn: (what: string, message: string) => void;
}

/** A question on its way, and all who wait for its answer. */
interface Pending {
  readonly askers: Asker[];
  readonly race: UpstreamConversation;
}

/** Of the client's flags, those that an answer depends on. */
const KEPT_FLAGS = FLAG.RD | FLAG.AD | FLAG.CD;

/**
 * Takes questions that are not about our own names to the upstream servers. Equal questions under way are asked once, and
 * answers are kept while their TTL lasts, in both cases only for who asks the same servers from the same namespace.
 *
 * Answers pass as they are: only the id, the question's spelling and the TTLs are rewritten, so that record types we have
 * never heard of arrive whole.
 */
export class Forwarder {
  readonly #parts: ForwarderParts;
  readonly #cache: AnswerCache;
  readonly #pending = new Map<string, Pending>();
  /** Askers waiting, in all and by sandbox. */
  #waiting = 0;
  readonly #waitingBySandbox = new Map<SandboxId, number>();

  constructor(parts: ForwarderParts) {
    this.#parts = parts;
    this.#cache = new AnswerCache(parts.limits, parts.clock);
  }

  forward(asker: Asker, upstreams: Upstreams): void {
    const { limits } = this.#parts;
    const { query, sandbox, counters } = asker;
    const { netns } = upstreams;
    const chosen = { netns, servers: [...new Set(upstreams.servers)].slice(0, limits.servers) };
    const key = keyOf(query, chosen);
    const cached = this.#cache.get(key);
    if (cached !== undefined) {
      counters.count("cacheHits");
      this.#deliver(asker, cached, cached.ageSeconds);
      return;
    }
    const waitingHere = this.#waitingBySandbox.get(sandbox) ?? 0;
    if (this.#waiting >= limits.waiting || waitingHere >= limits.waitingPerSandbox) {
      this.#parts.warn("limit", `${this.#waiting} questions wait for upstream servers: refusing more`);
      counters.count("refused");
      asker.reply(emptyReply(query, { rcode: RCODE.REFUSED, flags: 0 }, this.#parts.responder));
      return;
    }
    this.#waiting++;
    this.#waitingBySandbox.set(sandbox, waitingHere + 1);
    counters.count("forwarded");
    this.#ask(asker, chosen, key);
  }

  /** Drops every question under way; their askers hear nothing. */
  close(): void {
    for (const pending of this.#pending.values()) pending.race.close();
    this.#pending.clear();
    this.#waiting = 0;
    this.#waitingBySandbox.clear();
  }

  #ask(asker: Asker, { servers, netns }: Upstreams, key: string): void {
    const { dialerIn, limits, timers } = this.#parts;
    const { counters } = asker;
    // Who came by UDP is content with a truncated answer, which has come and gone while TCP is still shaking hands.
    const pendingKey = `${asker.stream ? "tcp" : "udp"} ${key}`;
    const same = this.#pending.get(pendingKey);
    if (same !== undefined) {
      counters.count("coalesced");
      same.askers.push(asker);
      return;
    }
    const askers = [asker];
    const race = raceServers(
      {
        dialer: dialerIn(netns),
        timers,
        servers,
        question: this.#questionFor(asker),
        hedgeMs: limits.hedgeMs,
        deadlineMs: limits.deadlineMs,
        sent: () => counters.count("upstreamQueries"),
      },
      (result) => {
        this.#pending.delete(pendingKey);
        if (result.kind === "answer") this.#cache.put(key, result.answer);
        for (const waiting of askers) this.#settle(waiting, result);
      },
    );
    this.#pending.set(pendingKey, { askers, race });
  }

  #settle(asker: Asker, result: ExchangeResult): void {
    const { responder, warn } = this.#parts;
    this.#waiting--;
    const left = (this.#waitingBySandbox.get(asker.sandbox) ?? 1) - 1;
    if (left === 0) this.#waitingBySandbox.delete(asker.sandbox);
    else this.#waitingBySandbox.set(asker.sandbox, left);
    if (result.kind === "answer") {
      this.#deliver(asker, result.answer, 0);
      return;
    }
    warn("upstream", `no upstream answer for ${asker.query.name}: ${result.why}`);
    asker.counters.count("failed");
    asker.reply(emptyReply(asker.query, { rcode: RCODE.SERVFAIL, flags: 0 }, responder));
  }

  /** The answer as this asker expects it: its id, its spelling of the name, the TTLs as they are by now, and its size. */
  #deliver(asker: Asker, answer: Answer, ageSeconds: number): void {
    const { query, limit, counters } = asker;
    const { responder } = this.#parts;
    const { scan } = answer;
    if (answer.bytes.length > limit) {
      counters.count("truncated");
      asker.reply(emptyReply(query, { rcode: scan.rcode, flags: FLAG.TC }, responder));
      return;
    }
    if (scan.truncated) counters.count("truncated");
    const bytes = responder.allocate(answer.bytes.length);
    bytes.set(answer.bytes);
    bytes.set(query.bytes.subarray(0, 2));
    bytes.set(query.bytes.subarray(HEADER_SIZE, query.questionEnd), HEADER_SIZE);
    if (ageSeconds > 0) ageTtls(bytes, scan.ttlOffsets, ageSeconds);
    asker.reply(bytes);
  }

  /**
   * The query as we send it: the client's question, under an id of ours, with an OPT record of ours where the client had
   * one. EDNS is between neighbours (RFC 6891 section 6.2.6): the client's options, a cookie above all, are not for the server.
   */
  #questionFor(asker: Asker): UpstreamQuestion {
    const { query, stream } = asker;
    const { limits, randomId } = this.#parts;
    const { edns, questionEnd } = query;
    const bytes = new Uint8Array(questionEnd + (edns === undefined ? 0 : OPT_SIZE));
    const view = new DataView(bytes.buffer);
    const id = randomId();
    bytes.set(query.bytes.subarray(0, questionEnd));
    view.setUint16(0, id);
    view.setUint16(2, query.flags & KEPT_FLAGS);
    view.setUint16(4, 1);
    bytes.fill(0, 6, HEADER_SIZE);
    if (edns !== undefined) {
      view.setUint16(10, 1);
      view.setUint16(questionEnd + 1, TYPE.OPT);
      view.setUint16(questionEnd + 3, limits.udpSize);
      view.setUint16(questionEnd + 7, edns.dnssecOk ? 0x8000 : 0);
    }
    return { bytes, id, questionEnd, whole: stream };
  }
}

/** Everything that an answer depends on but the name's spelling. */
function keyOf(query: Query, { servers, netns }: Upstreams): string {
  const edns = query.edns === undefined ? "-" : query.edns.dnssecOk ? "do" : "edns";
  return `${query.name} ${query.type} ${query.class} ${query.flags & KEPT_FLAGS} ${edns} ${netns} ${servers.join(",")}`;
}
