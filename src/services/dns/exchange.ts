import type { Ip } from "../../base/ip.ts";
import { RCODE, rcodeName, sameQuestion, scanResponse } from "../../wire/dns/index.ts";
import type { Answer } from "./cache.ts";
import type { UpstreamConversation, UpstreamDialer } from "./dialer.ts";

/** A question on its way out. */
export interface UpstreamQuestion {
  /** The whole message, its id included. */
  readonly bytes: Uint8Array;
  readonly id: number;
  readonly questionEnd: number;
  /** A truncated answer will not do: the client came by TCP to get it whole. */
  readonly whole: boolean;
}

export type ExchangeResult =
  | { readonly kind: "answer"; readonly answer: Answer }
  /** This server has no answer for us; another may. */
  | { readonly kind: "failed"; readonly why: string };

/**
 * Asks one server, by UDP, and by TCP when the answer does not fit. Calls `done` once, unless closed before.
 *
 * By UDP, a message that does not fit the question is passed over and the wait goes on: it may be someone's guess, and to
 * give up for it would let a guesser win by being wrong (RFC 5452 section 9.1).
 */
export function askServer(
  request: {
    readonly dialer: UpstreamDialer;
    readonly server: Ip;
    readonly question: UpstreamQuestion;
    /** Called for every message sent. */
    readonly sent: () => void;
  },
  done: (result: ExchangeResult) => void,
): UpstreamConversation {
  const { dialer, server, question, sent } = request;
  const failed = (why: string): void => done({ kind: "failed", why });
  const settle = (answer: Answer): void => {
    const { rcode } = answer.scan;
    // The server cannot, or will not: another may. Every other code is an answer.
    if (rcode === RCODE.SERVFAIL || rcode === RCODE.REFUSED) failed(`answered ${rcodeName(rcode)}`);
    else done({ kind: "answer", answer });
  };

  let conversation: UpstreamConversation;
  const byTcp = (): void => {
    sent();
    conversation = dialer.tcp(server, question.bytes, {
      message(bytes) {
        conversation.close();
        const answer = matching(bytes, question);
        if (answer === undefined) failed("answered something else by TCP");
        else settle(answer);
      },
      failed,
    });
  };

  sent();
  conversation = dialer.udp(server, question.bytes, {
    message(bytes) {
      const answer = matching(bytes, question);
      if (answer === undefined) return;
      conversation.close();
      if (answer.scan.truncated && question.whole) byTcp();
      else settle(answer);
    },
    failed,
  });
  return { close: () => conversation.close() };
}

/** The message as an answer, if it is one to this question. */
function matching(bytes: Uint8Array, question: UpstreamQuestion): Answer | undefined {
  const scan = scanResponse(bytes);
  if (scan === undefined || scan.id !== question.id) return undefined;
  const same =
    scan.questionEnd === question.questionEnd && sameQuestion(bytes, question.bytes, question.questionEnd);
  return same ? { bytes, scan } : undefined;
}
