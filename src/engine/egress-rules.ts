import { makeCidr, parseSubnet, type Subnet } from "../base/cidr.ts";
import { invalid } from "../base/errors.ts";
import { bitsOf, familyOf, tryParseIp } from "../base/ip.ts";
import type { EgressRule } from "../model/network.ts";
import { mergeSpans, parsePortSpan, showSpan } from "./port-spans.ts";

const RIGHT =
  "write allow=CIDR or deny=CIDR, then ,PORT[-LAST][/tcp|udp|sctp] for each port it is about; any is every address";
const EVERYWHERE = ["0.0.0.0/0", "::/0"] as Subnet[];

/**
 * `allow=10.0.0.0/8`, `deny=any,25/tcp`, `allow=fd00::7,53/udp,53/tcp`: a rule, or two for `any`, one a family. Throws `invalid`
 * naming `field`.
 */
export function parseEgressRule(text: string, field: string, op: string): EgressRule[] {
  const [head = "", ...ports] = text.split(",");
  const match = /^(allow|deny)=(.+)$/.exec(head);
  if (match === null) throw invalid(field, text, RIGHT, op);
  const action = match[1] as EgressRule["action"];
  const spans = mergeSpans(ports.map((port) => parsePortSpan(port, field, op)));
  return destinations(match[2] as string, field, op).map((to) => ({ action, to, ports: spans }));
}

function destinations(text: string, field: string, op: string): Subnet[] {
  if (text === "any") return EVERYWHERE;
  const ip = tryParseIp(text);
  return [ip === undefined ? parseSubnet(text, field, op) : (makeCidr(ip, bitsOf(familyOf(ip))) as Subnet)];
}

/** As it is written; the two of `any` come as one for each family. */
export function showEgressRule({ action, to, ports }: EgressRule): string {
  return [`${action}=${to}`, ...ports.map(showSpan)].join(",");
}
