import { invalid, NetError } from "../base/errors.ts";
import { parseIp, type Ip } from "../base/ip.ts";
import { takeSources } from "./allow-list.ts";
import { PROTOCOLS, type PortMapping, type Protocol } from "../model/ports.ts";

const RIGHT = "write [HOST-IP:][HOST-PORT[-LAST]:]PORT[-LAST][/tcp|udp|sctp], an IPv6 address in brackets";

/** Parses Docker's `--publish` spelling, and behind it an allow-list (`,from=192.0.2.0/24`); `field` names the input in errors, as in `publish[0]`. */
export function parsePublish(text: string, field: string): PortMapping {
  const op = "sandbox.create";
  const { spec, from } = takeSources(text, field, op);
  const slash = spec.lastIndexOf("/");
  const protocol = (slash < 0 ? "tcp" : spec.slice(slash + 1).toLowerCase()) as Protocol;
  if (!PROTOCOLS.includes(protocol)) throw invalid(field, text, `${RIGHT}`, op);
  const rest = slash < 0 ? spec : spec.slice(0, slash);
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(?:([0-9-]*):)?([0-9-]+)$/.exec(rest);
  if (match === null) throw invalid(field, text, RIGHT, op);
  let [, ipText, hostText] = match;
  // "8080:80" has one colon: what the pattern took for an address is the host port.
  if (hostText === undefined && ipText !== undefined) {
    hostText = ipText;
    ipText = undefined;
  }
  const container = parseRange(match[3] as string, field, text);
  const host = hostText === undefined || hostText === "" ? undefined : parseRange(hostText, field, text);
  if (container.first === 0) throw invalid(field, text, "a container port is from 1 to 65535", op);
  // One container port takes any free port of a host range, as in Docker; with ranges on both sides sizes must agree.
  const oneOf = host !== undefined && host.first > 0 && host.count > 1 && container.count === 1;
  if (host !== undefined && host.count !== container.count && !oneOf) {
    const right = `both ranges must have the same size; these have ${host.count} and ${container.count}`;
    throw invalid(field, text, right, op);
  }
  const hostIp = parseHostIp(ipText, field, op);
  if (protocol === "sctp" && hostIp === "::1") throw unreachable6(field, text, op);
  return {
    protocol,
    containerPort: container.first,
    count: container.count,
    hostIp,
    hostPort: host === undefined || host.first === 0 ? undefined : host.first,
    ...(oneOf ? { hostPortLast: host.first + host.count - 1 } : {}),
    ...(from.length === 0 ? {} : { from }),
  };
}

function parseHostIp(text: string | undefined, field: string, op: string): Ip | undefined {
  if (text === undefined || text === "") return undefined;
  const bracketed = text.startsWith("[");
  return parseIp(bracketed ? text.slice(1, -1) : text, field, op);
}

/** See `translatable`: to ::1 it takes a proxy, and there is none for SCTP. */
function unreachable6(field: string, text: string, op: string): NetError {
  const remedy = "publish on 127.0.0.1, or on [::]";
  return new NetError("unsupported", op, {
    message: `${field}: an SCTP port of [::1] cannot be led into a sandbox: ${remedy}`,
    field,
    value: text,
    remedy,
  });
}

function parseRange(text: string, field: string, whole: string): { first: number; count: number } {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = match === null ? Number.NaN : Number(match[1]);
  const last = match?.[2] === undefined ? first : Number(match[2]);
  if (!(first >= 0 && first <= last && last <= 65_535)) {
    throw invalid(
      field,
      whole,
      "ports are whole numbers up to 65535, a range goes upwards (8000-8009)",
      "sandbox.create",
    );
  }
  return { first, count: last - first + 1 };
}
