/* oxlint-disable no-await-in-loop -- lines go out one after the other, as fast as the client reads them */
import { NetError } from "../../../base/errors.ts";
import type { LogPiece, StreamName } from "../../../engine/containers/stream-log.ts";
import type { Engine } from "../../../engine/contract.ts";
import { parseMoment } from "../go-time.ts";
import type { Call } from "../route.ts";
import { framed, streamType, wantedStreams } from "./frames.ts";
import { serveStream, takeStream } from "./hijack.ts";
import { refOf } from "./ref.ts";

const NEWLINE = 0x0a;

interface Line {
  readonly timeMs: number;
  readonly stream: StreamName;
  /** With its end, unless the stream ended without. */
  readonly bytes: Uint8Array;
}

/** `GET /containers/{id}/logs`: lines of all runs. */
export async function logs(engine: Engine, call: Call): Promise<undefined> {
  const { query, flag } = call;
  const wanted = wantedStreams(call);
  if (wanted.size === 0) {
    throw new NetError("invalid", "container.logs", {
      message: "Bad parameters: you must choose at least one stream",
    });
  }
  const now = Date.now();
  const since = query("since") === "" ? 0 : parseMoment(query("since"), now);
  const until = query("until") === "" ? Number.POSITIVE_INFINITY : parseMoment(query("until"), now);
  const ref = refOf(call);
  const subject = engine.containers.find(ref);
  const log = engine.containers.log(ref);
  const tty = subject.container?.spec.tty ?? false;
  const follow = flag("follow") && log.live;
  const stream = takeStream(call.request, call.reply, streamType(tty));
  const { left } = stream;
  const send = async ({ timeMs, stream: name, bytes }: Line): Promise<void> => {
    if (timeMs < since || timeMs > until || !wanted.has(name)) return;
    const stamp = flag("timestamps")
      ? Buffer.from(`${new Date(timeMs).toISOString().slice(0, -1)}000000Z `)
      : "";
    await stream.write(framed(Buffer.concat([Buffer.from(stamp), bytes]), { stream: name, tty }));
  };
  const tail = /^\d+$/.test(query("tail")) ? Number(query("tail")) : undefined;
  await serveStream(call.request, stream, async () => {
    const { end } = log;
    const splitter = new Splitter();
    const kept: Line[] = [];
    // Of what there is, the last lines; then, in order, what comes.
    for await (const piece of log.read({ from: 0, follow: false, left })) {
      for (const line of splitter.feed(piece)) {
        if (tail === undefined) await send(line);
        else if (wanted.has(line.stream)) kept.push(line);
        if (tail !== undefined && kept.length > tail) kept.shift();
      }
    }
    for (const line of kept) await send(line);
    if (follow) {
      for await (const piece of log.read({ from: end, follow: true, left })) {
        if (piece.timeMs > until) break;
        for (const line of splitter.feed(piece)) await send(line);
      }
    }
    for (const line of splitter.rest()) await send(line);
  });
  return undefined;
}

/** Pieces to lines, of each stream for itself. */
class Splitter {
  readonly #open = new Map<StreamName, Line>();

  *feed({ timeMs, stream, bytes }: LogPiece): Generator<Line> {
    let start = 0;
    for (;;) {
      const at = bytes.indexOf(NEWLINE, start);
      if (at < 0) break;
      yield this.#joined({ timeMs, stream, bytes: bytes.subarray(start, at + 1) });
      this.#open.delete(stream);
      start = at + 1;
    }
    if (start < bytes.length)
      this.#open.set(stream, this.#joined({ timeMs, stream, bytes: bytes.subarray(start) }));
  }

  *rest(): Generator<Line> {
    yield* this.#open.values();
    this.#open.clear();
  }

  #joined(line: Line): Line {
    const open = this.#open.get(line.stream);
    if (open === undefined) return line;
    return { ...open, bytes: Buffer.concat([open.bytes, line.bytes]) };
  }
}
