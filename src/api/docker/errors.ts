import { errorText, isNetError, type ErrorCode, type NetError } from "../../base/errors.ts";

/** The one table from reasons to the statuses of Docker's API (moby, daemon/server/httpstatus). */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  not_found: 404,
  conflict: 409,
  in_use: 403,
  forbidden: 403,
  exhausted: 500,
  unsupported: 501,
  unavailable: 503,
  cancelled: 499,
  kernel: 500,
  internal: 500,
};

export interface Refusal {
  readonly status: number;
  readonly message: string;
}

/** What of fastify's own refusals a client is told, by fastify's code. */
const TRANSPORT: Readonly<Record<string, (error: Error, contentType: string) => Refusal>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (_error, type) => ({
    status: 400,
    message: `malformed Content-Type header (${type})`,
  }),
  FST_ERR_CTP_BODY_TOO_LARGE: () => ({ status: 413, message: "http: request body too large" }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => ({ status: 400, message: "invalid JSON: unexpected EOF" }),
  ECONNRESET: () => ({ status: 400, message: "invalid JSON: unexpected EOF" }),
  FST_ERR_BAD_URL: () => ({ status: 400, message: "invalid URL escape" }),
};

/** A refusal in Docker's shape; undefined when the error is no refusal but a fault of ours. */
export function refusalOf(error: unknown, contentType: string): Refusal | undefined {
  if (isNetError(error)) return translate(error);
  const code = (error as { readonly code?: string } | null)?.code ?? "";
  const known = TRANSPORT[code];
  if (known !== undefined) return known(error as Error, contentType);
  const status = (error as { readonly statusCode?: number } | null)?.statusCode;
  if (status === undefined || status < 400 || status > 499) return undefined;
  return { status, message: errorText(error) };
}

function translate(error: NetError): Refusal {
  if (error.code === "not_found" && error.op.startsWith("network.")) {
    return { status: 404, message: `network ${error.subject ?? ""} not found` };
  }
  return { status: STATUS[error.code], message: error.message };
}
