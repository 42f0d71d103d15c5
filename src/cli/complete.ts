import { HOST_FLAG, isClientFlag } from "./client-flags.ts";
import type { Completion, CommandSpec, FlagSpec } from "./spec.ts";
import { COMMANDS, GROUPS } from "./specs/all.ts";

/** What may stand in place of the last word of a command line. */
export interface Candidates {
  /** Words with a word of explanation each. */
  readonly words: readonly { readonly word: string; readonly text: string }[];
  /** Names that only the daemon knows, or files that only the shell knows. */
  readonly more: "network" | "sandbox" | "file" | "directory" | undefined;
}

const NOTHING: Candidates = { words: [], more: undefined };

/** Candidates for the last of `words`, the command line behind `netdock` (the last word is empty when it is yet to come). */
export function complete(words: readonly string[]): Candidates {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  const found = walk(before);
  return found === undefined ? NOTHING : narrowed(found.candidates(current), current);
}

/** Where a command line stands: how to go on from there. */
interface Position {
  candidates(current: string): Candidates;
}

function walk(words: readonly string[]): Position | undefined {
  let at = 0;
  let path = "";
  let spec: CommandSpec | undefined;
  while (at < words.length && spec === undefined) {
    const word = words[at] as string;
    at++;
    if (isClientFlag(word)) {
      if (at === words.length) return { candidates: () => completionOf("file") };
      at++;
    } else if (!word.startsWith("-")) {
      path = path === "" ? word : `${path} ${word}`;
      spec = COMMANDS.find((command) => command.path === path);
      if (spec === undefined && !Object.hasOwn(GROUPS, path)) return undefined;
    }
  }
  if (spec === undefined) return { candidates: (current) => commandNames(path, current) };
  return within(spec, words.slice(at));
}

function within(spec: CommandSpec, words: readonly string[]): Position | undefined {
  const flags = [...spec.flags.filter((flag) => flag.hidden !== true), HOST_FLAG];
  let given = 0;
  let onlyArguments = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (!onlyArguments && word === "--") onlyArguments = true;
    else if (!onlyArguments && word.startsWith("-") && word !== "-") {
      const flag = flags.find((candidate) => spellings(candidate).includes(word));
      if (flag?.flags.includes("<") === true) {
        i++;
        if (i === words.length) return { candidates: () => completionOf(flag.complete) };
      }
    } else {
      given++;
      // What follows the first argument of `run` is another program's command line.
      if (spec.passThrough === true) onlyArguments = true;
    }
  }
  return { candidates: (current) => next(spec, flags, given, onlyArguments, current) };
}

function next(
  spec: CommandSpec,
  flags: readonly FlagSpec[],
  given: number,
  onlyArguments: boolean,
  current: string,
): Candidates {
  if (current.startsWith("-") && !onlyArguments) {
    const words = flags.map((flag) => ({ word: spellings(flag).at(-1) as string, text: flag.text }));
    return { words: [...words, { word: "--help", text: "show help" }], more: undefined };
  }
  const last = spec.args.at(-1);
  const argument = spec.args[given] ?? (last?.name.includes("...") === true ? last : undefined);
  return completionOf(argument?.complete);
}

function completionOf(completion: Completion | undefined): Candidates {
  if (completion === undefined) return NOTHING;
  if (typeof completion === "string") return { words: [], more: completion };
  return { words: completion.map((word) => ({ word, text: "" })), more: undefined };
}

function commandNames(path: string, current: string): Candidates {
  if (current.startsWith("-")) {
    return {
      words: [
        { word: "--host", text: HOST_FLAG.text },
        { word: "--help", text: "show help" },
        { word: "--version", text: "print the version" },
      ],
      more: undefined,
    };
  }
  const prefix = path === "" ? "" : `${path} `;
  const commands = COMMANDS.filter((spec) => spec.hidden !== true && spec.path.startsWith(prefix)).map(
    (spec) => {
      const rest = spec.path.slice(prefix.length);
      const word = rest.split(" ")[0] as string;
      return { word, text: word === rest ? spec.summary : (GROUPS[word] ?? "") };
    },
  );
  const words = commands.filter(({ word }, i) => commands.findIndex((other) => other.word === word) === i);
  return { words, more: undefined };
}

function narrowed({ words, more }: Candidates, current: string): Candidates {
  return { words: words.filter(({ word }) => word.startsWith(current)), more };
}

/** `-d, --driver <name>` → `-d`, `--driver` */
function spellings(flag: FlagSpec): string[] {
  return flag.flags.split(/[ ,]+/).filter((part) => part.startsWith("-"));
}
