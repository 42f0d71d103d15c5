import type { CommandSpec } from "../spec.ts";
import { NETWORK_COMMANDS } from "./network.ts";
import { PROJECT_COMMANDS } from "./project.ts";
import { SANDBOX_COMMANDS } from "./sandbox.ts";
import { SYSTEM_COMMANDS } from "./system.ts";

/** Every command of netdock: parser, help and completion are all made from this. */
export const COMMANDS: readonly CommandSpec[] = [
  ...PROJECT_COMMANDS,
  ...SANDBOX_COMMANDS,
  ...NETWORK_COMMANDS,
  ...SYSTEM_COMMANDS,
];

/** Commands that only group others. */
export const GROUPS: Readonly<Record<string, string>> = { network: "Make, list, join and remove networks" };
