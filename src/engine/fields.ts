import { NetError } from "../base/errors.ts";

/**
 * Runs a check of one part of a request and puts that part's place before the field its errors name: `ipv4` becomes
 * `networks[1].ipv4`. An empty place changes nothing.
 */
export function within<T>(place: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (place === "" || !(error instanceof NetError) || error.field === undefined) throw error;
    const { code: _code, op: _op, ...facts } = error.toJSON();
    const field = `${place}.${error.field}`;
    const named = error.message.startsWith(`${error.field}:`);
    const message = named ? `${place}.${error.message}` : `${field}: ${error.message}`;
    throw new NetError(error.code, error.op, { ...facts, message, field, cause: error });
  }
}
