import type { Socket } from "node:net";
import type { Engine } from "../../../engine/contract.ts";
import type { Call } from "../route.ts";
import { DetachKeys, parseDetachKeys } from "./detach-keys.ts";
import { framed, streamType, wantedStreams } from "./frames.ts";
import { type ClientStream, serveStream, takeStream } from "./hijack.ts";
import { refOf } from "./ref.ts";

/** `POST /containers/{id}/attach`: what the command writes from now on, and what the client types. */
export async function attach(engine: Engine, call: Call): Promise<undefined> {
  const ref = refOf(call);
  const attachment = engine.containers.attach(ref);
  const keys = parseDetachKeys(call.query("detachKeys"));
  const wanted = wantedStreams(call);
  const { tty, log } = attachment;
  const stream = takeStream(call.request, call.reply, streamType(tty));
  if (call.flag("stdin") && call.flag("stream")) {
    void attachment
      .stdin()
      .then((to) => feedInput(stream, { to, keys: tty ? keys : undefined, ended: () => attachment.leave() }));
  }
  // Read on, or nobody sees that the client leaves.
  else stream.input?.resume();
  const from = call.flag("logs") ? 0 : attachment.from;
  await serveStream(call.request, stream, async () => {
    for await (const piece of log.read({ from, follow: call.flag("stream"), left: stream.left })) {
      if (!wanted.has(piece.stream)) continue;
      await stream.write(framed(piece.bytes, { stream: piece.stream, tty }));
    }
  });
  return undefined;
}

/** Carries what a client sends to a command, at the command's pace, until one of them leaves. */
export function feedInput(
  stream: ClientStream,
  way: {
    readonly to: Socket | undefined;
    /** Of a terminal: with these keys the client leaves, and the command goes on. */
    readonly keys: readonly number[] | undefined;
    readonly ended: () => void;
  },
): void {
  const { input } = stream;
  const { to } = way;
  if (input === undefined) return;
  const detach = way.keys === undefined ? undefined : new DetachKeys(way.keys);
  input.on("data", (chunk: Buffer) => {
    const { bytes, detached } = detach?.feed(chunk) ?? { bytes: chunk, detached: false };
    if (bytes.length > 0 && to?.writable === true && !to.write(bytes)) {
      input.pause();
      to.once("drain", () => input.resume());
    }
    if (detached) stream.end();
  });
  input.on("end", way.ended);
  // What leaves without a word has left as well.
  stream.left.addEventListener("abort", way.ended, { once: true });
  to?.once("close", () => input.resume());
  input.resume();
}
