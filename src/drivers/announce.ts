import { invalid } from "../base/errors.ts";

/** Docker's keys (libnetwork `netlabel`). */
export const ANNOUNCE_OPTION = {
  times: "com.docker.network.advertise_addr_nmsgs",
  interval: "com.docker.network.advertise_addr_ms",
} as const;

/** How an endpoint's addresses are announced on its link: ARP for IPv4, neighbour advertisements for IPv6. */
export interface AnnounceOptions {
  /** 0: not at all. */
  readonly times: number;
  readonly intervalMs: number;
}

/** Throws `invalid` for a number that Docker refuses, too. An empty value counts as absent. */
export function parseAnnounceOptions(options: Readonly<Record<string, string>>): AnnounceOptions {
  return {
    times: parseWhole(options, ANNOUNCE_OPTION.times, { from: 0, to: 3, absent: 3 }),
    intervalMs: parseWhole(options, ANNOUNCE_OPTION.interval, { from: 100, to: 2000, absent: 1000 }),
  };
}

function parseWhole(
  options: Readonly<Record<string, string>>,
  key: string,
  { from, to, absent }: { readonly from: number; readonly to: number; readonly absent: number },
): number {
  const text = options[key];
  if (text === undefined || text === "") return absent;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  throw invalid(`options.${key}`, text, `write a whole number from ${from} to ${to}`, "network.create");
}
