import type { CliContext } from "./context.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { parseCommandLine } from "./program.ts";
import type { Call, CommandSpec } from "./spec.ts";
import { errorLines } from "./view/errors.ts";

/**
 * Runs one command line (without `node` and the script) and resolves with its exit code. Never rejects: what goes wrong is
 * printed to stderr as `netdock: …`, one line more if there is a remedy.
 */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  let spec: CommandSpec | undefined;
  try {
    const invocation = await parseCommandLine(argv, context);
    if (invocation.kind === "print") {
      context.stdout.write(invocation.text);
      return EXIT.ok;
    }
    spec = invocation.spec;
    if (invocation.kind === "refuse") {
      const command = spec === undefined ? "netdock" : `netdock ${spec.path}`;
      context.stderr.write(`netdock: ${invocation.message}\n  see: ${command} --help\n`);
      return spec?.failureCode ?? EXIT.usage;
    }
    const { run } = await invocation.spec.load();
    return await run(callOf(invocation.spec, invocation.flags, invocation.args, context));
  } catch (error) {
    context.stderr.write(errorLines(error, context));
    return spec?.failureCode ?? exitCodeOf(error);
  }
}

function callOf(spec: CommandSpec, flags: Call["flags"], args: readonly string[], context: CliContext): Call {
  // An empty NETDOCK_HOST counts as none, as an unset one in scripts often is.
  const host = flags.text("host") ?? (context.env["NETDOCK_HOST"] || undefined);
  let client: Call["client"] | undefined;
  return {
    context,
    flags,
    args: spec.passThrough === true ? withoutDashes(spec, args) : args,
    host,
    get client() {
      client ??= context.connect(host);
      return client;
    },
  };
}

/** `exec web -- sh`: the two dashes end the flags once more, behind the sandbox's name. */
function withoutDashes(spec: CommandSpec, args: readonly string[]): readonly string[] {
  const at = spec.args.findIndex(({ name }) => name === "COMMAND");
  return args[at] === "--" ? args.toSpliced(at, 1) : args;
}
