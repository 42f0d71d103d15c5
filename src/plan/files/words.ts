import { NetError, showValue } from "../../base/errors.ts";

/**
 * A word in a file of words and lines. White space inside it, above all a line break, would add entries of the writer's
 * choosing to a file that decides who is who; `#` and `;` would hide the rest of the line. Throws `invalid`.
 */
export function checkWord(word: string, field: string, op: string): string {
  // Anything but printable ASCII; the files know no other.
  if (/^[!"$-:<-~]+$/.test(word)) return word;
  const right = "write one word of printable ASCII without spaces, # and ;";
  throw new NetError("invalid", op, {
    message: `${field}: ${showValue(word)} cannot stand in the file: ${right}`,
    field,
    value: showValue(word),
    remedy: right,
  });
}
