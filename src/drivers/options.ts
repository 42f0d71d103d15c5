import { invalid, type NetError } from "../base/errors.ts";
import type { Network } from "../model/network.ts";

/** A link name the kernel takes (dev_valid_name in net/core/dev.c): 1 to 15 bytes, no slash, colon or space. */
export function parseLinkName(text: string | undefined, field: string, op: string): string | undefined {
  if (text === undefined || text === "") return undefined;
  const right = "write 1 to 15 letters, digits, '.', '_' or '-'";
  if (/^[A-Za-z0-9_.-]{1,15}$/.test(text) && text !== "." && text !== "..") return text;
  throw invalid(field, text, right, op);
}

/** Generic options of Docker's (libnetwork `netlabel`), known to every driver that makes links. */
export const LINK_OPTION = {
  mtu: "com.docker.network.driver.mtu",
  prefix: "com.docker.network.container_iface_prefix",
} as const;

export interface LinkOptions {
  /** Absent: as the kernel has it. */
  readonly mtuBytes: number | undefined;
  /** Prefix for names of links in sandboxes. */
  readonly interfacePrefix: string;
}

export function parseLinkOptions(options: Readonly<Record<string, string>>): LinkOptions {
  return {
    mtuBytes: parseMtu(options[LINK_OPTION.mtu]),
    interfacePrefix: parsePrefix(options[LINK_OPTION.prefix]),
  };
}

/** IPv4 needs 68 bytes (RFC 791); the kernel's veth and bridge end at 65,535. */
function parseMtu(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const mtu = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (mtu >= 68 && mtu <= 65_535) return mtu;
  const right = "write a whole number of bytes from 68 to 65535";
  throw invalid(`options.${LINK_OPTION.mtu}`, text, right, "network.create");
}

function parsePrefix(text: string | undefined): string {
  if (text === undefined || text === "") return "eth";
  // Room for a four-digit suffix inside IFNAMSIZ.
  if (/^[A-Za-z][A-Za-z0-9_.-]{0,10}$/.test(text)) return text;
  const right = "write 1 to 11 letters, digits, '.', '_' or '-', a letter first";
  throw invalid(`options.${LINK_OPTION.prefix}`, text, right, "network.create");
}

/** Without 1,280 bytes the kernel switches IPv6 off on a link (RFC 8200 section 5). */
export function checkMtu({ mtuBytes }: LinkOptions, enableIPv6: boolean): void {
  if (!enableIPv6 || mtuBytes === undefined || mtuBytes >= 1280) return;
  const right = "IPv6 needs 1280 bytes at least";
  throw invalid(`options.${LINK_OPTION.mtu}`, String(mtuBytes), right, "network.create");
}

/** Parses a network's options at the first time only: they never change, and the attach path needs them again and again. */
export function parsedOnce<T>(
  parse: (options: Readonly<Record<string, string>>) => T,
): (network: Network) => T {
  const parsed = new WeakMap<Network, { readonly options: T }>();
  return (network) => {
    const found = parsed.get(network) ?? { options: parse(network.options) };
    parsed.set(network, found);
    return found.options;
  };
}

/** An unknown option with the nearest known one as the remedy. */
export function unknownOption(
  key: string,
  value: unknown,
  known: readonly string[],
  driver: string,
  op: "network.create" | "endpoint.attach",
): NetError {
  const last = key.slice(key.lastIndexOf(".") + 1);
  const near = last.length < 3 ? undefined : known.find((k) => k.endsWith(last));
  const right =
    near === undefined ? `the ${driver} driver knows ${known.join(", ") || "no options"}` : `use ${near}`;
  return invalid(`options.${key}`, value, `${key} is not an option of the ${driver} driver; ${right}`, op);
}
