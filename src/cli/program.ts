import { Command, CommanderError, Option } from "commander";
import { NetError } from "../base/errors.ts";
import { CLIENT_FLAGS, isClientFlag } from "./client-flags.ts";
import type { CliContext } from "./context.ts";
import { Flags } from "./flags.ts";
import type { ArgumentSpec, CommandSpec, FlagSpec } from "./spec.ts";
import { COMMANDS, GROUPS } from "./specs/all.ts";

/** What a command line asks for. */
export type Invocation =
  | {
      readonly kind: "run";
      readonly spec: CommandSpec;
      readonly flags: Flags;
      readonly args: readonly string[];
    }
  /** Help or the version was asked for: print it, and that is all. */
  | { readonly kind: "print"; readonly text: string }
  /** The command line is wrong. */
  | { readonly kind: "refuse"; readonly message: string; readonly spec: CommandSpec | undefined };

/** Reads a command line (without `node` and the script). Prints nothing and starts nothing. */
export async function parseCommandLine(argv: readonly string[], context: CliContext): Promise<Invocation> {
  let out = "";
  let invocation: Invocation | undefined;
  const program = newCommand("netdock", context, (text) => {
    out += text;
  });
  program
    .description("Real container networks for any process. Docker's networking, on its own.")
    .version(context.version, "-V, --version", "print the version")
    .enablePositionalOptions()
    .addHelpText("after", EPILOGUE);
  for (const flag of CLIENT_FLAGS) program.addOption(toOption(flag));
  const groups = new Map<string, Command>();
  for (const [name, summary] of Object.entries(GROUPS)) {
    const group = newCommand(name, context, (text) => {
      out += text;
    });
    groups.set(name, group.description(summary).helpCommand(false));
    program.addCommand(group);
  }
  for (const spec of COMMANDS) {
    const [name, ...rest] = spec.path.split(" ").toReversed() as [string, ...string[]];
    const command = leaf(spec, name, context, (text) => {
      out += text;
    });
    command.action(() => {
      const flags = { ...program.opts(), ...command.opts() };
      invocation = { kind: "run", spec, flags: new Flags(flags), args: command.args };
    });
    const parent = rest[0] === undefined ? program : (groups.get(rest[0]) as Command);
    parent.addCommand(command, { hidden: spec.hidden === true, isDefault: spec.isDefault === true });
  }
  try {
    await program.parseAsync(plainSwitches(argv), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === "commander.help") return { kind: "print", text: out };
    return { kind: "refuse", message: oneLine(error.message), spec: specOf(argv) };
  }
  if (invocation === undefined)
    throw new NetError("internal", "cli.parse", { message: "no command was chosen" });
  return invocation;
}

const EPILOGUE = `
Exit codes: 0 done, 1 failed, 2 wrong command line or value, 3 no such thing, 4 taken or in use, 5 no daemon answers;
run and exec: the command's own, or 125 netdock failed, 126 it cannot be started, 127 there is no such command.

Examples:
  netdock up                      bring up the compose.yaml of this folder
  netdock run --rm sh             a shell with a network stack of its own
  netdock COMMAND --help          all about a command, with examples
`;

function newCommand(name: string, context: CliContext, print: (text: string) => void): Command {
  return new Command(name)
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: print,
      outputError: () => undefined,
      getOutHelpWidth: () => context.stdout.size().columns,
      getErrHelpWidth: () => context.stdout.size().columns,
    })
    .helpOption("--help", "show this help");
}

function leaf(spec: CommandSpec, name: string, context: CliContext, print: (text: string) => void): Command {
  const command = newCommand(name, context, print)
    .summary(spec.summary)
    .description(spec.description ?? spec.summary);
  const takesH = spec.flags.some(({ flags }) => flags.startsWith("-h,"));
  if (!takesH) command.helpOption("-h, --help", "show this help");
  for (const argument of spec.args) command.argument(argumentSyntax(argument), argument.text);
  for (const flag of spec.flags) command.addOption(toOption(flag));
  const own = new Set(spec.flags.map(({ flags }) => flags));
  for (const flag of CLIENT_FLAGS) {
    if (!own.has(flag.flags)) command.addOption(toOption({ ...flag, hidden: true }));
  }
  if (spec.passThrough === true) command.passThroughOptions();
  if (spec.examples.length > 0) {
    const lines = spec.examples.map(([line, what]) => `  ${line}\n      ${what}\n`);
    command.addHelpText("after", `\nExamples:\n${lines.join("")}`);
  }
  return command;
}

/** `NAME...` → `<NAME...>`; what is in brackets is optional and stays as it is. */
function argumentSyntax(argument: ArgumentSpec): string {
  return argument.name.startsWith("[") ? argument.name : `<${argument.name}>`;
}

function toOption(flag: FlagSpec): Option {
  const option = new Option(flag.flags, flag.text);
  if (flag.hidden === true) option.hideHelp();
  if (flag.repeat === true)
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

/** Commander's own words, in ours: one line, and no "error:" in front. */
function oneLine(message: string): string {
  return message
    .replace(/^error: /, "")
    .replace(/\n\(Did you mean (.*)\?\)$/, (_, guess: string) => `, did you mean ${guess}?`)
    .replaceAll("option '-", "flag '-")
    .replaceAll("\n", " ");
}

/** The command a command line begins with, as far as it can be told without parsing. */
export function specOf(argv: readonly string[]): CommandSpec | undefined {
  const words: string[] = [];
  for (let i = 0; i < argv.length && words.length < 2; i++) {
    const word = argv[i] as string;
    if (isClientFlag(word)) i++;
    else if (!word.startsWith("-")) words.push(word);
    else if (words.length > 0) break;
  }
  return (
    COMMANDS.find(({ path }) => path === words.join(" ")) ?? COMMANDS.find(({ path }) => path === words[0])
  );
}

/** Docker's `--ipv6=false` and `--internal=true`, which commander's switches do not know. */
function plainSwitches(argv: readonly string[]): string[] {
  const spec = specOf(argv);
  // What follows a command to run is not ours to touch.
  if (spec === undefined || spec.passThrough === true) return [...argv];
  const switches = new Set(
    spec.flags.filter(({ flags }) => !flags.includes("<")).flatMap(({ flags }) => flags.split(", ")),
  );
  return argv.flatMap((word) => {
    const match = /^(--[a-z0-9-]+)=(true|false)$/.exec(word);
    if (match === null || !switches.has(match[1] as string)) return [word];
    if (match[2] === "true") return [match[1] as string];
    const off = (match[1] as string).replace(/^--/, "--no-");
    return switches.has(off) ? [off] : [];
  });
}
