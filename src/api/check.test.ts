import fastify from "fastify";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearMissesOf, valuesOf } from "../testkit/schema-values.ts";
import { checkValue } from "./check.ts";
import { daemonSchemas } from "./daemon-schemas.ts";
import { networkRequest } from "./network-requests.ts";
import { eventsQuery, requestSchemas } from "./request-schemas.ts";
import { logsQuery, sandboxRequest } from "./sandbox-requests.ts";
import { responseSchemas } from "./response-schemas.ts";
import { byName, type Keywords, use } from "./schema.ts";

const named = byName([...requestSchemas, ...responseSchemas, ...daemonSchemas]);
const context = { named, whole: "body", op: "test" };

function message(value: unknown, schema: Keywords): string | undefined {
  return checkValue(value, schema, context)?.message;
}

describe("checkValue() says", () => {
  const cases: readonly (readonly [what: string, schema: Keywords, value: unknown, message: string])[] = [
    [
      "which field is misspelt",
      networkRequest,
      { name: "a", ipam: { config: [{ subnett: "10.0.0.0/8" }] } },
      'ipam.config[0].subnett: is not a field of PoolRequest; did you mean "subnet"?',
    ],
    [
      "that a required field is misspelt, not that it is missing",
      networkRequest,
      { nmae: "a" },
      'nmae: is not a field of NetworkRequest; did you mean "name"?',
    ],
    [
      "which fields there are when none is near",
      networkRequest,
      { name: "a", ipam: { colour: "red" } },
      "ipam.colour: is not a field of IpamRequest; its fields are driver, options, config",
    ],
    ["what is missing", networkRequest, {}, 'name: missing; NetworkRequest needs it, such as "backend"'],
    [
      "what type is right",
      networkRequest,
      { name: 5 },
      'name: 5 is not valid: it must be a string, such as "backend"',
    ],
    [
      "the key of a map as a key",
      networkRequest,
      { name: "a", labels: { "a.b/c": null, 0: "x" } },
      'labels["a.b/c"]: null is not valid: it must be a string',
    ],
    [
      "a numeric key of a map as a key, not as an index",
      networkRequest,
      { name: "a", labels: { 0: 1 } },
      'labels["0"]: 1 is not valid: it must be a string',
    ],
    ["that null is no object", networkRequest, null, "body: null is not valid: it must be an object"],
    ["that a list is no object", networkRequest, [], "body: [] is not valid: it must be an object"],
    [
      "that an object is no list",
      networkRequest,
      { name: "a", ipam: { config: {} } },
      "ipam.config: {} is not valid: it must be an array",
    ],
    ["that a name is empty", networkRequest, { name: "" }, 'name: "" is not valid: it must not be empty'],
    [
      "one of two",
      sandboxRequest,
      { netns: { path: "/x", pid: 1 } },
      'netns: {"path":"/x","pid":1} is not valid: give exactly one of path, pid',
    ],
    [
      "one of two when there is none",
      sandboxRequest,
      { netns: {} },
      "netns: {} is not valid: give exactly one",
    ],
    [
      "the range of a number",
      sandboxRequest,
      { netns: { pid: 0 } },
      "netns.pid: 0 is not valid: it must be from 1 to 4194304",
    ],
    [
      "that a fraction is no integer",
      sandboxRequest,
      { networks: [{ network: "a" }, { network: "a", gwPriority: 1.5 }] },
      "networks[1].gwPriority: 1.5 is not valid: it must be an integer",
    ],
    [
      "that a list is too short",
      sandboxRequest,
      { process: { command: [], env: [] } },
      "process.command: [] is not valid: it needs at least 1",
    ],
    [
      "where a NUL hides",
      sandboxRequest,
      { process: { command: ["sh", "a\0b"], env: [] } },
      String.raw`process.command[1]: "a\u0000b" is not valid: it must have no NUL character`,
    ],
    [
      "which words are right",
      logsQuery,
      { follow: "maybe" },
      'follow: "maybe" is not valid: write true, false, 1 or 0',
    ],
    [
      "the shape in words",
      logsQuery,
      { tail: "-1" },
      'tail: "-1" is not valid: write a number of lines, or all',
    ],
    [
      "that a parameter was given twice",
      eventsQuery,
      { since: ["1", "2"] },
      'since: ["1","2"] is not valid: it must be a string',
    ],
    [
      "that an inherited name is no field",
      networkRequest,
      { name: "a", toString: "x" },
      "toString: is not a field of NetworkRequest",
    ],
  ];
  test.each(cases)("%s", (_what, schema, value, expected) => {
    const found = message(value, schema);
    expect(found).toBeDefined();
    expect(found?.slice(0, expected.length)).toBe(expected);
  });
});

test("checkValue() carries field, value and remedy apart from the sentence", () => {
  expect(checkValue({ name: true }, networkRequest, context)?.toJSON()).toEqual({
    code: "invalid",
    op: "test",
    message: 'name: true is not valid: it must be a string, such as "backend"',
    field: "name",
    value: "true",
    remedy: 'it must be a string, such as "backend"',
  });
});

test("checkValue() walks values as deep as the schema only", () => {
  let deep: unknown = "x";
  for (let depth = 0; depth < 100_000; depth++) deep = [deep];
  expect(checkValue({ name: deep }, networkRequest, { ...context, op: "x" })?.field).toBe("name");
});

describe("checkValue() agrees with a validator of the whole of JSON Schema", () => {
  // fastify's own (ajv), told to take values as they are. Its verdict comes through a request, as a status.
  const server = fastify({
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        keywords: ["x-right"],
      },
    },
  });
  for (const schema of requestSchemas) server.addSchema(schema);
  for (const { $id } of requestSchemas) {
    server.post(`/${$id}`, { schema: { body: { $ref: `${$id}#` } } }, () => "good");
  }

  test.each(requestSchemas.map((schema) => [schema.$id ?? "", schema] as const))("%s", async (id, schema) => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(valuesOf(schema, named), nearMissesOf(schema, named)), async (value) => {
        const body = JSON.stringify(value) ?? "null";
        fc.pre(!body.includes("__proto__"));
        const verdict = await server.inject({
          method: "POST",
          url: `/${id}`,
          headers: { "content-type": "application/json" },
          body,
        });
        const ours = checkValue(JSON.parse(body), use(schema), context);
        expect([body, ours === undefined ? 200 : 400]).toEqual([body, verdict.statusCode]);
      }),
      { numRuns: 150 },
    );
  });

  test.each(requestSchemas.map((schema) => [schema.$id ?? "", schema] as const))(
    "%s accepts its own values",
    (_id, schema) => {
      fc.assert(
        fc.property(valuesOf(schema, named), (value) => {
          expect(checkValue(value, schema, context)).toBeUndefined();
        }),
        { numRuns: 50 },
      );
    },
  );
});
