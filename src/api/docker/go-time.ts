import { NetError, showValue } from "../../base/errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's time.ParseDuration, in milliseconds; undefined when the text is none. */
export function tryParseDuration(text: string): number | undefined {
  const match = /^([-+]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.exec(text);
  if (match === null) return text === "0" ? 0 : undefined;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    sum += Number(number) * (UNIT_MS[unit as string] as number);
  }
  return match[1] === "-" ? -sum : sum;
}

/**
 * A moment as Docker's clients give it (moby, timetypes.GetTimestamp), in milliseconds since the epoch: a duration before
 * `now`, Unix seconds with a fraction, or a date of RFC 3339 whose end may be missing. Throws `invalid`.
 */
export function parseMoment(text: string, now: number): number {
  const duration = text === "0" ? undefined : tryParseDuration(text);
  if (duration !== undefined) return now - duration;
  if (/^-?\d+(\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  const date = /^\d{4}-\d\d-\d\d(T\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?(Z|[-+]\d\d:\d\d)?$/.test(text)
    ? Date.parse(completed(text))
    : Number.NaN;
  if (!Number.isNaN(date)) return date;
  throw new NetError("invalid", "docker.time", {
    message: `failed to parse value as time or duration: ${showValue(text)}`,
    field: "time",
    value: text,
  });
}

/** Without a zone it is the daemon's own; without a time the day's begin. */
function completed(text: string): string {
  const zone =
    /(Z|T.*[-+]\d\d:\d\d)$/.exec(text) === null ? "" : (/(Z|[-+]\d\d:\d\d)$/.exec(text)?.[0] ?? "");
  const [day, time = "00:00:00"] = text.slice(0, text.length - zone.length).split("T") as [string, string?];
  const parts = time.split(":");
  while (parts.length < 3) parts.push("00");
  return `${day}T${parts.join(":")}${zone}`;
}
