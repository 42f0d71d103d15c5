import { isNetError, NetError } from "../../base/errors.ts";
import type { NetworkView, SandboxView } from "../client.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { badFlag } from "../flags.ts";
import type { Call } from "../spec.ts";
import { errorLines } from "../view/errors.ts";
import { printJson } from "../view/output.ts";

export function runInspect(call: Call): Promise<number> {
  const type = call.flags.text("type");
  if (type !== undefined && type !== "sandbox" && type !== "network") {
    throw badFlag("--type", type, "write sandbox or network");
  }
  return inspect(call, type === undefined ? ["sandbox", "network"] : [type]);
}

export function runNetworkInspect(call: Call): Promise<number> {
  return inspect(call, ["network"]);
}

/** Prints an array with what was found; what was not is an error each, and decides the exit code. */
async function inspect(call: Call, types: readonly ("sandbox" | "network")[]): Promise<number> {
  const found: (SandboxView | NetworkView)[] = [];
  let code: number = EXIT.ok;
  for (const name of call.args) {
    try {
      // A handful of names; in order, as they are printed.
      // oxlint-disable-next-line no-await-in-loop
      found.push(await lookUp(call, name, types));
    } catch (error) {
      if (!isNetError(error) || error.code === "unavailable") throw error;
      call.context.stderr.write(errorLines(error, call.context));
      if (code === EXIT.ok) code = exitCodeOf(error);
    }
  }
  printJson(call.context, found);
  return code;
}

async function lookUp(
  { client }: Call,
  name: string,
  types: readonly ("sandbox" | "network")[],
): Promise<SandboxView | NetworkView> {
  for (const type of types) {
    try {
      // The second type is asked only when the first has no such name.
      // oxlint-disable-next-line no-await-in-loop
      return type === "sandbox" ? await client.sandbox(name) : await client.network(name);
    } catch (error) {
      if (!isNetError(error, "not_found")) throw error;
    }
  }
  throw new NetError("not_found", "inspect", {
    message: `there is no ${types.join(" or ")} ${JSON.stringify(name)}`,
    subject: name,
  });
}
