import { EXIT } from "../exit-codes.ts";
import type { CommandSpec } from "../spec.ts";
import { JOIN_FLAGS, JSON_FLAG, NO_TRUNC_FLAG, PROCESS_FLAGS, QUIET_FLAG } from "./shared.ts";

const SANDBOX = { name: "SANDBOX", text: "name, id or unique start of an id", complete: "sandbox" } as const;
const SANDBOXES = { ...SANDBOX, name: "SANDBOX..." } as const;

/** Commands about sandboxes and what runs in them. */
export const SANDBOX_COMMANDS: readonly CommandSpec[] = [
  {
    path: "run",
    summary: "Start a command in a new sandbox",
    description:
      "Makes a sandbox (a network stack of its own), joins its networks and starts the command there, from the host's file " +
      "system. In the foreground the terminal is the command's, and its exit code is netdock's; 125 says that netdock itself " +
      "failed, 126 that the command cannot be started, 127 that there is no such command. The environment is the command's " +
      "own: PATH, HOME, USER, LANG and TERM are passed on, all else by -e.",
    args: [
      { name: "COMMAND", text: "command of the host, looked up in PATH" },
      { name: "[ARG...]", text: "its arguments" },
    ],
    flags: [
      { flags: "-d, --detach", text: "run in the background and print the sandbox's id" },
      { flags: "--rm", text: "remove the sandbox when the command ends" },
      { flags: "-h, --hostname <name>", text: "host name in the sandbox (the short id)" },
      { flags: "--domainname <name>", text: "domain name in the sandbox" },
      ...JOIN_FLAGS,
      ...PROCESS_FLAGS,
      { flags: "--init", text: "the daemon collects what ends", hidden: true },
    ],
    examples: [
      ["netdock run --rm sh", "a shell with a network stack of its own"],
      [
        "netdock run -d --name web -p 8080:80 python3 -m http.server 80",
        "a web server at port 8080 of the host",
      ],
      [
        "netdock run --rm --network front --network name=back,ip=10.5.0.9 curl http://web/",
        "on two networks",
      ],
    ],
    passThrough: true,
    failureCode: EXIT.runFailure,
    load: async () => ({ run: (await import("../commands/run.ts")).runRun }),
  },
  {
    path: "exec",
    summary: "Start a further command in a sandbox",
    description:
      "Runs the command in the sandbox's network stack, with its resolv.conf and hosts, in the foreground. Exit codes are " +
      "those of run.",
    args: [
      SANDBOX,
      { name: "COMMAND", text: "command of the host, looked up in PATH" },
      { name: "[ARG...]", text: "its arguments" },
    ],
    flags: [...PROCESS_FLAGS],
    examples: [
      ["netdock exec web sh", "a shell in the sandbox web"],
      ["netdock exec web getent hosts api", "what does web resolve api to?"],
    ],
    passThrough: true,
    failureCode: EXIT.runFailure,
    load: async () => ({ run: (await import("../commands/exec.ts")).runExec }),
  },
  {
    path: "attach",
    summary: "Give networks to a namespace that exists",
    description:
      "Adopts a network namespace of somebody else's (a container, a VM's tap, `ip netns`) as a sandbox, and joins its networks. " +
      "Nothing that was there is changed. `netdock rm` takes the interfaces out again.",
    args: [],
    flags: [
      { flags: "--netns <path>", text: "the namespace, like /run/netns/blue", complete: "file" },
      { flags: "--pid <pid>", text: "the namespace of this process" },
      { flags: "-h, --hostname <name>", text: "name by which the sandbox is known in DNS" },
      ...JOIN_FLAGS,
      JSON_FLAG,
    ],
    examples: [
      ["netdock attach --netns /run/netns/blue --name blue --network front", "adopt a named namespace"],
      ["netdock attach --pid 4711 -p 8080:80", "publish a port of a running process"],
    ],
    load: async () => ({ run: (await import("../commands/attach.ts")).runAttach }),
  },
  {
    path: "ps",
    summary: "List sandboxes",
    args: [],
    flags: [
      { flags: "-a, --all", text: "also those whose command has ended" },
      {
        flags: "-f, --filter <key=value>",
        text: "only sandboxes that match: name, id, label, state, network",
        repeat: true,
      },
      QUIET_FLAG,
      NO_TRUNC_FLAG,
      JSON_FLAG,
    ],
    examples: [
      ["netdock ps -a", "all sandboxes"],
      ["netdock ps --json", "an array with id, name, state, pid, networks and ports of each"],
    ],
    load: async () => ({ run: (await import("../commands/ps.ts")).runPs }),
  },
  {
    path: "inspect",
    summary: "Show all about sandboxes or networks, as JSON",
    args: [
      { name: "NAME...", text: "sandbox or network; a sandbox is looked for first", complete: "sandbox" },
    ],
    flags: [
      {
        flags: "--type <type>",
        text: "look only for a sandbox or a network",
        complete: ["sandbox", "network"],
      },
    ],
    examples: [["netdock inspect web", "namespace path, addresses, routes, process"]],
    load: async () => ({ run: (await import("../commands/inspect.ts")).runInspect }),
  },
  {
    path: "logs",
    summary: "Show what a detached command printed",
    args: [SANDBOX],
    flags: [
      { flags: "-f, --follow", text: "go on until the command ends" },
      { flags: "-n, --tail <lines>", text: "only the last lines (all)" },
    ],
    examples: [["netdock logs -f --tail 20 web", "the last twenty lines, and what comes"]],
    load: async () => ({ run: (await import("../commands/logs.ts")).runLogs }),
  },
  {
    path: "stop",
    summary: "End the command of sandboxes",
    description:
      "Sends SIGTERM, and SIGKILL if the command still runs after the time-out. The sandbox itself stays.",
    args: [SANDBOXES],
    flags: [
      { flags: "-t, --timeout <seconds>", text: "seconds until SIGKILL (10)" },
      {
        flags: "-s, --signal <signal>",
        text: "first signal (SIGTERM)",
        complete: ["SIGTERM", "SIGINT", "SIGQUIT"],
      },
    ],
    examples: [["netdock stop -t 2 web", "two seconds to end in peace"]],
    load: async () => ({ run: (await import("../commands/stop.ts")).runStop }),
  },
  {
    path: "rm",
    summary: "Remove sandboxes",
    args: [SANDBOXES],
    flags: [
      { flags: "-f, --force", text: "end the command first; sandboxes that do not exist are no error" },
    ],
    examples: [["netdock rm -f web", "end and remove"]],
    load: async () => ({ run: (await import("../commands/rm.ts")).runRm }),
  },
];
