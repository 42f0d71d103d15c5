import { invalid, NetError } from "../base/errors.ts";
import { PROTOCOLS, type PortMapping, type Protocol } from "../model/ports.ts";
import type { SandboxRequest } from "../model/sandbox.ts";

const OP = "sandbox.create";
const RIGHT = "write PORT[-LAST][/tcp|udp|sctp], ports from 1 to 65535";

/**
 * What "publish all" adds to the wishes of a request: each exposed port at a free port of the host, unless a wish is about
 * it already, as in Docker. Exposed ports are checked in any case.
 */
export function exposedMappings(request: SandboxRequest, wishes: readonly PortMapping[]): PortMapping[] {
  const exposed = (request.expose ?? []).map((text, i) => parseExposed(text, `expose[${i}]`));
  if (request.publishAll !== true) return [];
  if (exposed.length === 0) {
    const remedy = "name what to publish in expose";
    throw new NetError("invalid", OP, {
      message: `publishAll: no port is exposed: ${remedy}`,
      field: "publishAll",
      value: "true",
      remedy,
    });
  }
  const added: PortMapping[] = [];
  for (const { protocol, containerPort, count } of exposed) {
    // Port by port: each has a free port of its own, and need not have neighbours.
    for (let port = containerPort; port < containerPort + count; port++) {
      if ([...wishes, ...added].some((wish) => wish.protocol === protocol && holds(wish, port))) continue;
      added.push({ protocol, containerPort: port, count: 1 });
    }
  }
  return added;
}

function holds({ containerPort, count }: PortMapping, port: number): boolean {
  return port >= containerPort && port < containerPort + count;
}

function parseExposed(
  text: string,
  field: string,
): Pick<PortMapping, "protocol" | "containerPort" | "count"> {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(\w+))?$/.exec(text);
  const protocol = (match?.[3] ?? "tcp").toLowerCase() as Protocol;
  const first = Number(match?.[1]);
  const last = match?.[2] === undefined ? first : Number(match[2]);
  if (!PROTOCOLS.includes(protocol) || !(first >= 1 && first <= last && last <= 65_535)) {
    throw invalid(field, text, RIGHT, OP);
  }
  return { protocol, containerPort: first, count: last - first + 1 };
}
