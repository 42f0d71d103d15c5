import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What is timed. Every subject does each of them, on networks and sandboxes of the same shape. */
export const OPERATIONS = [
  "sandbox create",
  "attach",
  "attach, in a row",
  "detach",
  "delete",
  "delete, attached",
  "network create",
  "network delete",
  "ping",
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** One measurement. `part` of an operation: a share of its time, named; absent for the whole. */
export interface Sample {
  readonly operation: Operation;
  readonly part?: string | undefined;
  readonly milliseconds: number;
}

export interface Memory {
  /** Resident memory of the process that holds the engine. */
  readonly residentBytes: number;
  readonly descriptors: number;
}

/** Pauses of the garbage collector since the last question. */
export interface GarbageCollection {
  readonly pauses: number;
  readonly totalMs: number;
  readonly longestMs: number;
  /** Timed operations that a pause fell into. */
  readonly operationsHit: number;
}

/** Endpoints that are there while operations are timed. */
export interface Population {
  /** On the network that the timed sandboxes join. */
  readonly here: number;
  /** On other networks, MEMBERS each. */
  readonly elsewhere: number;
}

/** Attaches that follow one another without a rest. */
export const ROW = 10;

/** Endpoints on each network but the one that fills up. */
export const MEMBERS = 25;

/** Something that can do the operations. Each lives in a process and a network namespace of its own. */
export interface Subject {
  /** Makes sandboxes, each attached and publishing a port, until the population is as asked. */
  fill(population: Population): Promise<void>;
  /** Whole lives of sandboxes and networks, as fast as they go. */
  warm(rounds: number): Promise<void>;
  /** One life of each kind, timed, with rests between. */
  round(): Promise<Sample[]>;
  memory(): Promise<Memory>;
  garbage(): Promise<GarbageCollection>;
  close(): Promise<void>;
}

type Method = keyof Subject;
interface Call {
  readonly id: number;
  readonly method: Method;
  readonly argument?: unknown;
}
interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** In the subject's process: answers the coordinator's calls, one after another, until it hangs up. */
export function serve(subject: Subject): void {
  process.on("message", (call: Call) => {
    const run = subject[call.method] as (argument: unknown) => Promise<unknown>;
    run.call(subject, call.argument).then(
      (result) => process.send?.({ id: call.id, result } satisfies Answer),
      (error: unknown) =>
        process.send?.({
          id: call.id,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        } satisfies Answer),
    );
  });
  process.on("disconnect", () => process.exit(0));
}

/** A subject in a process of its own, which plays a host of its own: a network namespace beside the others. */
export function startSubject(
  script: string,
  args: readonly string[],
  nodeFlags: readonly string[],
): Subject & Disposable {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const child = spawn("unshare", ["--net", process.execPath, ...nodeFlags, path, ...args], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  child.on("message", ({ id, result, error }: Answer) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(`${script}: ${error}`));
  });
  child.on("exit", (code, signal) => {
    for (const call of waiting.values()) call.reject(new Error(`${script} ended (${signal ?? code})`));
  });
  const call = <T>(method: Method, argument?: unknown): Promise<T> => send(child, waiting, method, argument);
  return {
    fill: (population) => call("fill", population),
    warm: (rounds) => call("warm", rounds),
    round: () => call("round"),
    memory: () => call("memory"),
    garbage: () => call("garbage"),
    async close() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      await call("close");
      child.disconnect();
      await gone;
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

let lastId = 0;

function send<T>(
  child: ChildProcess,
  waiting: Map<number, PromiseWithResolvers<unknown>>,
  method: Method,
  argument: unknown,
): Promise<T> {
  const id = ++lastId;
  const answer = Promise.withResolvers<unknown>();
  waiting.set(id, answer);
  child.send({ id, method, argument } satisfies Call);
  return answer.promise as Promise<T>;
}
