import { isNetError } from "../../base/errors.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import type { Call } from "../spec.ts";
import { errorLines } from "../view/errors.ts";
import { printLine } from "../view/output.ts";

/**
 * Does one thing to each of several names, in order, printing each name when done. One that fails is reported and does not
 * keep the others from their turn; the exit code is that of the first failure.
 */
export async function forEachName(
  { context, args }: Call,
  request: { readonly missingIsFine: boolean; readonly act: (name: string) => Promise<void> },
): Promise<number> {
  let code: number = EXIT.ok;
  for (const name of args) {
    try {
      // In the order given: a later one may depend on an earlier one being gone.
      // oxlint-disable-next-line no-await-in-loop
      await request.act(name);
      printLine(context, name);
    } catch (error) {
      if (request.missingIsFine && isNetError(error, "not_found")) continue;
      // Nobody answers: the other names would only say so again.
      if (isNetError(error, "unavailable", "cancelled")) throw error;
      context.stderr.write(errorLines(error, context));
      if (code === EXIT.ok) code = exitCodeOf(error);
    }
  }
  return code;
}
