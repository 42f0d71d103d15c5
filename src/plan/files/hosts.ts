import { familyOf, type Ip } from "../../base/ip.ts";
import type { ExtraHost } from "../../model/sandbox.ts";
import { checkWord } from "./words.ts";

export interface HostsFile {
  /** May be a full name with dots. */
  readonly hostname: string;
  /** Empty when there is none, or when `hostname` has it already. */
  readonly domainname: string;
  /** The sandbox's own addresses, each gets a line. */
  readonly addresses: readonly Ip[];
  readonly extraHosts: readonly ExtraHost[];
  /** Without IPv6 in the sandbox its lines are left out: they would only lead programs astray. */
  readonly ipv6: boolean;
}

const localhost4: readonly string[] = ["127.0.0.1\tlocalhost"];
/** As Debian and Docker write them; the `fe00::` and `ff00::` lines are there for old software's sake. */
const localhost6: readonly string[] = [
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "ff00::\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

/** The text of `/etc/hosts`. Throws `invalid` for a name that is not one word. */
export function formatHosts(file: HostsFile): string {
  const usable = (ip: Ip): boolean => file.ipv6 || familyOf(ip) === 4;
  const own = ownNames(file).join(" ");
  const extra = file.extraHosts
    .map(({ name, ip }, i) => ({ ip, name: checkWord(name, `extraHosts[${i}]`, "hosts.write") }))
    .filter(({ ip }) => usable(ip));
  return [
    ...localhost4,
    ...(file.ipv6 ? localhost6 : []),
    ...extra.map(({ name, ip }) => `${ip}\t${name}`),
    ...file.addresses.filter(usable).map((ip) => `${ip}\t${own}`),
    "",
  ].join("\n");
}

/**
 * The full name first, then the bare one: `gethostbyname` takes the first as canonical. Users give a full name either in two
 * parts or as the hostname alone.
 */
function ownNames(file: HostsFile): readonly string[] {
  const hostname = checkWord(file.hostname, "hostname", "hosts.write");
  const full =
    file.domainname === ""
      ? hostname
      : `${hostname}.${checkWord(file.domainname, "domainname", "hosts.write")}`;
  const dot = full.indexOf(".");
  return dot < 0 ? [full] : [full, full.slice(0, dot)];
}

/** The text of `/etc/hostname`. */
export function formatHostname(hostname: string): string {
  return `${checkWord(hostname, "hostname", "hostname.write")}\n`;
}
