import type { CommandSpec } from "../spec.ts";
import { JSON_FLAG } from "./shared.ts";

const FILE = {
  name: "[FILE]",
  text: "Compose file (compose.yaml or docker-compose.yaml here)",
  complete: "file",
} as const;
const FILE_FLAG = {
  flags: "-f, --file <file>",
  text: "the same, as docker compose takes it",
  complete: "file",
} as const;
const PROJECT_NAME = {
  flags: "-p, --project-name <name>",
  text: "name of the project (the file's, or the folder's)",
};

/** Commands about the projects of Compose files. */
export const PROJECT_COMMANDS: readonly CommandSpec[] = [
  {
    path: "up",
    summary: "Bring up the services of a Compose file",
    description:
      "Makes the networks of the file and starts each service's command, from the host's file system, in a sandbox of its own. " +
      "Returns when everything is ready: commands run, published ports are listened on, health checks pass. What is up and " +
      "unchanged stays as it is. If anything fails, what this call made is removed. Starts a daemon if none answers.",
    args: [FILE],
    flags: [
      FILE_FLAG,
      PROJECT_NAME,
      { flags: "--scale <service=number>", text: "number of sandboxes of a service", repeat: true },
      { flags: "--profile <name>", text: "also services of this profile", repeat: true },
      {
        flags: "--ignore-unsupported",
        text: "warn about keys on images, volumes and the like instead of refusing them",
      },
      { flags: "--remove-orphans", text: "remove sandboxes of services that the file no longer has" },
      { flags: "--force-recreate", text: "make every sandbox anew, changed or not" },
      {
        flags: "--timeout <seconds>",
        text: "how long a service may take until its ports are listened on (60; 0: do not wait)",
      },
      { flags: "-d, --detach", text: "always so: services run in the background", hidden: true },
      JSON_FLAG,
    ],
    examples: [
      ["netdock up", "the compose.yaml of this folder"],
      ["netdock up examples/shop.yaml", "another file"],
      ["netdock up --scale web=3", "three sandboxes of the service web"],
    ],
    load: async () => ({ run: (await import("../commands/up.ts")).runUp }),
  },
  {
    path: "down",
    summary: "Remove what `up` made",
    description:
      "Ends the services of a project and removes their sandboxes and networks. Without FILE and -p, it is the project of the " +
      "Compose file here, else the only one there is. Stops the daemon if `up` started it and nothing else uses it.",
    args: [FILE],
    flags: [
      FILE_FLAG,
      PROJECT_NAME,
      { flags: "-t, --timeout <seconds>", text: "seconds until a command that does not end is killed (10)" },
      JSON_FLAG,
    ],
    examples: [
      ["netdock down", "the project of this folder, or the only one"],
      ["netdock down -p shop", "a project by name"],
    ],
    load: async () => ({ run: (await import("../commands/down.ts")).runDown }),
  },
  {
    path: "status",
    summary: "Show the daemon and who is where and reachable how",
    args: [{ name: "[PROJECT]", text: "only this project" }],
    flags: [JSON_FLAG],
    examples: [["netdock status", "the daemon, every project and its services"]],
    load: async () => ({ run: (await import("../commands/status.ts")).runStatus }),
  },
];
