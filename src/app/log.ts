import { pino, type Logger } from "pino";

/** Levels a user may name. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"] as const;

/** Structured log on standard error, one JSON object a line. */
export function createLog(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
}
