import type { Ip } from "../../base/ip.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { NameSource } from "../../model/resolver.ts";
import {
  addressOfReverseName,
  addressReply,
  decodeMessage,
  emptyReply,
  encodeMessage,
  FLAG,
  parseDnsName,
  plainEdns,
  RCODE,
  TYPE,
  type Query,
  type Responder,
} from "../../wire/dns/index.ts";

export interface LocalContext {
  readonly names: NameSource;
  readonly responder: Responder;
  readonly ttlSeconds: number;
  /** A number that goes up from call to call: which of several addresses comes first. */
  readonly turn: number;
  /** Largest reply this client takes. */
  readonly limit: number;
}

/**
 * The answer to a question about our own names, or `undefined` when the question is not ours.
 *
 * A name that is ours exists for every type: where we have nothing of the type asked, the answer is "nothing of this type"
 * and not a question to the outside, which would deny that the name exists, and would learn of it (RFC 8020: a name exists
 * or not, whatever the type).
 */
export function answerLocally(
  query: Query,
  sandbox: SandboxId,
  context: LocalContext,
): Uint8Array | undefined {
  if (query.type === TYPE.PTR) {
    const reversed = answerReverse(query, sandbox, context);
    if (reversed !== undefined) return reversed;
  }
  const addresses = context.names.lookup(sandbox, query.name);
  if (addresses === undefined) return undefined;
  switch (query.type) {
    case TYPE.A:
      return addressesOf(query, 4, addresses, context);
    case TYPE.AAAA:
      return addressesOf(query, 6, addresses, context);
    case TYPE.ANY:
      // RFC 8482 section 4.1: one of the sets there are is an answer to ANY.
      return addressesOf(query, addresses.some(isV4) ? 4 : 6, addresses, context);
    default:
      return emptyReply(query, { rcode: RCODE.NOERROR, flags: FLAG.AA }, context.responder);
  }
}

const isV4 = (ip: Ip): boolean => !ip.includes(":");
const isV6 = (ip: Ip): boolean => ip.includes(":");

function addressesOf(query: Query, family: 4 | 6, all: readonly Ip[], context: LocalContext): Uint8Array {
  return addressReply(
    query,
    {
      family,
      addresses: all.filter(family === 4 ? isV4 : isV6),
      first: context.turn,
      ttlSeconds: context.ttlSeconds,
      limit: context.limit,
    },
    context.responder,
  );
}

/** Seldom asked, so it goes through the whole codec. */
function answerReverse(query: Query, sandbox: SandboxId, context: LocalContext): Uint8Array | undefined {
  const ip = addressOfReverseName(query.name);
  const target = ip === undefined ? undefined : context.names.reverse(sandbox, ip);
  if (target === undefined) return undefined;
  const asked = decodeMessage(query.bytes);
  const [question] = asked.questions;
  if (question === undefined) return undefined;
  const { edns } = query;
  const reply = encodeMessage({
    ...asked,
    response: true,
    authoritative: true,
    truncated: false,
    recursionAvailable: true,
    reserved: false,
    authenticData: false,
    answers: [
      {
        name: question.name,
        class: question.class,
        ttlSeconds: context.ttlSeconds,
        data: { kind: "PTR", target: parseDnsName(target, "name", "resolver.reverse") },
      },
    ],
    authorities: [],
    additionals: [],
    edns:
      edns === undefined ? undefined : { ...plainEdns(context.responder.udpSize), dnssecOk: edns.dnssecOk },
  });
  if (reply.length <= context.limit) return reply;
  return emptyReply(query, { rcode: RCODE.NOERROR, flags: FLAG.AA | FLAG.TC }, context.responder);
}
