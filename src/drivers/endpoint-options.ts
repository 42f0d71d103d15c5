import { invalid } from "../base/errors.ts";
import type { EndpointRequest } from "../model/endpoint.ts";
import { parseLinkName, unknownOption } from "./options.ts";

/** Docker's keys for options of one endpoint (libnetwork `netlabel`). */
export const ENDPOINT_OPTION = {
  /** Name of the link inside the sandbox. */
  ifname: "com.docker.network.endpoint.ifname",
  /** `net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.accept_ra=2` */
  sysctls: "com.docker.network.endpoint.sysctls",
} as const;

const OP = "endpoint.attach";

/** A sysctl of the endpoint's own link. */
export interface EndpointSysctl {
  /** As sysctl(8) spells it, for a link of the given name. */
  readonly keyFor: (link: string) => string;
  /** `ipv6.conf.disable_ipv6`: without the link's name. */
  readonly what: string;
  readonly value: string;
}

/** Throws `invalid` naming the option, its value and what is right. */
export function checkEndpointOptions(request: EndpointRequest, driver: string): void {
  const known: readonly string[] = Object.values(ENDPOINT_OPTION);
  for (const [key, value] of Object.entries(request.options ?? {})) {
    if (!known.includes(key)) throw unknownOption(key, value, known, driver, OP);
  }
  parseLinkName(request.options?.[ENDPOINT_OPTION.ifname], `options.${ENDPOINT_OPTION.ifname}`, OP);
  if (!disablesIpv6(request.options) || request.ipv6 === undefined) return;
  const right = "the endpoint's sysctls disable IPv6 on its link; leave out the one or the other";
  throw invalid("ipv6", request.ipv6, right, OP);
}

/** Parses the sysctls of an endpoint; none where the option is absent or empty. */
export function parseEndpointSysctls(
  options: Readonly<Record<string, string>> | undefined,
): EndpointSysctl[] {
  const text = options?.[ENDPOINT_OPTION.sysctls];
  return text === undefined || text === "" ? [] : text.split(",").map(parseSysctl);
}

/** Whether the sysctls leave the endpoint without IPv6: it then gets no address of that family. */
export function disablesIpv6(options: Readonly<Record<string, string>> | undefined): boolean {
  const found = parseEndpointSysctls(options).findLast(({ what }) => what === "ipv6.conf.disable_ipv6");
  return found !== undefined && found.value !== "0";
}

/** Docker's form: five parts, the fourth of which stands for the link, and a branch that has settings of links. */
function parseSysctl(text: string): EndpointSysctl {
  const match = /^net\.(ipv4|ipv6|mpls)\.([\w-]+)\.(?:IFNAME|ifname)\.([\w-]+)=([^,\n]+)$/.exec(text.trim());
  if (match === null) {
    const right = "write net.X.Y.IFNAME.Z=VALUE with X one of ipv4, ipv6, mpls, several separated by commas";
    throw invalid(`options.${ENDPOINT_OPTION.sysctls}`, text, right, OP);
  }
  const [, branch, group, name, value] = match as unknown as [string, string, string, string, string];
  return {
    // A dot within a part is written '/', as sysctl(8) does.
    keyFor: (link) => `net.${branch}.${group}.${link.replaceAll(".", "/")}.${name}`,
    what: `${branch}.${group}.${name}`,
    value,
  };
}
