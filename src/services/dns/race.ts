import type { Ip } from "../../base/ip.ts";
import type { UpstreamConversation, UpstreamDialer } from "./dialer.ts";
import { askServer, type ExchangeResult, type UpstreamQuestion } from "./exchange.ts";
import type { Timers } from "./timers.ts";

export interface RaceRequest {
  readonly dialer: UpstreamDialer;
  readonly timers: Timers;
  /** At least one, each once, in order of preference. */
  readonly servers: readonly Ip[];
  readonly question: UpstreamQuestion;
  readonly hedgeMs: number;
  readonly deadlineMs: number;
  readonly sent: () => void;
}

/** How often each server is asked: the second time makes up for a lost packet. */
const ROUNDS = 2;

/**
 * Asks the servers until one answers. The first has the question to itself for `hedgeMs`; then the next is asked as well,
 * and so on, twice round, and whoever answers first wins. A server that says it cannot is out, and the next one's turn comes
 * at once. So a dead first server costs 0.4 s, not the whole time-out, and a live one sees no more than one query.
 *
 * `done` is called once: with an answer, or with every reason why there is none. Not after `close()`.
 */
export function raceServers(
  request: RaceRequest,
  done: (result: ExchangeResult) => void,
): UpstreamConversation {
  const { servers, timers, deadlineMs, hedgeMs } = request;
  const turns = Array.from({ length: ROUNDS }, () => servers).flat();
  const running = new Set<UpstreamConversation>();
  const reasons = new Map<Ip, string>();
  let open = true;
  let cancelHedge: () => void = () => undefined;

  const close = (): void => {
    open = false;
    cancelHedge();
    cancelDeadline();
    for (const conversation of running) conversation.close();
    running.clear();
  };
  const finish = (result: ExchangeResult): void => {
    close();
    done(result);
  };
  const giveUp = (): void => {
    const silent = servers.filter((server) => !reasons.has(server)).map((server) => `${server}: no answer`);
    const said = [...reasons].map(([server, why]) => `${server}: ${why}`);
    finish({ kind: "failed", why: [...said, ...silent].join("; ") });
  };
  const cancelDeadline = timers.after(deadlineMs, giveUp);

  const next = (): void => {
    cancelHedge();
    let server = turns.shift();
    while (server !== undefined && reasons.has(server)) server = turns.shift();
    if (server === undefined) {
      // All asked twice, or out. Those still silent have until the deadline.
      if (reasons.size === servers.length) giveUp();
      return;
    }
    const asked = server;
    const conversation = askServer({ ...request, server: asked }, (result) => {
      running.delete(conversation);
      if (!open) return;
      if (result.kind === "answer") {
        finish(result);
        return;
      }
      reasons.set(asked, result.why);
      next();
    });
    running.add(conversation);
    cancelHedge = timers.after(hedgeMs, next);
  };
  next();
  return { close };
}
