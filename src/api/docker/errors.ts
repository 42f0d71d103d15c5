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
const TRANSPORT: Readonly<Record<string, (contentType: string) => Refusal>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (type) => ({
    status: 400,
    message: `malformed Content-Type header (${type}): mime: no media type`,
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
  if (known !== undefined) return known(contentType);
  const status = (error as { readonly statusCode?: number } | null)?.statusCode;
  if (status === undefined || status < 400 || status > 499) return undefined;
  return { status, message: errorText(error) };
}

/** How the engine's refusals read in Docker's own words; the first row that fits counts, and none leaves them as they are. */
const WORDS: readonly {
  readonly code: ErrorCode;
  readonly op: string;
  readonly field?: RegExp;
  readonly words: (error: NetError) => Partial<Refusal>;
}[] = [
  {
    code: "not_found",
    op: "network.create",
    words: ({ subject }) => ({ message: `configuration network "${subject}" does not exist` }),
  },
  { code: "not_found", op: "sandbox.", words: noSuchContainer },
  { code: "not_found", op: "endpoint.", field: /^sandbox$/, words: noSuchContainer },
  {
    code: "not_found",
    op: "endpoint.detach",
    field: /^network$/,
    words: (error) =>
      error.message.includes("is not connected")
        ? { status: 500 }
        : { message: `network ${error.subject} not found` },
  },
  {
    code: "not_found",
    op: "network.",
    words: ({ subject }) => ({ message: `network ${subject} not found` }),
  },
  {
    code: "invalid",
    op: "network.create",
    field: /^(ipam\.)?driver$/,
    words: (error) => ({ status: 404, message: `plugin ${error.value} not found` }),
  },
  {
    code: "invalid",
    op: "network.create",
    field: /^enableIPv4$/,
    words: () => ({ message: "IPv4 or IPv6 must be enabled" }),
  },
  {
    code: "invalid",
    op: "network.create",
    field: /gateway_mode_ipv[46]$/,
    words: ({ message, field, value }) =>
      value === "isolated"
        ? { status: 500, message: "gateway mode 'isolated' can only be used for an internal network" }
        : { message: withoutRemedy(message, field) },
  },
  {
    code: "invalid",
    op: "network.create",
    field: /^options\.com\.docker\.network\.(driver\.mtu|bridge\.(enable_.*|inhibit_ipv4|default_bridge))$/,
    words: ({ field = "", value = "" }) => ({
      message: notParsed(field.slice("options.".length), unquoted(value)),
    }),
  },
  {
    code: "forbidden",
    op: "network.create",
    field: /^driver$/,
    words: ({ message }) => ({ message: message.replace('"none"', '"null"') }),
  },
  {
    code: "conflict",
    op: "pool.request",
    words: () => ({
      status: 403,
      message: "invalid pool request: Pool overlaps with other one on this address space",
    }),
  },
  {
    code: "conflict",
    op: "network.create",
    field: /bridge\.name$/,
    words: ({ message, value }) => {
      const [, name, twin] =
        /^cannot create network (.*): network (.*) has the same bridge name/.exec(message) ?? [];
      return {
        status: 403,
        message: `cannot create network ${name} (${value}): conflicts with network ${twin} (${value}): networks have same bridge name`,
      };
    },
  },
  {
    code: "exhausted",
    op: "pool.request",
    words: () => ({ status: 400, message: "all predefined address pools have been fully subnetted" }),
  },
  {
    code: "in_use",
    op: "network.remove",
    words: ({ message }) => ({ message: `error while removing network: ${message}` }),
  },
  { code: "conflict", op: "endpoint.attach", field: /^network$/, words: () => ({ status: 403 }) },
  {
    code: "conflict",
    op: "lease.",
    words: () => ({ status: 403, message: "Address already in use" }),
  },
];

function translate(error: NetError): Refusal {
  const row = WORDS.find(
    ({ code, op, field }) =>
      code === error.code &&
      error.op.startsWith(op) &&
      (field === undefined || field.test(error.field ?? "")),
  );
  return { status: STATUS[error.code], message: error.message, ...row?.words(error) };
}

function noSuchContainer({ subject }: NetError): Partial<Refusal> {
  return { message: `No such container: ${subject}` };
}

/** Ours names the field first and what would be right last. */
function withoutRemedy(message: string, field: string | undefined): string {
  const start = `${field}: `;
  const text = message.startsWith(start) ? message.slice(start.length) : message;
  return text.replace(/: use one of .*$/, "");
}

function unquoted(value: string): string {
  return value.startsWith('"') && value.endsWith('"') ? (JSON.parse(value) as string) : value;
}

/** The bridge driver's parseErr, with what Go's strconv says. */
function notParsed(key: string, value: string): string {
  const parser = key.endsWith(".mtu") ? "Atoi" : "ParseBool";
  return `failed to parse ${key} value: ${value} (strconv.${parser}: parsing ${JSON.stringify(value)}: invalid syntax)`;
}
