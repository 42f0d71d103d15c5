import { invalid } from "../base/errors.ts";
import type { PortSpan } from "../model/network.ts";
import { PROTOCOLS, type Protocol } from "../model/ports.ts";
import { joinRanges } from "../plan/firewall/index.ts";

const LAST_PORT = 65_535;

/** `80`, `80/tcp`, `8000-8009/udp`. Throws `invalid` naming `field`. */
export function parsePortSpan(text: string, field: string, op: string): PortSpan {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([a-z]+))?$/i.exec(text);
  const protocol = (match?.[3] ?? "tcp").toLowerCase() as Protocol;
  const first = Number(match?.[1] ?? Number.NaN);
  const last = match?.[2] === undefined ? first : Number(match[2]);
  if (PROTOCOLS.includes(protocol) && first >= 1 && first <= last && last <= LAST_PORT) {
    return { protocol, first, last };
  }
  throw invalid(field, text, "write PORT[-LAST][/tcp|udp|sctp], ports from 1 to 65535", op);
}

/** The same ports with no span inside or right behind another: the kernel's sets take no overlapping ranges. */
export function mergeSpans(spans: readonly PortSpan[]): PortSpan[] {
  return PROTOCOLS.flatMap((protocol) => {
    const mine = spans.filter((span) => span.protocol === protocol);
    return joinRanges(mine.map(({ first, last }) => [first, last])).map(([first, last]) => ({
      protocol,
      first,
      last,
    }));
  });
}

/** `80/tcp`, `8000-8009/udp` */
export function showSpan({ protocol, first, last }: PortSpan): string {
  return `${first === last ? first : `${first}-${last}`}/${protocol}`;
}
