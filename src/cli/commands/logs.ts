import { parseInteger } from "../flags.ts";
import type { Call } from "../spec.ts";

export async function runLogs({ context, client, flags, args }: Call): Promise<number> {
  const text = flags.text("tail");
  const tail =
    text === undefined || text === "all" ? undefined : parseInteger(text, "--tail", 0, 1_000_000_000);
  const abort = new AbortController();
  const release = context.onSignals(["SIGINT", "SIGTERM"], () => abort.abort());
  try {
    const pieces = await client.logs(
      args[0] as string,
      { follow: flags.has("follow"), tail },
      { signal: abort.signal },
    );
    for await (const piece of pieces) {
      context.stdout.write(piece);
      if (context.stdout.isClosed) break;
    }
  } catch (error) {
    // Ctrl-C is how one stops following: no failure.
    if (!abort.signal.aborted) throw error;
  } finally {
    release();
  }
  return 0;
}
