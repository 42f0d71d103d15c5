import { badFlag } from "./flags.ts";

/** Numbers of signal(7), x86 and arm. */
const SIGNALS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ABRT: 6,
  KILL: 9,
  USR1: 10,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  CONT: 18,
  STOP: 19,
  WINCH: 28,
};

/** `SIGTERM`, `TERM`, `term` or `15` as a number; undefined when it is no signal. */
export function signalNumber(text: string): number | undefined {
  if (/^\d{1,2}$/.test(text)) return Number(text) >= 1 && Number(text) <= 64 ? Number(text) : undefined;
  return SIGNALS[text.toUpperCase().replace(/^SIG/, "")];
}

export function parseSignal(text: string, field: string): number {
  const number = signalNumber(text);
  if (number === undefined) throw badFlag(field, text, "write a signal like SIGTERM, or its number");
  return number;
}
