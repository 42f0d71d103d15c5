import { isNetError, NetError } from "../../../base/errors.ts";
import type { Socket } from "node:net";
import { finished } from "node:stream/promises";
import type { Engine } from "../../../engine/contract.ts";
import type { ExecStreams } from "../../../engine/containers/contract.ts";
import type { StreamName } from "../../../engine/containers/stream-log.ts";
import { bool, int, listOf, pointer, string, struct } from "../decode.ts";
import { type Answer, created, DONE, ok } from "../reply.ts";
import type { Call } from "../route.ts";
import { feedInput } from "./attach.ts";
import { parseDetachKeys } from "./detach-keys.ts";
import { framed, streamType } from "./frames.ts";
import { type ClientStream, takeStream } from "./hijack.ts";
import { refOf } from "./ref.ts";
import { commandWords } from "./start-error.ts";

const createBody = struct("container.ExecOptions", {
  User: string,
  Privileged: bool,
  Tty: bool,
  AttachStdin: bool,
  AttachStdout: bool,
  AttachStderr: bool,
  DetachKeys: string,
  Env: listOf(string),
  WorkingDir: string,
  Cmd: listOf(string),
});

const startBody = struct("container.ExecStartOptions", {
  Detach: bool,
  Tty: bool,
  ConsoleSize: pointer(listOf(int)),
});

export function createExec(engine: Engine, call: Call): Answer {
  const body = call.body(createBody);
  if (body.Cmd.length === 0) {
    throw new NetError("invalid", "exec.create", { message: "no exec command specified", field: "Cmd" });
  }
  if (body.Privileged || !["", "0", "root", "0:0", "root:root"].includes(body.User)) {
    throw new NetError("unsupported", "exec.create", {
      message: "--user, --privileged: netdock runs commands as root, with root's own privileges",
      field: body.Privileged ? "Privileged" : "User",
    });
  }
  const { id } = engine.containers.createExec(refOf(call), {
    command: body.Cmd,
    env: [...(body.Tty ? ["TERM=xterm"] : []), ...body.Env],
    workingDir: body.WorkingDir === "" ? undefined : body.WorkingDir,
    tty: body.Tty,
    stdin: body.AttachStdin,
    stdout: body.AttachStdout,
    stderr: body.AttachStderr,
    asked: body.DetachKeys,
  });
  return created({ Id: id });
}

export function inspectExec(engine: Engine, { param }: Call): Answer {
  const { id, subjectId, spec, state, pid, exitCode } = engine.containers.exec(param("id"));
  return ok({
    ID: id,
    Running: state === "running",
    ExitCode: exitCode ?? null,
    ProcessConfig: {
      tty: spec.tty,
      entrypoint: spec.command[0],
      arguments: spec.command.slice(1),
      privileged: false,
    },
    OpenStdin: spec.stdin,
    OpenStderr: spec.stderr,
    OpenStdout: spec.stdout,
    CanRemove: state === "exited",
    ContainerID: subjectId,
    DetachKeys: "",
    Pid: pid,
  });
}

export async function startExec(engine: Engine, call: Call): Promise<Answer | undefined> {
  const { request, reply } = call;
  const body = call.body(startBody);
  const id = call.param("id");
  const { spec } = engine.containers.exec(id);
  const [rows = 0, columns = 0] = body.ConsoleSize ?? [];
  const size = rows > 0 && columns > 0 ? { size: { rows, columns } } : {};
  const keys = parseDetachKeys(String(spec.asked));
  let streams;
  try {
    streams = await engine.containers.startExec(id, size);
  } catch (error) {
    const words = isNetError(error) ? commandWords(error) : undefined;
    if (words === undefined || body.Detach) throw error;
    // Who attaches is told where the output would come, and asks for the exit code as ever (moby, daemon/exec.go).
    const stream = takeStream(request, reply, streamType(spec.tty));
    await stream.write(framed(Buffer.from(`exec failed: ${words}\r\n`), { stream: "stdout", tty: spec.tty }));
    stream.end();
    return undefined;
  }
  if (body.Detach) {
    streams.stdin?.end();
    streams.stdout?.resume();
    streams.stderr?.resume();
    return DONE;
  }
  const { tty } = spec;
  const stream = takeStream(request, reply, streamType(tty));
  feedInput(stream, {
    to: streams.stdin,
    keys: tty ? keys : undefined,
    ended: () => void (tty ? undefined : streams.stdin?.end()),
  });
  await Promise.all([
    send(stream, streams.stdout, { stream: "stdout", tty }),
    send(stream, streams.stderr, { stream: "stderr", tty }),
  ]);
  await lastWord(streams);
  stream.end();
  return undefined;
}

async function send(
  to: ClientStream,
  from: Socket | undefined,
  of: { readonly stream: StreamName; readonly tty: boolean },
): Promise<void> {
  if (from === undefined) return;
  from.on("data", (chunk: Buffer) => {
    from.pause();
    void to.write(framed(chunk, of)).then(() => from.resume());
  });
  // The end of a terminal is an error (EIO).
  await finished(from, { writable: false }).catch(() => undefined);
}

/** The client asks for the exit code as soon as the stream ends. */
async function lastWord({ ended, stdin }: ExecStreams): Promise<void> {
  await ended;
  stdin?.destroy();
}

export function resizeExec(engine: Engine, { param, query }: Call): Answer {
  const [rows, columns] = [Number(query("h")), Number(query("w"))];
  if (rows > 0 && columns > 0) engine.containers.resizeExec(param("id"), { rows, columns });
  return DONE;
}
