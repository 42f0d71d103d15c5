import { tryParseBool } from "../../base/bool.ts";
import { invalid, NetError } from "../../base/errors.ts";
import { type Family, familyOf, type Ip, isUnspecified, parseIp } from "../../base/ip.ts";
import { GATEWAY_MODES, type GatewayMode } from "../../plan/firewall/index.ts";
import { ANNOUNCE_OPTION, type AnnounceOptions, parseAnnounceOptions } from "../announce.ts";
import { LINK_OPTION, type LinkOptions, parseLinkName, parseLinkOptions, unknownOption } from "../options.ts";

/** Docker's keys (libnetwork `netlabel` and the bridge driver's labels). */
export const BRIDGE_OPTION = {
  name: "com.docker.network.bridge.name",
  icc: "com.docker.network.bridge.enable_icc",
  masquerade: "com.docker.network.bridge.enable_ip_masquerade",
  hostBinding4: "com.docker.network.bridge.host_binding_ipv4",
  gatewayMode4: "com.docker.network.bridge.gateway_mode_ipv4",
  gatewayMode6: "com.docker.network.bridge.gateway_mode_ipv6",
  inhibit4: "com.docker.network.bridge.inhibit_ipv4",
  trusted: "com.docker.network.bridge.trusted_host_interfaces",
  defaultBridge: "com.docker.network.bridge.default_bridge",
  source4: "com.docker.network.host_ipv4",
  source6: "com.docker.network.host_ipv6",
} as const;

export interface BridgeOptions extends LinkOptions {
  /** Link name of the bridge; absent: `nd-` and the first 12 digits of the network's id. */
  readonly bridgeName: string | undefined;
  /** Members of this bridge may talk to each other. */
  readonly icc: boolean;
  readonly masquerade: boolean;
  readonly gatewayMode4: GatewayMode;
  readonly gatewayMode6: GatewayMode;
  /** The bridge gets no IPv4 address; somebody else on the wire has the gateway's. */
  readonly inhibit4: boolean;
  /** Links of the host that may reach published ports at the members' own addresses. */
  readonly trusted: readonly string[];
  /** Source address of traffic that leaves by NAT; absent: that of the link it leaves by. */
  readonly source4: Ip | undefined;
  readonly source6: Ip | undefined;
  /** Host address for published ports that name none; absent: all addresses. */
  readonly hostBinding: Ip | undefined;
  readonly announce: AnnounceOptions;
}

const OP = "network.create";

/** Parses once; throws `invalid` for a malformed value or an unknown key. An empty value counts as absent. */
export function parseBridgeOptions(options: Readonly<Record<string, string>>): BridgeOptions {
  const known = new Set<string>(
    [BRIDGE_OPTION, LINK_OPTION, ANNOUNCE_OPTION].flatMap((keys) => Object.values(keys)),
  );
  for (const key of Object.keys(options)) {
    if (!known.has(key)) throw unknownOption(key, options[key], [...known], "bridge", OP);
  }
  // Said of the predefined network only; its value changes nothing, but nonsense is refused.
  parseBool(options, BRIDGE_OPTION.defaultBridge, false);
  return {
    bridgeName: parseLinkName(options[BRIDGE_OPTION.name], `options.${BRIDGE_OPTION.name}`, OP),
    icc: parseBool(options, BRIDGE_OPTION.icc, true),
    masquerade: parseBool(options, BRIDGE_OPTION.masquerade, true),
    hostBinding: parseBinding(options[BRIDGE_OPTION.hostBinding4]),
    gatewayMode4: parseMode(options, BRIDGE_OPTION.gatewayMode4),
    gatewayMode6: parseMode(options, BRIDGE_OPTION.gatewayMode6),
    inhibit4: parseBool(options, BRIDGE_OPTION.inhibit4, false),
    trusted: parseTrusted(options[BRIDGE_OPTION.trusted]),
    source4: parseSource(options, BRIDGE_OPTION.source4, 4),
    source6: parseSource(options, BRIDGE_OPTION.source6, 6),
    ...parseLinkOptions(options),
    announce: parseAnnounceOptions(options),
  };
}

function parseBool(options: Readonly<Record<string, string>>, key: string, absent: boolean): boolean {
  const text = options[key];
  if (text === undefined || text === "") return absent;
  const value = tryParseBool(text);
  if (value !== undefined) return value;
  throw invalid(`options.${key}`, text, 'write "true" or "false"', OP);
}

function parseBinding(text: string | undefined): Ip | undefined {
  if (text === undefined || text === "") return undefined;
  const field = `options.${BRIDGE_OPTION.hostBinding4}`;
  return parseIp(text, field, OP);
}

/** Docker's words (newGwMode and parseErr of its bridge driver), and what would be right. */
function parseMode(options: Readonly<Record<string, string>>, key: string): GatewayMode {
  const text = options[key];
  if (text === undefined || text === "") return "nat";
  const mode = GATEWAY_MODES.find((one) => one === text);
  if (mode !== undefined) return mode;
  const remedy = `use one of ${GATEWAY_MODES.join(", ")}`;
  throw new NetError("invalid", OP, {
    message: `options.${key}: failed to parse ${key} value: ${text} (unknown gateway mode ${text}): ${remedy}`,
    field: `options.${key}`,
    value: text,
    remedy,
  });
}

function parseTrusted(text: string | undefined): string[] {
  const field = `options.${BRIDGE_OPTION.trusted}`;
  const names = (text ?? "").split(":").flatMap((name) => parseLinkName(name, field, OP) ?? []);
  return [...new Set(names)];
}

function parseSource(options: Readonly<Record<string, string>>, key: string, family: Family): Ip | undefined {
  const text = options[key];
  if (text === undefined || text === "") return undefined;
  const ip = parseIp(text, `options.${key}`, OP);
  if (familyOf(ip) === family && !isUnspecified(ip)) return ip;
  throw invalid(`options.${key}`, text, `give an IPv${family} address of the host`, OP);
}

/** What belongs together: modes, families and `internal`. Refused before anything is made. */
export function checkModes(options: BridgeOptions, internal: boolean): void {
  if (internal) return;
  for (const [mode, key] of [
    [options.gatewayMode4, BRIDGE_OPTION.gatewayMode4],
    [options.gatewayMode6, BRIDGE_OPTION.gatewayMode6],
  ] as const) {
    if (mode !== "isolated") continue;
    const remedy = "make the network internal, or choose another mode";
    throw new NetError("invalid", OP, {
      message: `options.${key}: gateway mode 'isolated' can only be used for an internal network: ${remedy}`,
      field: `options.${key}`,
      value: mode,
      remedy,
    });
  }
}
