import fc from "fast-check";
import type { FastifyInstance } from "fastify";
import { connect as connectSocket } from "node:net";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { ERROR_CODES, NetError } from "../base/errors.ts";
import { bodyOf, errorOf, JSON_TYPE, openDescriptors, send, startApi } from "../testkit/api-server.ts";
import { nearMissesOf } from "../testkit/schema-values.ts";
import { HTTP_STATUS } from "./errors.ts";
import { requestSchemas } from "./request-schemas.ts";
import { byName } from "./schema.ts";

test.each([
  ["GET", "/netdock/v1/nothing"],
  ["PUT", "/netdock/v1/networks"],
  ["GET", "/netdock/v2/ping"],
  ["POST", "/netdock/v1/ping"],
])("an unknown route, %s %s: 404 in the same shape", async (method, path) => {
  await using running = await startApi();
  const answer = await send(running, { method, path: `${path}?a=1` });
  expect(answer.status).toBe(404);
  expect(errorOf(answer)).toMatchObject({ code: "not_found", subject: `${method} ${path}` });
});

test.each(["nope", "x".repeat(2000), "a/b", "ü €", "..", "%2e", "a?b#c", "constructor"])(
  "the name %j reaches the engine as it is",
  async (name) => {
    await using running = await startApi();
    await expect(running.client.network(name)).rejects.toMatchObject({ code: "not_found", subject: name });
    expect(running.engine.calls).toEqual([["network", name]]);
  },
);

test.each([
  ["/sandboxes/web/stop", 204, ["stopProcess", "web", { timeoutSeconds: 10, signal: 15 }]],
  ["/reconcile", 200, ["reconcile", { dryRun: false }]],
  ["/networks/prune", 200, ["pruneNetworks"]],
] as const)("POST %s needs no body, as curl -X POST sends it", async (path, status, call) => {
  await using running = await startApi();
  expect(await send(running, { method: "POST", path: `/netdock/v1${path}` })).toMatchObject({ status });
  expect(running.engine.calls).toEqual([call]);
});

test("a body that is needed and left out is missing", async () => {
  await using running = await startApi();
  const answer = await send(running, { method: "POST", path: "/netdock/v1/networks" });
  expect(answer.status).toBe(400);
  expect(errorOf(answer).message).toMatch(
    /^body: nothing is not valid: it must be an object, such as \{"name"/,
  );
});

test.each(ERROR_CODES)("a refusal of the engine, %s, keeps all its facts", async (code) => {
  const error = new NetError(code, "network.create", {
    message: "subnet: 10.0.0.0/8 overlaps eth0",
    subject: "backend",
    field: "ipam.config[0].subnet",
    value: '"10.0.0.0/8"',
    remedy: "take another",
    errno: "EEXIST",
    kernel: "File exists",
    cause: new Error("inside"),
  });
  await using running = await startApi({ createNetwork: () => Promise.reject(error) });
  const answer = await send(running, {
    method: "POST",
    path: "/netdock/v1/networks",
    body: '{"name":"backend"}',
    headers: JSON_TYPE,
  });
  expect(answer.status).toBe(HTTP_STATUS[code]);
  expect(errorOf(answer)).toEqual(error.toJSON());
});

test("a fault of ours: 500 that says nothing of the inside, and a log line that says all", async () => {
  const lines: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
  const fault = new TypeError("cannot read the secret of undefined");
  await using running = await startApi(
    {
      networks: () => {
        throw fault;
      },
    },
    { log },
  );
  const answer = await send(running, { path: "/netdock/v1/networks" });
  expect(answer.status).toBe(500);
  expect(errorOf(answer)).toEqual({
    code: "internal",
    op: "network.list",
    message: "network.list: netdock failed here by a fault of its own; the daemon's log says where",
  });
  expect(lines.join("")).toContain("cannot read the secret of undefined");
  expect(lines.join("")).toContain("server.test.ts");
});

test("a request that goes well logs nothing", async () => {
  const lines: string[] = [];
  await using running = await startApi(
    {},
    { log: pino({ level: "info" }, { write: (line: string) => void lines.push(line) }) },
  );
  await running.client.networks();
  await expect(running.client.network("nope")).rejects.toMatchObject({ code: "not_found" });
  expect(lines.filter((line) => !line.includes("Server listening"))).toEqual([]);
});

describe("whatever the body, the answer is a success or a refusal, never a fault", () => {
  const named = byName(requestSchemas);
  const schemaOf = (id: string): fc.Arbitrary<unknown> => nearMissesOf(named.get(`${id}#`) ?? {}, named);
  test.each([
    ["/networks", schemaOf("NetworkRequest")],
    ["/networks/backend/connect", schemaOf("ConnectRequest")],
    ["/networks/backend/disconnect", schemaOf("DisconnectRequest")],
    ["/networks/backend/cut", schemaOf("LinkRequest")],
    ["/partition", schemaOf("PartitionRequest")],
    ["/sandboxes", schemaOf("SandboxRequest")],
    ["/sandboxes/web/process", schemaOf("ProcessSpec")],
    ["/sandboxes/web/adopt-process", schemaOf("AdoptProcessRequest")],
    ["/sandboxes/web/exit", schemaOf("ExitRequest")],
    ["/sandboxes/web/stop", schemaOf("StopRequest")],
    ["/reconcile", schemaOf("ReconcileRequest")],
  ])("POST %s", async (path, bodies) => {
    await using running = await startApi();
    const near = bodies.map((value) => JSON.stringify(value) ?? "");
    const far = fc.oneof(
      fc.json(),
      fc.string(),
      near.chain((text) => fc.nat(text.length).map((at) => text.slice(0, at))),
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 3, arbitrary: near }, far), async (body) => {
        const before = running.engine.calls.length;
        const answer = await send(running, {
          method: "POST",
          path: `/netdock/v1${path}`,
          body,
          headers: JSON_TYPE,
        });
        if (answer.status >= 400) {
          expect(answer.status).toBe(400);
          expect(errorOf(answer).code).toBe("invalid");
          expect(errorOf(answer).message).not.toBe("");
          expect(running.engine.calls).toHaveLength(before);
        } else {
          expect([200, 201, 204]).toContain(answer.status);
          expect(running.engine.calls).toHaveLength(before + 1);
        }
      }),
      { numRuns: 80 },
    );
  });
});

test("two thousand requests at once are all answered, each with its own answer", async () => {
  await using running = await startApi();
  const before = openDescriptors().length;
  const answers = await Promise.all(
    Array.from({ length: 2000 }, (_, index) =>
      index % 2 === 0
        ? running.client.createNetwork({ name: `n${index}` }).then(({ name }) => name)
        : running.client.network(`missing${index}`).catch((error: unknown) => (error as NetError).subject),
    ),
  );
  expect(answers).toEqual(
    Array.from({ length: 2000 }, (_, index) => (index % 2 === 0 ? `n${index}` : `missing${index}`)),
  );
  running.client.close();
  await expect(
    send(running, { path: "/netdock/v1/ping", headers: { connection: "close" } }),
  ).resolves.toMatchObject({ status: 200 });
  await expect.poll(() => openDescriptors().length).toBeLessThanOrEqual(before);
});

describe("POST /shutdown", () => {
  test("answers first, then calls back", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    await using running = await startApi({}, { shutdown: () => resolve() });
    expect(await running.client.shutdown()).toEqual({ pid: process.pid });
    await asked;
  });

  test("closing the server inside the callback loses no answer", async () => {
    const closing: Promise<unknown>[] = [];
    await using running = await startApi({}, { shutdown: () => void closing.push(running.api.close()) });
    expect(await running.client.shutdown()).toEqual({ pid: process.pid });
    await Promise.all(closing);
    await expect(running.client.ping()).rejects.toMatchObject({ code: "unavailable" });
  });

  test("is refused where nothing ends on request", async () => {
    await using running = await startApi();
    await expect(running.client.shutdown()).rejects.toMatchObject({ code: "unsupported", op: "shutdown" });
  });
});

test("a server that closes finishes what it began, and refuses what comes after in its own words", async () => {
  const began = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const closing = Promise.withResolvers<void>();
  await using running = await startApi(
    {
      removeNetwork: async () => {
        began.resolve();
        await finish.promise;
      },
    },
    {
      // A hook registered later runs later: ours has run when this one does.
      prepare: (api) => void api.after(() => api.addHook("preClose", async () => closing.resolve())),
    },
  );
  const socket = connectSocket({ path: running.socketPath });
  const answers = Promise.withResolvers<string>();
  let text = "";
  socket.on("data", (chunk) => (text += String(chunk)));
  socket.on("end", () => answers.resolve(text));
  socket.write("DELETE /netdock/v1/networks/backend HTTP/1.1\r\nhost: x\r\n\r\n");
  await began.promise;
  const closed = running.api.close();
  await closing.promise;
  await new Promise<void>((resolve) => {
    socket.write("GET /netdock/v1/networks HTTP/1.1\r\nhost: x\r\n\r\n", () => resolve());
  });
  await new Promise((resolve) => setImmediate(resolve));
  finish.resolve();
  await closed;
  const [first = "", second = ""] = (await answers.promise).split(/(?=HTTP\/1\.1 )/);
  expect(first).toMatch(/^HTTP\/1\.1 204 /);
  expect(second).toMatch(/^HTTP\/1\.1 503 /);
  expect(errorOf(bodyOf(second))).toEqual({
    code: "unavailable",
    op: "network.list",
    message: "the daemon is shutting down",
  });
  expect(running.engine.calls).toEqual([["removeNetwork", "backend"]]);
});

test("another API beside ours has its own parsers, errors and routes", async () => {
  const theirs = async (scope: FastifyInstance): Promise<void> => {
    scope.get("/other/ping", () => "OK");
    scope.addContentTypeParser("text/plain", { parseAs: "string" }, (_request, body, done) => {
      done(null, body);
    });
    scope.post("/other/networks/create", (request) => ({ got: request.body }));
    scope.setErrorHandler((_error, _request, reply) => reply.code(418).send({ message: "theirs" }));
    scope.get("/other/broken", () => {
      throw new Error("theirs");
    });
    await Promise.resolve();
  };
  await using running = await startApi({}, { prepare: (api) => void api.register(theirs) });
  expect((await send(running, { path: "/other/ping" })).text).toBe("OK");
  const plain = { "content-type": "text/plain" };
  expect(
    (await send(running, { method: "POST", path: "/other/networks/create", body: "hi", headers: plain }))
      .text,
  ).toBe('{"got":"hi"}');
  expect(await send(running, { path: "/other/broken" })).toMatchObject({
    status: 418,
    text: '{"message":"theirs"}',
  });
  expect((await send(running, { path: "/netdock/v1/ping" })).text).toBe('{"ok":true}');
  expect(
    (await send(running, { method: "POST", path: "/netdock/v1/networks", body: "hi", headers: plain }))
      .status,
  ).toBe(400);
});
