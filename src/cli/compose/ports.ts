import { tryParseIp } from "../../base/ip.ts";
import { type Field, unknownKey } from "./field.ts";
import type { PortRange, ServicePort } from "./project.ts";

const SHORT_FORM =
  'write "HOST:CONTAINER" like "8080:80", optionally with a host address and protocol: "127.0.0.1:8080:80/udp"';
const LONG_KEYS = ["target", "published", "host_ip", "protocol", "mode", "name", "app_protocol"];

/** One element of `ports:`, in the short or the long syntax. */
export function readPort(field: Field): ServicePort {
  return field.tree.kind === "map" ? readLong(field) : readShort(field);
}

function readShort(field: Field): ServicePort {
  const [rest, protocol, ...more] = field.name(SHORT_FORM).split("/") as [string, string?, ...string[]];
  if (more.length > 0) throw field.fail(SHORT_FORM);
  const lastColon = rest.lastIndexOf(":");
  const target = parseRange(rest.slice(lastColon + 1));
  if (target === undefined) throw field.fail(SHORT_FORM);
  const hostPart = lastColon < 0 ? "" : rest.slice(0, lastColon);
  // What is left is "PORT", "IP:PORT" or "IP:" (a free port of that address); an IPv6 address has colons of its own.
  const hostColon = hostPart.lastIndexOf(":");
  const hostText = hostPart.slice(hostColon + 1);
  const published = hostText === "" ? undefined : parseRange(hostText);
  if (hostText !== "" && published === undefined) throw field.fail(SHORT_FORM);
  if (lastColon >= 0 && hostPart === "") throw field.fail(SHORT_FORM);
  const hostIp = hostColon < 0 ? undefined : hostAddress(field, hostPart.slice(0, hostColon));
  return checked(field, { protocol: readProtocol(field, protocol), target, published, hostIp });
}

function readLong(field: Field): ServicePort {
  let target: PortRange | undefined;
  let published: PortRange | undefined;
  let hostIp: string | undefined;
  let protocol: string | undefined;
  let appProtocol: string | undefined;
  for (const [key, value] of field.entries(SHORT_FORM)) {
    switch (key) {
      case "target":
        target = { first: value.integer(1, 65535), count: 1 };
        break;
      case "published": {
        const right = 'write a port or a range of ports like "8080" or "8080-8089"';
        const text = value.text(right);
        published = text === "" || text === "0" ? undefined : parseRange(text);
        if (published === undefined && text !== "" && text !== "0") throw value.fail(right);
        break;
      }
      case "host_ip":
        hostIp = hostAddress(value, value.name("write an IP address of the host"));
        break;
      case "protocol":
        protocol = readProtocol(value, value.name("write tcp, udp or sctp"));
        break;
      case "mode":
        // Both publish on this machine: there is one machine.
        if (!["host", "ingress"].includes(value.text("write host or ingress"))) {
          throw value.fail("write host or ingress");
        }
        break;
      case "app_protocol":
        appProtocol = value.text("write a protocol's name like http");
        break;
      case "name":
        value.text("write a name");
        break;
      default:
        if (!key.startsWith("x-")) throw unknownKey(value, key, LONG_KEYS);
    }
  }
  if (target === undefined) throw field.fail("target is missing: the port in the sandbox, like target: 80");
  return checked(field, { protocol: readProtocol(field, protocol), target, published, hostIp, appProtocol });
}

function checked(
  field: Field,
  port: {
    protocol: ServicePort["protocol"];
    target: PortRange;
    published: PortRange | undefined;
    hostIp: string | undefined;
    appProtocol?: string | undefined;
  },
): ServicePort {
  const { target, published } = port;
  if (published !== undefined && target.count > 1 && target.count !== published.count) {
    const counts = `${published.count} on the host, ${target.count} in the sandbox`;
    throw field.fail(`both ranges must have the same number of ports (${counts})`);
  }
  return {
    protocol: port.protocol,
    target,
    ...(published === undefined ? {} : { published }),
    ...(port.hostIp === undefined ? {} : { hostIp: port.hostIp }),
    ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    place: field.place(),
  };
}

function readProtocol(field: Field, text: string | undefined): ServicePort["protocol"] {
  if (text === undefined) return "tcp";
  if (text === "tcp" || text === "udp" || text === "sctp") return text;
  throw field.fail("the protocol must be tcp, udp or sctp");
}

function hostAddress(field: Field, text: string): string {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const ip = tryParseIp(bare);
  if (ip === undefined) throw field.fail(`${JSON.stringify(bare)} is not an IP address of the host`);
  return ip;
}

/** `80` or `8000-8009`. */
function parseRange(text: string): PortRange | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return first < 1 || last > 65535 || last < first ? undefined : { first, count: last - first + 1 };
}

/**
 * The mapping of one replica in Docker's spelling (`127.0.0.1:8000-8009:80-89/udp`). Of a published range with a single
 * target, replica n gets the n-th port.
 */
export function publishText(port: ServicePort, replica: number): string {
  const { target, published } = port;
  const spread = published !== undefined && target.count === 1 && published.count > 1;
  const host = spread ? { first: published.first + replica - 1, count: 1 } : published;
  const ip =
    port.hostIp === undefined ? "" : `${port.hostIp.includes(":") ? `[${port.hostIp}]` : port.hostIp}:`;
  const hostText = host === undefined ? (ip === "" ? "" : ":") : `${rangeText(host)}:`;
  return `${ip}${hostText}${rangeText(target)}/${port.protocol}`;
}

function rangeText(range: PortRange): string {
  return range.count === 1 ? String(range.first) : `${range.first}-${range.first + range.count - 1}`;
}

/** How many replicas can publish this port side by side; infinite where free ports are taken. */
export function replicaRoom(port: ServicePort): number {
  if (port.published === undefined) return Number.POSITIVE_INFINITY;
  return port.target.count > 1 ? 1 : port.published.count;
}
