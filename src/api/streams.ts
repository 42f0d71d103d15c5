import { once } from "node:events";
import type { ServerResponse } from "node:http";

/** A response without end: events, a log that is followed. */
interface OpenStream {
  readonly response: ServerResponse;
  readonly stop: () => void;
}

/** All streams of one server, so that its shutdown can end them: a server waits for open responses before it closes. */
export class OpenStreams {
  readonly #open = new Set<OpenStream>();

  /** `stop` is called once, when the client left or the server ends, whichever comes first. */
  add(response: ServerResponse, stop: () => void): void {
    // It may have left while the stream was being prepared; its `close` event is over then.
    if (response.destroyed) {
      stop();
      return;
    }
    const stream: OpenStream = { response, stop };
    this.#open.add(stream);
    response.once("close", () => {
      if (this.#open.delete(stream)) stop();
    });
  }

  get size(): number {
    return this.#open.size;
  }

  /** A client that does not read what it has cannot hold the server up: a response that has ended counts as idle. */
  endAll(): void {
    for (const stream of this.#open) {
      this.#open.delete(stream);
      stream.stop();
      stream.response.end();
    }
  }
}

/** Status and headers at once, so that the client knows its stream stands before the first byte of it. */
export function beginStream(response: ServerResponse, contentType: string): void {
  // A write to a client that is gone; `close` says so too, and is what ends a stream.
  response.on("error", () => undefined);
  response.writeHead(200, { "content-type": contentType, "cache-control": "no-store" });
  response.flushHeaders();
}

/** Writes chunks as fast as the client reads them. Returns when the source ends or `signal` says the client left. */
export async function pump(
  source: AsyncIterable<Uint8Array>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of source) {
    if (signal.aborted || response.destroyed) return;
    if (!response.write(chunk)) await drained(response, signal);
  }
  response.end();
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, "drain", { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
