import { invalid, type NetError } from "../base/errors.ts";

/** A link name the kernel takes (dev_valid_name in net/core/dev.c): 1 to 15 bytes, no slash, colon or space. */
export function parseLinkName(text: string | undefined, field: string, op: string): string | undefined {
  if (text === undefined || text === "") return undefined;
  const right = "write 1 to 15 letters, digits, '.', '_' or '-'";
  if (/^[A-Za-z0-9_.-]{1,15}$/.test(text) && text !== "." && text !== "..") return text;
  throw invalid(field, text, right, op);
}

/** An unknown option with the nearest known one as the remedy. */
export function unknownOption(
  key: string,
  value: unknown,
  known: readonly string[],
  driver: string,
  op: "network.create" | "endpoint.attach",
): NetError {
  const last = key.slice(key.lastIndexOf(".") + 1);
  const near = last.length < 3 ? undefined : known.find((k) => k.endsWith(last));
  const right =
    near === undefined ? `the ${driver} driver knows ${known.join(", ") || "no options"}` : `use ${near}`;
  return invalid(`options.${key}`, value, `${key} is not an option of the ${driver} driver; ${right}`, op);
}
