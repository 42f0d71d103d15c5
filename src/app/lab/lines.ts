import { openLog } from "../../api/logs.ts";
import type { Engine } from "../../engine/contract.ts";
import type { SandboxId } from "../../model/ids.ts";

/** Lines of a sandbox's log from byte `from` on, until its process ends or the reader goes. A last line without an end counts. */
export async function* linesOf(
  engine: Engine,
  id: SandboxId,
  request: { readonly from: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<string, void, undefined> {
  const ended = new AbortController();
  const unsubscribe = engine.subscribe(({ type, id: whose, action }) => {
    if (type === "sandbox" && whose === id && (action === "die" || action === "destroy")) ended.abort();
  });
  try {
    const log = await openLog(engine.logPath(id), { follow: true });
    // It may have ended before anybody listened.
    if (engine.sandboxes().every((one) => one.id !== id || one.state !== "running")) ended.abort();
    if (log === undefined) return;
    const left = request.signal ?? new AbortController().signal;
    const decoder = new TextDecoder();
    let skip = request.from;
    let rest = "";
    for await (const bytes of log.read({ tail: undefined, ended: ended.signal, left })) {
      const skipped = Math.min(skip, bytes.length);
      skip -= skipped;
      const lines = (rest + decoder.decode(bytes.subarray(skipped), { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
    if (rest !== "") yield rest;
  } finally {
    unsubscribe();
  }
}
