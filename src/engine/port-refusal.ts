import { isNetError, NetError } from "../base/errors.ts";
import type { PortMapping } from "../model/ports.ts";

/** The refusal of the last port of a range, which says that it was the last. */
export function noneFree(error: unknown, { hostPort, hostPortLast }: PortMapping): unknown {
  if (hostPortLast === undefined || !isNetError(error, "conflict")) return error;
  const { code: _code, op: _op, message, ...facts } = error.toJSON();
  const range = `${hostPort}-${hostPortLast}`;
  const whole = `none of the host's ports ${range} is free: ${message}`;
  return new NetError(error.code, error.op, { ...facts, message: whole, cause: error });
}

/** A refusal of the host that names the wish at fault. */
export function inPublish(error: unknown, index: number): unknown {
  if (!isNetError(error, "conflict", "invalid", "unsupported") || error.field !== undefined) return error;
  const { code: _code, op: _op, message, ...facts } = error.toJSON();
  const field = `publish[${index}]`;
  const other = "publish another port, or leave the host port out to get a free one";
  const remedy = error.remedy ?? (error.code === "conflict" ? other : undefined);
  const whole = `${field}: ${message}`;
  return new NetError(error.code, error.op, {
    ...facts,
    message: remedy === undefined || whole.includes(remedy) ? whole : `${whole}: ${remedy}`,
    field,
    ...(remedy === undefined ? {} : { remedy }),
    cause: error,
  });
}
