/** Why a text cannot be split, for the caller to put behind the name of its field. */
export interface SplitFailure {
  readonly reason: string;
}

/**
 * Splits a command line into words as a POSIX shell would (IEEE Std 1003.1, Shell Command Language, section 2.2), with
 * quotes and backslashes and nothing else: no variables, no globs, no operators. Compose does the same to `command`.
 */
export function splitWords(text: string): readonly string[] | SplitFailure {
  const words: string[] = [];
  let word: string | undefined;
  let quote: "'" | '"' | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    const next = text[i + 1];
    if (quote === "'") {
      if (char === "'") quote = undefined;
      else word += char;
    } else if (char === "\\") {
      if (next === undefined) return { reason: "it ends with a backslash" };
      i++;
      // Within double quotes a backslash escapes only these; elsewhere it stays (section 2.2.3).
      const literal = quote === '"' && !'"\\$`\n'.includes(next);
      if (next !== "\n") word = `${word ?? ""}${literal ? "\\" : ""}${next}`;
    } else if (quote === '"') {
      if (char === '"') quote = undefined;
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = `${word ?? ""}${char}`;
    }
  }
  if (quote !== undefined) return { reason: `a quote (${quote}) is never closed` };
  if (word !== undefined) words.push(word);
  return words;
}

export function isSplitFailure(split: readonly string[] | SplitFailure): split is SplitFailure {
  return "reason" in split;
}
