import { isCovered, PREFIX } from "./docker-user.ts";

/** Names of bridges as a firewall's zone takes them: one for all that netdock makes up, and those of users one by one. */
export function zoneLinks(bridges: readonly string[]): string[] {
  if (bridges.length === 0) return [];
  return [`${PREFIX}+`, ...bridges.filter((name) => !isCovered(name)).toSorted()];
}
