import { closeSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { ReadStream } from "node:tty";
import type { ContainerSpec } from "../../model/container.ts";
import type { Processes, SpawnRequest, TerminalSize } from "../../model/process.ts";
import type { StreamLog } from "./stream-log.ts";

/** The standard streams of one run of a container, as the daemon holds them. */
export interface RunStreams {
  /** What `spawn` takes. */
  readonly stdio: SpawnRequest["stdio"];
  /** What is written here the command reads; undefined: it has no input, or no daemon holds it any more. */
  readonly stdin: Socket | undefined;
  resize(size: TerminalSize): void;
  /** The command has its copies now, or was never started. */
  release(): void;
  /** Resolves when all output is in the log; to be called when the command has ended. */
  drained(): Promise<void>;
  close(): void;
}

/** Output goes to the log by the kernel itself; only a terminal's goes through the daemon. */
export function openStreams(
  processes: Processes,
  spec: Pick<ContainerSpec, "tty" | "stdin">,
  log: StreamLog,
  size: TerminalSize | undefined,
): RunStreams {
  return spec.tty ? openTerminalStreams(processes, log, size) : openFileStreams(processes, spec, log);
}

function openFileStreams(
  processes: Processes,
  spec: Pick<ContainerSpec, "stdin">,
  log: StreamLog,
): RunStreams {
  const pipe = spec.stdin ? processes.openPipe() : undefined;
  const input = pipe?.read ?? openSync("/dev/null", "r");
  const [out, err] = [openSync(log.path("stdout"), "a"), openSync(log.path("stderr"), "a")];
  const stdin = pipe === undefined ? undefined : socketOn(pipe.write, { writable: true });
  let released = false;
  return {
    stdio: { kind: "descriptors", descriptors: [input, out, err] },
    stdin,
    resize: () => undefined,
    release() {
      if (released) return;
      released = true;
      for (const fd of [input, out, err]) closeSync(fd);
    },
    drained: () => Promise.resolve(),
    close: () => stdin?.destroy(),
  };
}

function openTerminalStreams(
  processes: Processes,
  log: StreamLog,
  size: TerminalSize | undefined,
): RunStreams {
  const { master, path } = processes.openTerminal(size);
  const terminal = new ReadStream(master);
  const out = openSync(log.path("stdout"), "a");
  const { promise, resolve } = Promise.withResolvers<void>();
  terminal.on("data", (bytes: Buffer) => void writeSync(out, bytes));
  // EIO when the last process that has the terminal open is gone (pts(4)): its end.
  terminal.on("error", () => terminal.destroy());
  terminal.on("close", () => {
    closeSync(out);
    resolve();
  });
  return {
    stdio: { kind: "terminal", path },
    stdin: terminal,
    resize: (to) => processes.resizeTerminal(master, to),
    release: () => undefined,
    drained: () => promise,
    close: () => terminal.destroy(),
  };
}

/** A pipe's end in Node's own loop. What reads or writes at the other end may leave at any time. */
export function socketOn(
  fd: number,
  way: { readonly readable?: boolean; readonly writable?: boolean },
): Socket {
  const socket = new Socket({ fd, readable: way.readable ?? false, writable: way.writable ?? false });
  socket.on("error", () => socket.destroy());
  return socket;
}
