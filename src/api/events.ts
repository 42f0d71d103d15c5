import type { ServerResponse } from "node:http";
import { NetError } from "../base/errors.ts";
import type { Engine } from "../engine/contract.ts";
import { errorBody } from "./errors.ts";
import { beginStream, type OpenStreams } from "./streams.ts";

/** Bytes a subscriber may be behind, besides what it asked for with `since`: some five thousand events. */
export const EVENT_BUFFER_BYTES = 1024 * 1024;

/** How long a subscriber that was cut off has to read the rest, in milliseconds without progress. */
const LINGER_MS = 30_000;

/**
 * Events as newline-delimited JSON, each written at once. A subscriber that does not keep up is cut off with an error as
 * its last line: the daemon's memory is not the place to keep what nobody reads.
 */
export function streamEvents(request: {
  readonly engine: Engine;
  readonly since: number | undefined;
  readonly response: ServerResponse;
  readonly streams: OpenStreams;
  readonly bufferBytes: number;
}): void {
  const { engine, since, response, streams, bufferBytes } = request;
  beginStream(response, "application/x-ndjson");
  // Until the backlog is through there is no bound: the engine keeps a bounded number of events, and it was asked for.
  let bound = Number.POSITIVE_INFINITY;
  let cut = false;
  const unsubscribe = engine.subscribe((event) => {
    if (cut || response.writableEnded) return;
    response.write(`${JSON.stringify(event)}\n`);
    if (response.writableLength <= bound) return;
    cut = true;
    response.end(`${JSON.stringify(errorBody(tooSlow(event.seq, bufferBytes)))}\n`);
    response.setTimeout(LINGER_MS, () => response.destroy());
    unsubscribe();
  }, since);
  bound = response.writableLength + bufferBytes;
  streams.add(response, unsubscribe);
}

function tooSlow(seq: number, bufferBytes: number): NetError {
  return new NetError("exhausted", "events", {
    message: `more than ${bufferBytes} bytes of events were waiting to be read; the stream ends with event ${seq}`,
    remedy: `read faster, and go on with since=${seq}`,
  });
}
