import { type ErrorCode, isNetError } from "../base/errors.ts";

/** What the exit codes of every command mean; README and `netdock --help` show this table. */
export const EXIT = {
  ok: 0,
  /** It was tried and failed. */
  failure: 1,
  /** The command line, a file or a value in it is wrong; nothing was changed. */
  usage: 2,
  notFound: 3,
  /** Taken or in use. */
  conflict: 4,
  /** No daemon answers. */
  unavailable: 5,
  /** `run` and `exec`: netdock itself failed (Docker's number), so that 1 and 2 are the command's own. */
  runFailure: 125,
  /** `run` and `exec`: the command cannot be started. */
  cannotStart: 126,
  /** `run` and `exec`: there is no such command. */
  commandNotFound: 127,
  /** Ended by signal n: 128+n. */
  interrupted: 130,
} as const;

const BY_CODE: Readonly<Record<ErrorCode, number>> = {
  invalid: EXIT.usage,
  not_found: EXIT.notFound,
  conflict: EXIT.conflict,
  in_use: EXIT.conflict,
  forbidden: EXIT.failure,
  exhausted: EXIT.failure,
  unsupported: EXIT.failure,
  unavailable: EXIT.unavailable,
  cancelled: EXIT.interrupted,
  kernel: EXIT.failure,
  internal: EXIT.failure,
};

/** The exit code for something thrown. */
export function exitCodeOf(error: unknown): number {
  return isNetError(error) ? BY_CODE[error.code] : EXIT.failure;
}
