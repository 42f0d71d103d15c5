import type { CommandSpec } from "../spec.ts";
import { NETWORK_COMMANDS } from "./network.ts";
import { NETWORK_RULE_COMMANDS } from "./network-rules.ts";
import { PORT_COMMANDS } from "./port.ts";
import { PROJECT_COMMANDS } from "./project.ts";
import { SANDBOX_COMMANDS } from "./sandbox.ts";
import { SYSTEM_COMMANDS } from "./system.ts";

/** Every command of netdock: parser, help and completion are all made from this. */
export const COMMANDS: readonly CommandSpec[] = [
  ...PROJECT_COMMANDS,
  ...SANDBOX_COMMANDS,
  ...PORT_COMMANDS,
  ...NETWORK_COMMANDS,
  ...NETWORK_RULE_COMMANDS,
  ...SYSTEM_COMMANDS,
];

/** Commands that only group others. */
export const GROUPS: Readonly<Record<string, string>> = {
  port: "List, publish and withdraw ports of sandboxes, live",
  network: "Make, list, join and remove networks",
};
