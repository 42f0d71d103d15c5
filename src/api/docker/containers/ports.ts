import { NetError } from "../../../base/errors.ts";
import type { CreateBody } from "./create-body.ts";

interface Publish {
  readonly protocol: string;
  readonly port: number;
  readonly hostIp: string;
  readonly hostPort: number;
}

/** `80/tcp`, `80` */
function parsePort(key: string): { readonly port: number; readonly protocol: string } {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(key);
  if (match !== null) return { port: Number(match[1]), protocol: (match[2] ?? "tcp").toLowerCase() };
  throw new NetError("invalid", "container.create", {
    message: `invalid port specification: ${JSON.stringify(key)}`,
    field: "PortBindings",
    value: key,
  });
}

/**
 * The engine's spelling of Docker's port bindings. Docker's clients write a range as one binding a port; neighbours that differ
 * by nothing else become a range again, which costs the firewall one element.
 */
export function publishTexts(bindings: CreateBody["HostConfig"]["PortBindings"]): string[] {
  const loose: string[] = [];
  const fixed: Publish[] = [];
  for (const [key, list] of Object.entries(bindings)) {
    const { port, protocol } = parsePort(key);
    // Docker publishes a port whose list is empty on a free one.
    for (const { HostIp: hostIp, HostPort } of list.length === 0 ? [{ HostIp: "", HostPort: "" }] : list) {
      if (/^\d{1,5}$/.test(HostPort) && Number(HostPort) > 0) {
        fixed.push({ protocol, port, hostIp, hostPort: Number(HostPort) });
      } else
        loose.push(
          `${prefix(hostIp)}${["", "0"].includes(HostPort) ? "" : `${HostPort}:`}${port}/${protocol}`,
        );
    }
  }
  fixed.sort(
    (a, b) =>
      compare(a.protocol, b.protocol) ||
      compare(a.hostIp, b.hostIp) ||
      a.port - b.port ||
      a.hostPort - b.hostPort,
  );
  const ranges: { first: Publish; count: number }[] = [];
  for (const one of fixed) {
    const last = ranges.at(-1);
    if (last !== undefined && follows(last, one)) last.count += 1;
    else ranges.push({ first: one, count: 1 });
  }
  return [...ranges.map(rangeText), ...loose];
}

function follows({ first, count }: { first: Publish; count: number }, one: Publish): boolean {
  return (
    one.protocol === first.protocol &&
    one.hostIp === first.hostIp &&
    one.port === first.port + count &&
    one.hostPort === first.hostPort + count
  );
}

function rangeText({
  first: { hostIp, hostPort, port, protocol },
  count,
}: {
  first: Publish;
  count: number;
}): string {
  const span = (from: number): string => (count === 1 ? String(from) : `${from}-${from + count - 1}`);
  return `${prefix(hostIp)}${span(hostPort)}:${span(port)}/${protocol}`;
}

/** An address without a host port still needs both colons. */
function prefix(hostIp: string): string {
  if (hostIp === "") return "";
  return hostIp.includes(":") ? `[${hostIp}]:` : `${hostIp}:`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function exposeTexts(ports: CreateBody["ExposedPorts"]): string[] {
  return Object.keys(ports).map((key) => {
    const { port, protocol } = parsePort(key);
    return `${port}/${protocol}`;
  });
}
