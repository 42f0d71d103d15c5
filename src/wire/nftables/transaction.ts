import { Writer } from "../../base/cursor.ts";
import { putAttr } from "../netlink/attrs.ts";
import { encodeBatch, type Request } from "../netlink/message.ts";
import { NLM_F } from "../netlink/numbers.ts";
import { NFNL_BATCH, NFNL_MSG_BATCH, NFNL_SUBSYS } from "./numbers.ts";

/** A transaction in one buffer, for one `send`: the kernel does all of it or nothing. */
export interface Transaction {
  readonly bytes: Uint8Array;
  /**
   * Number of the message that opens it. Refusals of the transaction as a whole come under it: EPERM, a wrong generation
   * (ERESTART), a failure while committing. After one of them, no other answer follows.
   */
  readonly beginSeq: number;
  /** Number of the last request, the one that asks for an ack. `requests[i]` has `beginSeq + 1 + i`. */
  readonly lastSeq: number;
}

export interface TransactionOptions {
  /** Number of the first message; the transaction takes `requests.length + 2` numbers. */
  readonly firstSeq: number;
  /** Refuse unless the ruleset is still of this generation (`getGeneration`). */
  readonly generation?: number | undefined;
}

/**
 * Wraps requests into a transaction. Only the last asks for an ack: the kernel reports each failed request and then that
 * one, so a reader is done when it has seen `lastSeq`, or an error under `beginSeq`.
 */
export function transaction(requests: readonly Request[], options: TransactionOptions): Transaction {
  const { firstSeq, generation } = options;
  if (requests.length === 0) throw new TypeError("a transaction needs at least one request");
  const body = requests.map((one, i) =>
    i === requests.length - 1 ? { ...one, flags: one.flags | NLM_F.ACK } : one,
  );
  const all = [boundary(NFNL_MSG_BATCH.BEGIN, generation), ...body, boundary(NFNL_MSG_BATCH.END, undefined)];
  return {
    bytes: encodeBatch(all, { firstSeq }),
    beginSeq: firstSeq,
    lastSeq: (firstSeq + requests.length) >>> 0,
  };
}

function boundary(type: number, generation: number | undefined): Request {
  const w = new Writer(16);
  w.u8(0).u8(0).be16(NFNL_SUBSYS.NFTABLES);
  if (generation !== undefined) putAttr(w, NFNL_BATCH.GENID, (to) => to.be32(generation));
  return { type, flags: NLM_F.REQUEST, body: w.bytes() };
}
