import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { invalid } from "../../base/errors.ts";
import { gaveUp } from "./sockets.ts";
import type { DialOptions, FetchOptions } from "./types.ts";

/** Statuses whose responses have no body (Fetch standard, "null body status"), not even an empty one. */
const WITHOUT_BODY: readonly number[] = [101, 204, 205, 304];

/** One HTTP request over a connection of its own, made by `dial`. */
export async function fetchOver(
  dial: (options: DialOptions) => Promise<Socket>,
  address: string | URL,
  { method, headers, body, signal }: FetchOptions,
): Promise<Response> {
  const url = URL.parse(address);
  if (url?.protocol !== "http:")
    throw invalid("url", String(address), "write http://HOST[:PORT]/PATH", "fetch");
  // An IPv6 address stands in brackets.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = await dial({ host, port: url.port === "" ? 80 : Number(url.port), signal });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request({
    createConnection: () => socket,
    method: method ?? "GET",
    path: url.pathname + url.search,
    headers: { host: url.host, ...headers },
    ...(signal === undefined ? {} : { signal }),
  })
    .on("response", resolve)
    .on("error", (error) => reject(signal?.aborted === true ? gaveUp(signal) : error))
    .end(body);
  return responseOf(await promise);
}

function responseOf(message: IncomingMessage): Response {
  const { statusCode: status = 200, statusMessage: statusText = "", rawHeaders } = message;
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  }
  if (!WITHOUT_BODY.includes(status)) {
    return new Response(Readable.toWeb(message), { status, statusText, headers });
  }
  message.resume();
  return new Response(null, { status, statusText, headers });
}
