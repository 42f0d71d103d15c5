/**
 * The closed set of reasons for which netdock refuses or fails. The HTTP, CNI and exit-code mappings are tables over this
 * union, so a new code does not compile until every table has a row for it.
 */
export const ERROR_CODES = [
  /** The request itself is wrong: names the field, the value and what would be right. */
  "invalid",
  /** The thing named does not exist. */
  "not_found",
  /** The name, id, address or port is taken. */
  "conflict",
  /** The thing is in use by others and cannot change now. */
  "in_use",
  /** Allowed in general, never for this object (predefined networks, foreign links). */
  "forbidden",
  /** A pool, range or table is full. */
  "exhausted",
  /** The kernel or this build lacks a feature; the message names it. */
  "unsupported",
  /** A part netdock needs (daemon, cluster store) does not answer now. */
  "unavailable",
  /** The caller gave up. */
  "cancelled",
  /** The kernel refused: `errno` and `kernel` say what it said. */
  "kernel",
  /** A fault of ours. */
  "internal",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface NetErrorDetails {
  /** One sentence for a person: what is wrong and what would be right. */
  readonly message: string;
  /** What the operation was about: a link, network, endpoint or file by name. */
  readonly subject?: string;
  /** The input field at fault, as the user spells it: `ipam.config[0].subnet`, `--ip`. */
  readonly field?: string;
  /** The value found in that field. */
  readonly value?: string;
  /** What the user can do about it, where the message does not say it already. */
  readonly remedy?: string;
  /** Kernel error name, such as `EEXIST`. */
  readonly errno?: string;
  /** The kernel's own words (netlink extended ACK). */
  readonly kernel?: string;
  readonly cause?: unknown;
}

/** The one error class: a closed code, the operation (`network.create`, `link.add`) and the facts. */
export class NetError extends Error {
  override readonly name = "NetError";
  readonly code: ErrorCode;
  readonly op: string;
  readonly subject: string | undefined;
  readonly field: string | undefined;
  readonly value: string | undefined;
  readonly remedy: string | undefined;
  readonly errno: string | undefined;
  readonly kernel: string | undefined;

  constructor(code: ErrorCode, op: string, details: NetErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.op = op;
    this.subject = details.subject;
    this.field = details.field;
    this.value = details.value;
    this.remedy = details.remedy;
    this.errno = details.errno;
    this.kernel = details.kernel;
  }

  /** The facts without the stack, as they travel in an HTTP body and a log line. */
  toJSON(): Record<string, string> {
    const out: Record<string, string> = { code: this.code, op: this.op, message: this.message };
    for (const key of ["subject", "field", "value", "remedy", "errno", "kernel"] as const) {
      const value = this[key];
      if (value !== undefined) out[key] = value;
    }
    return out;
  }
}

/** Shorthand for the most frequent refusal: one field, one value, one remedy. */
export function invalid(field: string, value: unknown, right: string, op: string): NetError {
  const shown = showValue(value);
  return new NetError("invalid", op, {
    message: `${field}: ${shown} is not valid: ${right}`,
    field,
    value: shown,
    remedy: right,
  });
}

/** A value as an error shows it: quoted, on one line, cut at 120 characters. */
export function showValue(value: unknown): string {
  const text =
    value === undefined
      ? "nothing"
      : typeof value === "string"
        ? JSON.stringify(value)
        : (JSON.stringify(value) ?? String(value));
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

/** True for a NetError of one of these codes (of any code when none is given). */
export function isNetError(error: unknown, ...codes: ErrorCode[]): error is NetError {
  return error instanceof NetError && (codes.length === 0 || codes.includes(error.code));
}

/** The text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
