import type { NetdockClient } from "./client.ts";
import type { CliContext } from "./context.ts";
import type { Flags } from "./flags.ts";

/** What can be completed after a flag or as an argument: names asked of the daemon, files, or a fixed list. */
export type Completion = "network" | "sandbox" | "file" | "directory" | readonly string[];

export interface FlagSpec {
  /** `-d, --driver <name>`; without `<…>` the flag is a switch. */
  readonly flags: string;
  readonly text: string;
  /** May be given several times. */
  readonly repeat?: true;
  /** Accepted and not shown: habits from Docker that need nothing done. */
  readonly hidden?: true;
  readonly complete?: Completion;
}

export interface ArgumentSpec {
  /** `NETWORK`, `[FILE]`, `SANDBOX...`, `[ARG...]` */
  readonly name: string;
  readonly text: string;
  readonly complete?: Completion;
}

/** One invocation of a command, as its implementation sees it. */
export interface Call {
  readonly context: CliContext;
  readonly flags: Flags;
  /** The arguments after the flags, a list for one that repeats. */
  readonly args: readonly string[];
  /** The daemon's address as given by `--host` or NETDOCK_HOST; undefined: the default. */
  readonly host: string | undefined;
  /** A client of that daemon. */
  readonly client: NetdockClient;
}

export interface CommandSpec {
  /** `network create` */
  readonly path: string;
  readonly summary: string;
  /** More than the summary, for `--help`. */
  readonly description?: string;
  readonly args: readonly ArgumentSpec[];
  readonly flags: readonly FlagSpec[];
  /** Command lines with what they do, for `--help`. */
  readonly examples: readonly (readonly [command: string, what: string])[];
  /** The first argument ends netdock's flags: what follows belongs to the command to run. */
  readonly passThrough?: true;
  /** Exit code for failures of netdock's own; absent: by the kind of error. */
  readonly failureCode?: number;
  readonly hidden?: true;
  /** What its group does with words that are none of its commands. */
  readonly isDefault?: true;
  /** Loads the implementation, only when it is called: `netdock ps` reads no Compose parser. */
  readonly load: () => Promise<{ readonly run: (call: Call) => Promise<number> }>;
}
