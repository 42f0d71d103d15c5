const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

export const DURATION_FORM = "write a duration like 30s, 1m30s or 500ms";

/** Milliseconds of a duration in Compose's form (`1h5m30s`, `500ms`, units in falling or any order), or undefined. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(us|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, , unit] of text.matchAll(/(\d+(\.\d+)?)(us|ms|s|m|h)/g)) {
    total += Number(number) * (UNIT_MS[unit as string] as number);
  }
  return total;
}

/** `40 ms`, `1.8 s`, `12 s`, `3 min`: how long something took or is ago, for a person. */
export function formatElapsed(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}
