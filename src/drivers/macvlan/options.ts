import { invalid } from "../../base/errors.ts";
import { ANNOUNCE_OPTION, type AnnounceOptions, parseAnnounceOptions } from "../announce.ts";
import { LINK_OPTION, type LinkOptions, parseLinkName, parseLinkOptions, unknownOption } from "../options.ts";

/** Docker's keys (libnetwork, drivers/macvlan). */
export const MACVLAN_OPTION = { parent: "parent", mode: "macvlan_mode" } as const;

/** How links on one parent see each other (macvlan_handle_frame in drivers/net/macvlan.c). */
export const MACVLAN_MODES = ["bridge", "private", "vepa", "passthru"] as const;
export type MacvlanMode = (typeof MACVLAN_MODES)[number];

export interface MacvlanOptions extends LinkOptions {
  /** Link of the host that leads to the LAN; absent: the network is a LAN of its own, without a way out. */
  readonly parent: string | undefined;
  readonly mode: MacvlanMode;
  readonly announce: AnnounceOptions;
}

const OP = "network.create";

/** Throws `invalid` for a malformed value or an unknown key. An empty value counts as absent. */
export function parseMacvlanOptions(options: Readonly<Record<string, string>>): MacvlanOptions {
  const known = [MACVLAN_OPTION, LINK_OPTION, ANNOUNCE_OPTION].flatMap((keys) => Object.values<string>(keys));
  for (const [key, value] of Object.entries(options)) {
    if (!known.includes(key)) throw unknownOption(key, value, known, "macvlan", OP);
  }
  return {
    ...parseLinkOptions(options),
    parent: parseParent(options[MACVLAN_OPTION.parent]),
    mode: parseMode(options[MACVLAN_OPTION.mode]),
    announce: parseAnnounceOptions(options),
  };
}

function parseParent(text: string | undefined): string | undefined {
  const field = `options.${MACVLAN_OPTION.parent}`;
  if (text === "lo") throw invalid(field, text, "loopback leads to no LAN; name another link", OP);
  return parseLinkName(text, field, OP);
}

function parseMode(text: string | undefined): MacvlanMode {
  if (text === undefined || text === "") return "bridge";
  const mode = MACVLAN_MODES.find((one) => one === text);
  if (mode !== undefined) return mode;
  throw invalid(`options.${MACVLAN_OPTION.mode}`, text, `use one of ${MACVLAN_MODES.join(", ")}`, OP);
}
