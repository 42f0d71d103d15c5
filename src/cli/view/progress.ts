import type { CliContext } from "../context.ts";
import { formatElapsed } from "../text/duration.ts";

/** Tells a person what is going on. One line a thing (`network shop_front`), keyed by its label. */
export interface Progress {
  /** The thing's new state, while it goes on. */
  update(label: string, state: string): void;
  done(label: string, state: string): void;
  failed(label: string, state: string): void;
  /** A line that stays. */
  say(text: string): void;
  /** Leaves the last state on the screen. Nothing may be told afterwards. */
  end(): void;
}

/** Live lines at a terminal, one line for each finished thing in a pipe, nothing for programs. */
export function createProgress(context: CliContext, isSilent: boolean): Progress {
  if (isSilent) return new PlainProgress(context, true);
  return context.stderr.isTty ? new LiveProgress(context) : new PlainProgress(context, false);
}

class PlainProgress implements Progress {
  readonly #context: CliContext;
  readonly #isSilent: boolean;

  constructor(context: CliContext, isSilent: boolean) {
    this.#context = context;
    this.#isSilent = isSilent;
  }

  update(): void {
    // In a pipe only results are worth a line.
  }

  done(label: string, state: string): void {
    this.say(`${label} ${state}`);
  }

  failed(label: string, state: string): void {
    this.say(`${label} ${state}`);
  }

  say(text: string): void {
    if (!this.#isSilent) this.#context.stderr.write(`${text}\n`);
  }

  end(): void {
    // Every line stands already.
  }
}

interface Line {
  readonly label: string;
  state: string;
  mark: " " | "✓" | "✗";
  readonly since: number;
  until: number | undefined;
}

/** Milliseconds between repaints: quick enough for the eye, and fifty things that change at once are one repaint. */
const TICK_MS = 80;

class LiveProgress implements Progress {
  readonly #context: CliContext;
  readonly #lines = new Map<string, Line>();
  /** Lines on the screen now, to be painted over. */
  #painted = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: CliContext) {
    this.#context = context;
  }

  update(label: string, state: string): void {
    this.#set(label, state, " ");
  }

  done(label: string, state: string): void {
    this.#set(label, state, "✓");
  }

  failed(label: string, state: string): void {
    this.#set(label, state, "✗");
  }

  say(text: string): void {
    this.#context.stderr.write(`${this.#erase()}${text}\n`);
    this.#painted = 0;
    this.#paint(false);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#paint(true);
    this.#lines.clear();
    this.#painted = 0;
  }

  #set(label: string, state: string, mark: Line["mark"]): void {
    const now = this.#context.now();
    const line = this.#lines.get(label) ?? { label, state, mark, since: now, until: undefined };
    line.state = state;
    line.mark = mark;
    line.until = mark === " " ? undefined : now;
    this.#lines.set(label, line);
    this.#timer ??= setInterval(() => this.#paint(false), TICK_MS);
  }

  /** Back to the first of our lines, everything from there cleared (ECMA-48 CPL and ED). */
  #erase(): string {
    return this.#painted === 0 ? "" : `\u001B[${this.#painted}F\u001B[J`;
  }

  #paint(isLast: boolean): void {
    const { columns, rows } = this.#context.stderr.size();
    const all = [...this.#lines.values()];
    // What does not fit on the screen cannot be painted over: what goes on comes first, the rest is a number.
    const room = isLast ? all.length : Math.max(1, rows - 2);
    const shown =
      all.length <= room
        ? all
        : all.toSorted((a, b) => Number(a.mark !== " ") - Number(b.mark !== " ")).slice(0, room);
    const width = Math.max(0, ...shown.map(({ label }) => label.length));
    const texts = shown.map((line) => this.#text(line, width).slice(0, columns - 1));
    if (shown.length < all.length) texts.push(`  … and ${all.length - shown.length} more`);
    this.#context.stderr.write(`${this.#erase()}${texts.map((text) => `${text}\n`).join("")}`);
    this.#painted = texts.length;
  }

  #text(line: Line, width: number): string {
    const elapsed = formatElapsed((line.until ?? this.#context.now()) - line.since);
    return `${line.mark} ${line.label.padEnd(width)}  ${line.state}  ${elapsed}`;
  }
}
