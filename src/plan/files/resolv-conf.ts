import { familyOf, isLoopback, parseIp, tryParseIp, type Ip } from "../../base/ip.ts";
import { checkWord } from "./words.ts";

/** What resolv.conf(5) says that netdock understands. */
export interface ResolvConf {
  /** In the order in which they are asked. The C libraries take the first three. */
  readonly nameservers: readonly Ip[];
  /** Domains tried after a name that is too short (`ndots`). */
  readonly search: readonly string[];
  /** `ndots:0`, `edns0`, … each one word. */
  readonly options: readonly string[];
  /** Lines of the host's file that netdock does not understand (`sortlist …`), as they are; absent: none. */
  readonly other?: readonly string[] | undefined;
}

/** What the user asked for with `--dns`, `--dns-search` and `--dns-option`; an empty list: nothing, take the host's. */
export interface DnsWishes {
  readonly servers: readonly Ip[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** Where the embedded resolver listens in every sandbox that has one. */
export const EMBEDDED_RESOLVER: Ip = parseIp("127.0.0.11");

/** Asked when the host has no resolver that a sandbox could reach; Docker's choice, kept so that moving here changes nothing. */
const publicResolvers: readonly Ip[] = ["8.8.8.8", "8.8.4.4"].map((text) => parseIp(text));
const publicResolvers6: readonly Ip[] = ["2001:4860:4860::8888", "2001:4860:4860::8844"].map((text) =>
  parseIp(text),
);

/**
 * Reads a resolv.conf as the C libraries do: `search` (or its old name `domain`) counts the last time it comes, options add
 * up, comments begin a line with `#` or `;`. Lines with another keyword are kept as they are, for a C library that knows more;
 * passed over are words that are no address, and servers with a zone (`fe80::1%eth0`), since the zone names a link of the host.
 */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: Ip[] = [];
  let search: readonly string[] = [];
  const options: string[] = [];
  const other: string[] = [];
  for (const whole of text.split("\n")) {
    const line = whole.trim();
    const [keyword = "", ...words] = line.split(/\s+/);
    if (words.length === 0 || /^[#;]/.test(keyword)) continue;
    if (keyword === "nameserver") {
      const ip = tryParseIp(words[0] as string);
      if (ip !== undefined) nameservers.push(ip);
    } else if (keyword === "search" || keyword === "domain") search = words;
    else if (keyword === "options") options.push(...words);
    // What a line break of another kind would make of it is no business of ours.
    else if (!/[\r\u2028\u2029]/.test(line)) other.push(line);
  }
  return { nameservers, search, options, ...(other.length === 0 ? {} : { other }) };
}

/** The file's text. Throws `invalid` for a search domain or option that is not one word. */
export function formatResolvConf(conf: ResolvConf): string {
  const lines = conf.nameservers.map((ip) => `nameserver ${ip}`);
  const search = conf.search.map((domain, i) => checkWord(domain, `dns.search[${i}]`, "resolvConf.write"));
  const options = conf.options.map((option, i) => checkWord(option, `dns.options[${i}]`, "resolvConf.write"));
  if (search.length > 0) lines.push(`search ${search.join(" ")}`);
  if (options.length > 0) lines.push(`options ${options.join(" ")}`);
  lines.push(...(conf.other ?? []));
  return `${lines.join("\n")}\n`;
}

/**
 * For a sandbox with the embedded resolver: it is the only server, and the host's or the user's are asked by it, not by the
 * sandbox. Without `ndots:0` the C library would try `web.<search domain>` before `web` and so ask the outside about names
 * of the inside; a valid `ndots` of the host or the user stays.
 */
export function embeddedResolvConf(from: {
  readonly host: ResolvConf;
  readonly wishes: DnsWishes;
}): ResolvConf {
  const options = optionsOf(from.host, from.wishes).filter((option) => !isBadNdots(option));
  if (!options.some((option) => option.startsWith("ndots:"))) options.push("ndots:0");
  const search = searchOf(from.host, from.wishes);
  return { nameservers: [EMBEDDED_RESOLVER], search, options, ...otherOf(from.host) };
}

/**
 * For a sandbox on the default network, which has no embedded resolver: the user's servers, or the host's as far as they can
 * be reached from another namespace (not on loopback; IPv6 only where the sandbox has it), or public ones.
 */
export function copiedResolvConf(from: {
  readonly host: ResolvConf;
  readonly wishes: DnsWishes;
  readonly ipv6: boolean;
}): ResolvConf {
  const { host, wishes, ipv6 } = from;
  const reachable = host.nameservers.filter((ip) => !isLoopback(ip) && (ipv6 || familyOf(ip) === 4));
  const fallback = ipv6 ? [...publicResolvers, ...publicResolvers6] : publicResolvers;
  const inherited = reachable.length > 0 ? reachable : fallback;
  return {
    nameservers: wishes.servers.length > 0 ? wishes.servers : inherited,
    search: searchOf(host, wishes),
    options: optionsOf(host, wishes),
    ...otherOf(host),
  };
}

function otherOf({ other }: ResolvConf): Pick<ResolvConf, "other"> {
  return other === undefined ? {} : { other };
}

/** Whether the host's options, or the user's instead of them, say from how many dots on a name is complete. */
export function setsNdots(from: { readonly host: ResolvConf; readonly wishes: DnsWishes }): boolean {
  return optionsOf(from.host, from.wishes).some((o) => o.startsWith("ndots:") && !isBadNdots(o));
}

/** A single dot as search domain means: none at all, not even the host's (Docker's `--dns-search .`). */
function searchOf(host: ResolvConf, wishes: DnsWishes): readonly string[] {
  return wishes.search.length === 0 ? host.search : wishes.search.filter((domain) => domain !== ".");
}

function optionsOf(host: ResolvConf, wishes: DnsWishes): string[] {
  return [...(wishes.options.length === 0 ? host.options : wishes.options)];
}

/** An `ndots` without a number, which the C libraries read in ways of their own. */
function isBadNdots(option: string): boolean {
  return /^ndots(:|$)/.test(option) && !/^ndots:\d+$/.test(option);
}
