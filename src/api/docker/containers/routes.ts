import { isNetError, NetError } from "../../../base/errors.ts";
import type { WaitCondition } from "../../../engine/containers/contract.ts";
import type { Engine } from "../../../engine/contract.ts";
import type { DockerContext } from "../plugin.ts";
import { type Answer, beginRaw, created, DONE, jsonText, NO_CONTENT, ok } from "../reply.ts";
import type { Call, DockerRoute } from "../route.ts";
import { attach } from "./attach.ts";
import { createBody } from "./create-body.ts";
import { containerSpec } from "./create.ts";
import { createExec, inspectExec, resizeExec, startExec } from "./exec.ts";
import { imageView } from "./image.ts";
import { listContainers, pruneContainers } from "./list.ts";
import { logs } from "./logs.ts";
import { cleanRef, refOf } from "./ref.ts";
import { parseSignal } from "./signals.ts";
import { startError } from "./start-error.ts";
import { inspectView } from "./view.ts";

const SIGKILL = 9;
const NOT_MODIFIED: Answer = { status: 304 };

export function containerRoutes({ engine }: DockerContext): readonly DockerRoute[] {
  const { containers } = engine;
  return [
    { method: "GET", path: "/containers/json", run: (call) => ok(listContainers(engine, call)) },
    { method: "POST", path: "/containers/create", run: (call) => create(engine, call) },
    {
      method: "POST",
      path: "/containers/prune",
      run: async (call) => ok(await pruneContainers(engine, call)),
    },
    {
      method: "GET",
      path: "/containers/:ref/json",
      run: (call) => ok(inspectView(engine, containers.find(refOf(call)))),
    },
    { method: "POST", path: "/containers/:ref/start", run: (call) => start(engine, call) },
    { method: "POST", path: "/containers/:ref/stop", run: (call) => stop(engine, call) },
    {
      method: "POST",
      path: "/containers/:ref/restart",
      run: async (call) => {
        await stop(engine, call);
        await start(engine, call);
        return NO_CONTENT;
      },
    },
    {
      method: "POST",
      path: "/containers/:ref/kill",
      run: async (call) => {
        const signal = call.query("signal") === "" ? SIGKILL : parseSignal(call.query("signal"));
        await containers.kill(refOf(call), signal);
        return NO_CONTENT;
      },
    },
    {
      method: "POST",
      path: "/containers/:ref/rename",
      run: async (call) => {
        const name = call.query("name");
        if (name === "") throw refuse("Neither old nor new names may be empty", "name");
        await containers.rename(refOf(call), checkedName(cleanRef(name)));
        return NO_CONTENT;
      },
    },
    {
      method: "DELETE",
      path: "/containers/:ref",
      run: async (call) => {
        if (call.flag("link")) throw unsupported("netdock removes no links");
        await containers.remove(refOf(call), { force: call.flag("force") });
        return NO_CONTENT;
      },
    },
    { method: "POST", path: "/containers/:ref/wait", run: (call) => wait(engine, call) },
    { method: "POST", path: "/containers/:ref/attach", run: (call) => attach(engine, call) },
    { method: "GET", path: "/containers/:ref/logs", run: (call) => logs(engine, call) },
    {
      method: "POST",
      path: "/containers/:ref/resize",
      run: (call) => {
        const [rows, columns] = [Number(call.query("h")), Number(call.query("w"))];
        if (rows > 0 && columns > 0) containers.resize(refOf(call), { rows, columns });
        return DONE;
      },
    },
    { method: "POST", path: "/containers/:ref/exec", run: (call) => createExec(engine, call) },
    { method: "GET", path: "/exec/:id/json", run: (call) => inspectExec(engine, call) },
    { method: "POST", path: "/exec/:id/start", run: (call) => startExec(engine, call) },
    { method: "POST", path: "/exec/:id/resize", run: (call) => resizeExec(engine, call) },
    { method: "GET", path: "/images/host/json", run: () => ok(imageView()) },
    ...["pause", "unpause", "update"].map((verb): DockerRoute => ({
      method: "POST",
      path: `/containers/:ref/${verb}`,
      run: (call) => notDone(engine, call, verb),
    })),
    ...["stats", "changes", "export", "archive", "top"].map((verb): DockerRoute => ({
      method: "GET",
      path: `/containers/:ref/${verb}`,
      run: (call) => notDone(engine, call, verb),
    })),
  ];
}

async function create(engine: Engine, call: Call): Promise<Answer> {
  const body = call.body(createBody);
  const name = call.query("name");
  const spec = containerSpec(engine, body);
  try {
    const { id } = await engine.containers.create({
      ...(name === "" ? {} : { name: checkedName(cleanRef(name)) }),
      spec,
    });
    return created({ Id: id, Warnings: [] });
  } catch (error) {
    if (isNetError(error, "conflict") && error.field === "name") throw taken(engine, cleanRef(name));
    throw error;
  }
}

/** moby, daemon/names. */
function checkedName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return name;
  throw refuse(`Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`, "name");
}

function taken(engine: Engine, name: string): NetError {
  const { id } = engine.containers.find(name);
  return new NetError("conflict", "container.create", {
    message:
      `Conflict. The container name "/${name}" is already in use by container "${id}". ` +
      "You have to remove (or rename) that container to be able to reuse that name.",
    field: "name",
    value: name,
  });
}

async function start(engine: Engine, call: Call): Promise<Answer> {
  const subject = engine.containers.find(refOf(call));
  try {
    return (await engine.containers.start(subject.id)) ? NO_CONTENT : NOT_MODIFIED;
  } catch (error) {
    throw startError(error, subject);
  }
}

async function stop(engine: Engine, call: Call): Promise<Answer> {
  const { query } = call;
  const [signal, seconds] = [query("signal"), query("t")];
  if (seconds !== "" && !/^-?\d+$/.test(seconds)) {
    throw refuse(`strconv.Atoi: parsing ${JSON.stringify(seconds)}: invalid syntax`, "t");
  }
  const stopped = await engine.containers.stop(refOf(call), {
    ...(signal === "" ? {} : { signal: parseSignal(signal) }),
    ...(seconds === "" ? {} : { timeoutSeconds: Number(seconds) }),
  });
  return stopped ? NO_CONTENT : NOT_MODIFIED;
}

const CONDITIONS: readonly string[] = ["not-running", "next-exit", "removed"] satisfies WaitCondition[];

/** Its head goes out at once: clients start the container when they know that somebody waits. */
async function wait(engine: Engine, call: Call): Promise<undefined> {
  const { query, reply } = call;
  const condition = query("condition") === "" ? "not-running" : query("condition");
  if (!CONDITIONS.includes(condition))
    throw refuse(`invalid condition: ${JSON.stringify(condition)}`, "condition");
  const ref = refOf(call);
  // Refused before anything is promised.
  engine.containers.find(ref);
  const left = new AbortController();
  const waiting = engine.containers.wait(ref, condition as WaitCondition, left.signal);
  beginRaw(reply, 200, { "Content-Type": "application/json" });
  reply.raw.once("close", () => left.abort());
  try {
    const { exitCode, error } = await waiting;
    const more = error === undefined ? {} : { Error: { Message: error } };
    reply.raw.end(jsonText({ StatusCode: exitCode, ...more }));
  } catch (error) {
    if (!isNetError(error, "cancelled")) call.request.log.error({ err: error }, "could not wait");
    reply.raw.end();
  }
  return undefined;
}

function notDone(engine: Engine, call: Call, verb: string): never {
  engine.containers.find(refOf(call));
  throw unsupported(`netdock does not do this to a container (${verb})`);
}

function unsupported(message: string): NetError {
  return new NetError("unsupported", "docker.request", { message });
}

function refuse(message: string, field: string): NetError {
  return new NetError("invalid", "docker.container", { message, field });
}
