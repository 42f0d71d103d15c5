/** Go's strconv.ParseBool, which is what Docker's users rely on; undefined for any other text. */
export function tryParseBool(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  return undefined;
}
