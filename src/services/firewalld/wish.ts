/** Ours, as `docker` is Docker's: what is in it passes firewalld's filters, and netdock's own table decides. */
export const ZONE = "netdock";
/** Lets in what is routed to the zone without being translated: gateway mode `routed`. At most 17 characters, as firewalld has it. */
export const POLICY = "netdock-forward";

/** By this we know what is ours. A zone of that name without it is the user's, and used as it is. */
const MARK = "Made by netdock, and taken away by it.";

/** Settings as firewalld's D-Bus interface names them (`addZone2`, `addPolicy`). */
export type Settings = Readonly<Record<string, string | readonly string[]>>;

export const ZONE_SETTINGS: Settings = { short: ZONE, description: MARK, target: "ACCEPT" };
export const POLICY_SETTINGS: Settings = {
  short: POLICY,
  description: MARK,
  target: "ACCEPT",
  ingress_zones: ["ANY"],
  egress_zones: [ZONE],
};

export function isOurs(observed: Readonly<Record<string, unknown>>): boolean {
  return observed["description"] === MARK;
}

/** Whether all that we set is as we set it. */
export function isAsWished(observed: Readonly<Record<string, unknown>>, wished: Settings): boolean {
  return Object.entries(wished).every(
    ([key, value]) => JSON.stringify(observed[key] ?? "") === JSON.stringify(value),
  );
}
