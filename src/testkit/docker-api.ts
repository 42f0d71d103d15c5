import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { createInterface } from "node:readline";

export interface DockerAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A request to Docker's API as any HTTP client would send it; a body that is no text is sent as JSON. */
export function dockerAsk(
  { socketPath }: { readonly socketPath: string },
  request: {
    readonly method?: string;
    readonly path: string;
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<DockerAnswer> {
  const { method = "GET", path, body } = request;
  const isJson = body !== undefined && typeof body !== "string";
  const headers = isJson
    ? { "content-type": "application/json", ...request.headers }
    : { ...request.headers };
  const { promise, resolve, reject } = Promise.withResolvers<DockerAnswer>();
  const sent = httpRequest({ socketPath, method, path, headers }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk) => (text += String(chunk)));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    response.on("error", reject);
  });
  sent.on("error", reject);
  sent.end(isJson ? JSON.stringify(body) : body);
  return promise;
}

/** What Docker's clients show of a refusal. */
export function errorMessage({ text }: { readonly text: string }): string {
  return (JSON.parse(text) as { readonly message: string }).message;
}

export interface EventStream extends AsyncDisposable {
  readonly status: number;
  /** The next event; undefined when the server ended the stream. */
  next(): Promise<unknown>;
}

/** Follows `GET /events`; resolves when the answer's head is there. */
export function openEvents(
  { socketPath }: { readonly socketPath: string },
  path: string,
): Promise<EventStream> {
  const { promise, resolve, reject } = Promise.withResolvers<EventStream>();
  const sent = httpRequest({ socketPath, path }, (response) => {
    const lines = createInterface({ input: response })[Symbol.asyncIterator]();
    resolve({
      status: response.statusCode ?? 0,
      next: async () => {
        const { done, value } = await lines.next();
        return done === true ? undefined : (JSON.parse(value) as unknown);
      },
      [Symbol.asyncDispose]: async () => {
        response.destroy();
        await lines.return?.();
      },
    });
  });
  sent.on("error", reject);
  sent.end();
  return promise;
}

const DOCKERS_500 = [
  /^no available IPv[46] addresses on this network's address pools: /,
  /^container [0-9a-f]{64} is not connected to (the )?network /,
  /^gateway mode 'isolated' can only be used for an internal network$/,
];

/** Whether Docker itself answers 500 with these words. */
export function isDockers500(message: string): boolean {
  return DOCKERS_500.some((words) => words.test(message));
}
