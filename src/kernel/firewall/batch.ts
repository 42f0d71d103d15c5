import { NetError } from "../../base/errors.ts";
import type { FirewallElement } from "../../model/firewall.ts";
import { elementKey } from "../../plan/firewall/index.ts";
import { type Ack, ackError } from "../../wire/netlink/ack.ts";
import { eachAttr, NLA_TYPE_MASK } from "../../wire/netlink/attrs.ts";
import { HEADER_SIZE, type Request } from "../../wire/netlink/message.ts";
import { NFTA_SET_ELEM_LIST, transaction, type Transaction } from "../../wire/nftables/index.ts";

/** One request of a transaction, and what it is about in words for an error. */
export interface Step {
  readonly request: Request;
  readonly subject: string;
  /** In the order of the request's own list. */
  readonly elements?: readonly FirewallElement[] | undefined;
}

/** A transaction whose errors can be told to people. */
export interface FirewallBatch extends Transaction {
  readonly steps: readonly Step[];
}

export function firewallBatch(steps: readonly Step[], firstSeq: number): FirewallBatch {
  return {
    ...transaction(
      steps.map((step) => step.request),
      { firstSeq },
    ),
    steps,
  };
}

/**
 * Reads the kernel's answers to a batch: returns when it was carried out, otherwise throws a NetError with the first
 * refusal, which names the table, chain, map or element at fault. Nothing was changed then.
 */
export function checkBatch(batch: FirewallBatch, acks: readonly Ack[], op: string): void {
  let done = false;
  for (const ack of acks) {
    if (ack.errno !== 0) throw ackError(ack, { op, subject: subjectOf(batch, ack) });
    done ||= ack.seq === batch.lastSeq;
  }
  if (!done)
    throw new NetError("internal", op, { message: "the kernel gave no answer to a firewall transaction" });
}

function subjectOf(batch: FirewallBatch, ack: Ack): string {
  const step = batch.steps[ack.seq - batch.beginSeq - 1];
  // Under the number of the opening message the kernel refuses the transaction as such.
  if (step === undefined) return "transaction";
  const { elements, request, subject } = step;
  if (elements === undefined) return subject;
  const at =
    ack.extack.offset === undefined ? undefined : elementAt(request.body, ack.extack.offset - HEADER_SIZE);
  const element = elements.length === 1 ? elements[0] : at === undefined ? undefined : elements[at];
  return element === undefined ? subject : `element ${elementKey(element)}`;
}

/** Size of struct nfgenmsg. */
const NFGENMSG_SIZE = 4;

/** Index of the element whose attribute holds byte `offset` of the body; found only when there is an error to explain. */
function elementAt(body: Uint8Array, offset: number): number | undefined {
  let found: number | undefined;
  eachAttr(body, NFGENMSG_SIZE, body.length, (type, from, to) => {
    if ((type & NLA_TYPE_MASK) !== NFTA_SET_ELEM_LIST.ELEMENTS) return;
    let index = 0;
    // The kernel points at an attribute's header, four bytes before its content.
    eachAttr(body, from, to, (_, start, end) => {
      if (offset >= start - 4 && offset < end) found = index;
      index++;
    });
  });
  return found;
}
