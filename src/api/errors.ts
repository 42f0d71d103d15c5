import { type ErrorCode, NetError, showValue } from "../base/errors.ts";
import type { ErrorBody } from "./types.ts";

/**
 * The one table from reasons to HTTP statuses.
 *
 * `exhausted` is 409 and not 503 or 507: the daemon is well, the request is in conflict with what others hold now, and no
 * retry helps until they give something back. `cancelled` is 499, nginx's number for a client that went away; nobody is
 * left to read it, it is for the log.
 */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  not_found: 404,
  conflict: 409,
  in_use: 409,
  forbidden: 403,
  exhausted: 409,
  unsupported: 501,
  unavailable: 503,
  cancelled: 499,
  kernel: 500,
  internal: 500,
};

export function errorBody(error: NetError): ErrorBody {
  // toJSON() gives `code`, `op` and `message` always; its type is looser than what it promises.
  return { error: error.toJSON() as unknown as ErrorBody["error"] };
}

/** What is wrong with a request before any of our code saw it, by fastify's code for it. */
const TRANSPORT: Readonly<Record<string, (seen: Seen) => { status: number; error: NetError }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: wrongContentType,
  FST_ERR_CTP_EMPTY_TYPE: wrongContentType,
  FST_ERR_CTP_INVALID_TYPE: wrongContentType,
  FST_ERR_CTP_BODY_TOO_LARGE: ({ op, bodyLimit }) => ({
    status: 413,
    error: bad(op, "body", `body: larger than ${bodyLimit} bytes, which is the most this API reads`),
  }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ({ op }) => ({
    status: 400,
    error: bad(op, "body", "body: not as long as its Content-Length says"),
  }),
  FST_ERR_CTP_EMPTY_JSON_BODY: ({ op }) => ({
    status: 400,
    error: bad(op, "body", "body: empty, though its Content-Type says JSON: send a JSON object"),
  }),
  FST_ERR_BAD_URL: ({ op, url }) => ({
    status: 400,
    error: bad(
      op,
      "path",
      `path: ${showValue(url)} is not a valid path: % must start a two-digit escape of UTF-8`,
    ),
  }),
  // Node's word for a client that left before its body was whole.
  ECONNRESET: ({ op }) => ({ status: 400, error: bad(op, "body", "body: ended before it was whole") }),
};

interface Seen {
  readonly op: string;
  readonly url: string;
  readonly contentType: string | undefined;
  readonly bodyLimit: number;
}

function bad(op: string, field: string, message: string): NetError {
  return new NetError("invalid", op, { message, field });
}

function wrongContentType({ op, contentType }: Seen): { status: number; error: NetError } {
  const field = "content-type";
  const value = showValue(contentType);
  const remedy = "send application/json";
  const message = `${field}: ${value} is not read here: ${remedy}`;
  return { status: 400, error: new NetError("invalid", op, { message, field, value, remedy }) };
}

/** The refusal behind an error of fastify's or node's own; undefined when it is none, but a fault of ours. */
export function transportError(
  error: unknown,
  seen: Seen,
): { readonly status: number; readonly error: NetError } | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  const known = TRANSPORT[error.code];
  if (known !== undefined) return known(seen);
  const status = "statusCode" in error ? error.statusCode : undefined;
  if (typeof status !== "number" || status < 400 || status > 499) return undefined;
  return { status, error: new NetError("invalid", seen.op, { message: error.message }) };
}

/** What a client is told about a fault of ours: where to look, and nothing of its inside. */
export function hiddenFault(op: string): NetError {
  return new NetError("internal", op, {
    message: `${op}: netdock failed here by a fault of its own; the daemon's log says where`,
  });
}
