import type { NetdockClient } from "./client.ts";
import type { CliContext } from "./context.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import type { Flags } from "./flags.ts";
import { parseCommandLine } from "./program.ts";
import { tlsFiles } from "./tls-flags.ts";
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
    using call = new CallOf(invocation.spec, invocation.flags, invocation.args, context);
    return await run(call);
  } catch (error) {
    context.stderr.write(errorLines(error, context));
    return spec?.failureCode ?? exitCodeOf(error);
  }
}

class CallOf implements Call, Disposable {
  readonly context: CliContext;
  readonly flags: Flags;
  readonly args: readonly string[];
  readonly host: string | undefined;
  #client: NetdockClient | undefined;

  constructor(spec: CommandSpec, flags: Flags, args: readonly string[], context: CliContext) {
    this.context = context;
    this.flags = flags;
    this.args = spec.passThrough === true ? withoutDashes(spec, args) : args;
    // An empty NETDOCK_HOST counts as none, as an unset one in scripts often is.
    this.host = flags.text("host") ?? (context.env["NETDOCK_HOST"] || undefined);
  }

  get client(): NetdockClient {
    this.#client ??= this.context.connect(this.host, tlsFiles(this.flags, this.context));
    return this.#client;
  }

  [Symbol.dispose](): void {
    this.#client?.close();
  }
}

/** `exec web -- sh`: the two dashes end the flags once more, behind the sandbox's name. */
function withoutDashes(spec: CommandSpec, args: readonly string[]): readonly string[] {
  const at = spec.args.findIndex(({ name }) => name === "COMMAND");
  return args[at] === "--" ? args.toSpliced(at, 1) : args;
}
