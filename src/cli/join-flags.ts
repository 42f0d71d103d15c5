import type { CliContext } from "./context.ts";
import type { EndpointRequest, SandboxRequest } from "./client.ts";
import { labelsOf } from "./environment.ts";
import { badFlag, type Flags, parseInteger, splitPair } from "./flags.ts";
import { didYouMean } from "./text/nearest.ts";

/** The part of a sandbox that `run` and `attach` have in common. */
export async function joinRequest(context: CliContext, flags: Flags): Promise<SandboxRequest> {
  const dns = {
    servers: flags.list("dns"),
    search: flags.list("dnsSearch"),
    options: flags.list("dnsOption"),
  };
  return {
    name: flags.text("name"),
    hostname: flags.text("hostname"),
    domainname: flags.text("domainname"),
    labels: await labelsOf(context, flags),
    networks: networksOf(flags),
    publish: flags.list("publish"),
    ...(flags.list("expose").length === 0 ? {} : { expose: flags.list("expose") }),
    ...(flags.has("publishAll") ? { publishAll: true } : {}),
    dns: Object.values(dns).every((list) => list.length === 0) ? undefined : dns,
    extraHosts: flags.list("addHost").map(extraHost),
    sysctls: flags.fullPairs("sysctl", "a setting like net.ipv4.ip_forward=1"),
  };
}

/** Docker takes `name:ip` and `name=ip`; the API the former. */
function extraHost(text: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(text);
  if (match === null) throw badFlag("--add-host", text, "write name:address like db:10.5.0.9");
  return `${match[1]}:${(match[2] as string).replace(/^\[(.*)\]$/, "$1")}`;
}

/**
 * `--network` in both forms, and the flags that speak of the first network (--network-alias, --ip, --ip6, --mac-address).
 * undefined leaves the choice to the daemon.
 */
export function networksOf(flags: Flags): readonly EndpointRequest[] | undefined {
  const networks = flags.list("network").map(parseNetwork);
  const first: Omit<EndpointRequest, "network"> = {
    ...(flags.list("networkAlias").length === 0 ? {} : { aliases: flags.list("networkAlias") }),
    ...(flags.list("link").length === 0 ? {} : { links: flags.list("link") }),
    ...(flags.list("linkLocalIp").length === 0 ? {} : { linkLocalIps: flags.list("linkLocalIp") }),
    ...present("ipv4", flags.text("ip")),
    ...present("ipv6", flags.text("ip6")),
    ...present("mac", flags.text("macAddress")),
  };
  if (Object.keys(first).length === 0) return networks.length === 0 ? undefined : networks;
  const [head = { network: "bridge" }, ...rest] = networks;
  for (const key of Object.keys(first) as (keyof typeof first)[]) {
    // The same thing said twice, once for the network and once in general, is most likely a mistake.
    if (head[key] !== undefined)
      throw badFlag("--network", head.network, `${GENERAL[key] ?? key} says this as well: keep one`);
  }
  return [{ ...head, ...first }, ...rest];
}

const GENERAL: Readonly<Record<string, string>> = {
  aliases: "--network-alias",
  links: "--link",
  linkLocalIps: "--link-local-ip",
  ipv4: "--ip",
  ipv6: "--ip6",
  mac: "--mac-address",
};

function present<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: string });
}

const LONG_KEYS = [
  "name",
  "alias",
  "link",
  "ip",
  "ip6",
  "link-local-ip",
  "mac-address",
  "gw-priority",
  "ifname",
  "driver-opt",
];

/** `front`, or Docker's long form `name=front,alias=www,ip=10.5.0.9,…`: a CSV line, so quotes keep commas together. */
export function parseNetwork(text: string): EndpointRequest {
  if (!text.includes("=")) return { network: text };
  let network: string | undefined;
  const aliases: string[] = [];
  const links: string[] = [];
  const linkLocalIps: string[] = [];
  const options: Record<string, string> = {};
  const rest: { ipv4?: string; ipv6?: string; mac?: string; gwPriority?: number; interfaceName?: string } =
    {};
  for (const field of csvFields(text)) {
    const at = field.indexOf("=");
    const key = (at < 0 ? field : field.slice(0, at)).trim().toLowerCase();
    const value = at < 0 ? "" : field.slice(at + 1);
    if (!LONG_KEYS.includes(key)) {
      throw badFlag(
        "--network",
        text,
        `keys are ${LONG_KEYS.join(", ")}, not ${JSON.stringify(key)}${didYouMean(key, LONG_KEYS)}`,
      );
    }
    if (value === "") throw badFlag("--network", text, `${key} needs a value: ${key}=…`);
    if (key === "name") network = value;
    else if (key === "alias") aliases.push(value);
    else if (key === "link") links.push(value);
    else if (key === "ip") rest.ipv4 = value;
    else if (key === "ip6") rest.ipv6 = value;
    else if (key === "link-local-ip") linkLocalIps.push(value);
    else if (key === "mac-address") rest.mac = value;
    else if (key === "gw-priority")
      rest.gwPriority = parseInteger(value, "--network gw-priority", -(2 ** 31), 2 ** 31 - 1);
    else if (key === "ifname") rest.interfaceName = value;
    else {
      const [option, optionValue] = splitPair(value, "--network driver-opt");
      options[option] = optionValue;
    }
  }
  if (network === undefined) throw badFlag("--network", text, "the long form needs name=NETWORK");
  return {
    network,
    ...(aliases.length === 0 ? {} : { aliases }),
    ...(links.length === 0 ? {} : { links }),
    ...(linkLocalIps.length === 0 ? {} : { linkLocalIps }),
    ...rest,
    ...(Object.keys(options).length === 0 ? {} : { options }),
  };
}

/** One line of RFC 4180: fields apart by commas, a field in double quotes may hold some. */
function csvFields(line: string): string[] {
  const fields = line.match(/(?:"(?:[^"]|"")*"|[^,])+/g) ?? [];
  return fields.map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field));
}
