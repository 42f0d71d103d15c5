import type { CommandSpec } from "../spec.ts";
import { JSON_FLAG } from "./shared.ts";

const SANDBOX = { name: "SANDBOX", text: "name, id or unique start of an id", complete: "sandbox" } as const;

/** `netdock port …` */
export const PORT_COMMANDS: readonly CommandSpec[] = [
  {
    path: "port ls",
    summary: "List the published ports of a sandbox",
    description:
      "Lists where each published port of a sandbox is reached. With PORT, a port of the sandbox, it prints the addresses on " +
      "the host that lead there, one a line. `netdock port SANDBOX` is the same.",
    args: [SANDBOX, { name: "[PORT]", text: "port of the sandbox, like 80 or 53/udp" }],
    flags: [JSON_FLAG],
    examples: [
      ["netdock port ls web", "what web publishes"],
      ["netdock port web 80", "where its port 80 is reached"],
    ],
    isDefault: true,
    load: async () => ({ run: (await import("../commands/port.ts")).runPortLs }),
  },
  {
    path: "port add",
    summary: "Publish further ports of a sandbox, live",
    description:
      "Publishes ports of a sandbox that runs: all of them, or none. A port that is taken is refused with the name of who has " +
      "it, and nothing changes. With ,from=CIDR a port lets in only what comes from there: other sandboxes are judged by their " +
      "own address, the host itself may always. The ports last as long as the sandbox.",
    args: [
      SANDBOX,
      {
        name: "PORTS...",
        text: "[[HOST-IP:]HOST-PORT:]PORT[/PROTOCOL][,from=CIDR...], ranges too; as run -p takes it",
      },
    ],
    flags: [JSON_FLAG],
    examples: [
      ["netdock port add web 8080:80", "port 8080 of the host leads to port 80 of web"],
      ["netdock port add web 127.0.0.1:8443:443 53:53/udp", "two at once"],
      [
        "netdock port add web 8080:80,from=192.0.2.0/24,from=2001:db8::7",
        "only these may use it, and the host itself",
      ],
    ],
    load: async () => ({ run: (await import("../commands/port.ts")).runPortAdd }),
  },
  {
    path: "port allow",
    summary: "Say who may use published ports of a sandbox, live",
    description:
      "Changes the allow-list of ports that are published: ,from=CIDR behind a port names who may use it from now on, in place " +
      "of what was said before; without it everybody may. The port is never closed meanwhile, and connections that stand are not " +
      "cut. If one of the ports is not published, nothing changes.",
    args: [SANDBOX, { name: "PORTS...", text: "[[HOST-IP:]HOST-PORT:]PORT[/PROTOCOL][,from=CIDR...]" }],
    flags: [JSON_FLAG],
    examples: [
      ["netdock port allow web 8080:80,from=192.0.2.0/24", "only these may use it, and the host itself"],
      ["netdock port allow web 8080:80", "everybody may again"],
    ],
    load: async () => ({ run: (await import("../commands/port.ts")).runPortAllow }),
  },
  {
    path: "port rm",
    summary: "Withdraw published ports of a sandbox, live",
    description:
      "Withdraws ports, named as they were published. Without the host's port, all that lead to that port of the sandbox go. " +
      "Connections that stand are not cut. If one of the ports is not published, all stay.",
    args: [SANDBOX, { name: "PORTS...", text: "[[HOST-IP:]HOST-PORT:]PORT[/PROTOCOL]" }],
    flags: [JSON_FLAG],
    examples: [
      ["netdock port rm web 8080:80", "no new connection gets through"],
      ["netdock port rm web 80", "nothing leads to port 80 of web any more"],
    ],
    load: async () => ({ run: (await import("../commands/port.ts")).runPortRm }),
  },
];
