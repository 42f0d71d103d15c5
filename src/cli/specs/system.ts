import type { CommandSpec } from "../spec.ts";
import { JSON_FLAG } from "./shared.ts";

/** Commands about netdock itself. */
export const SYSTEM_COMMANDS: readonly CommandSpec[] = [
  {
    path: "daemon",
    summary: "Run the daemon in the foreground",
    description:
      "Answers the API until it gets SIGTERM or SIGINT. Networks and sandboxes, and the connections through them, outlive it.",
    args: [],
    flags: [
      { flags: "--socket <path>", text: "socket to answer at (/run/netdock/netdock.sock)", complete: "file" },
      { flags: "--listen <address>", text: "also answer at tcp://HOST:PORT, to clients with a certificate" },
      {
        flags: "--tlscacert <file>",
        text: "authority that clients' certificates must be of",
        complete: "file",
      },
      { flags: "--tlscert <file>", text: "own certificate for --listen", complete: "file" },
      { flags: "--tlskey <file>", text: "key of the own certificate", complete: "file" },
      {
        flags: "--state-dir <folder>",
        text: "where state is kept (/var/lib/netdock)",
        complete: "directory",
      },
      {
        flags: "--run-dir <folder>",
        text: "where runtime files are kept (/run/netdock)",
        complete: "directory",
      },
      {
        flags: "--log-level <level>",
        text: "least important messages to log (info)",
        complete: ["trace", "debug", "info", "warn", "error", "fatal"],
      },
      { flags: "--auto-started", text: "started by `netdock up`", hidden: true },
    ],
    examples: [
      ["netdock daemon", "at the default socket"],
      [
        "netdock daemon --socket /tmp/n.sock --state-dir /tmp/n/state --run-dir /tmp/n/run",
        "a second one, apart",
      ],
      [
        "netdock daemon --listen tcp://192.0.2.1:2376 --tlscacert ca.pem --tlscert server.pem --tlskey server-key.pem",
        "over TCP too, with mutual TLS",
      ],
    ],
    load: async () => ({ run: (await import("../commands/daemon.ts")).runDaemon }),
  },
  {
    path: "events",
    summary: "Show what happens, as it happens",
    args: [],
    flags: [
      { flags: "--since <seq>", text: "begin after the event with this number (0: all that are remembered)" },
      { flags: "--json", text: "one JSON object a line" },
    ],
    examples: [["netdock events --json", "for programs"]],
    load: async () => ({ run: (await import("../commands/events.ts")).runEvents }),
  },
  {
    path: "reconcile",
    summary: "Compare what should be with the kernel, and repair it",
    description: "With --dry-run, exits with 1 when something differs.",
    args: [],
    flags: [{ flags: "--dry-run", text: "only say what differs" }, JSON_FLAG],
    examples: [["netdock reconcile --dry-run", "is everything as it should be?"]],
    load: async () => ({ run: (await import("../commands/reconcile.ts")).runReconcile }),
  },
  {
    path: "doctor",
    summary: "Find what keeps traffic from passing: other firewalls, settings, missing kernel features",
    description:
      "Follows traffic of each network and published port through every table of the host, reads settings, and names rule and remedy. Changes nothing. Exits with 1 when there is a problem; warnings alone do not count.",
    args: [],
    flags: [JSON_FLAG],
    examples: [["netdock doctor", "why does nothing reach my published port?"]],
    load: async () => ({ run: (await import("../commands/doctor.ts")).runDoctor }),
  },
  {
    path: "version",
    summary: "Show the versions of this command and the daemon",
    args: [],
    flags: [JSON_FLAG],
    examples: [["netdock version", "both, and whether a daemon answers"]],
    load: async () => ({ run: (await import("../commands/version.ts")).runVersion }),
  },
  {
    path: "completion",
    summary: "Print a script that completes netdock's command lines",
    args: [{ name: "SHELL", text: "bash, zsh or fish", complete: ["bash", "zsh", "fish"] }],
    flags: [],
    examples: [
      ["source <(netdock completion bash)", "bash, for this session; zsh alike"],
      ["netdock completion bash > /etc/bash_completion.d/netdock", "bash, for everybody"],
      ["netdock completion fish | source", "fish"],
    ],
    load: async () => ({ run: (await import("../commands/completion.ts")).runCompletion }),
  },
  {
    path: "__complete",
    summary: "Candidates for the last of these words",
    args: [{ name: "[WORD...]", text: "the command line behind netdock" }],
    flags: [],
    examples: [],
    passThrough: true,
    hidden: true,
    load: async () => ({ run: (await import("../commands/completion.ts")).runComplete }),
  },
];
