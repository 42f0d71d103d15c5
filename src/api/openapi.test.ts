import { describe, expect, test } from "vitest";
import { ERROR_CODES } from "../base/errors.ts";
import { startApi } from "../testkit/api-server.ts";
import { HTTP_STATUS } from "./errors.ts";
import { requestSchemas } from "./request-schemas.ts";

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly description: string;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly content?: Readonly<Record<string, { readonly schema: object }>>;
      }
    >
  >;
}

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

async function document(): Promise<OpenApi> {
  await using running = await startApi();
  return (await running.client.openapi()) as OpenApi;
}

function* operations(api: OpenApi): Generator<readonly [path: string, method: string, operation: Operation]> {
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) yield [path, method, operation];
  }
}

describe("the OpenAPI document", () => {
  test("lists every route that the server serves, and no other", async () => {
    await using running = await startApi();
    const api = (await running.client.openapi()) as OpenApi;
    const listed = [...operations(api)].map(([path, method]) => `${method.toUpperCase()} ${path}`).toSorted();
    expect(listed).toEqual([
      "DELETE /netdock/v1/networks/{ref}",
      "DELETE /netdock/v1/networks/{ref}/policy",
      "DELETE /netdock/v1/sandboxes/{ref}",
      "GET /netdock/v1/doctor",
      "GET /netdock/v1/events",
      "GET /netdock/v1/info",
      "GET /netdock/v1/networks",
      "GET /netdock/v1/networks/{ref}",
      "GET /netdock/v1/networks/{ref}/leases",
      "GET /netdock/v1/openapi.json",
      "GET /netdock/v1/partition",
      "GET /netdock/v1/ping",
      "GET /netdock/v1/sandboxes",
      "GET /netdock/v1/sandboxes/{ref}",
      "GET /netdock/v1/sandboxes/{ref}/files",
      "GET /netdock/v1/sandboxes/{ref}/logs",
      "GET /netdock/v1/version",
      "POST /netdock/v1/networks",
      "POST /netdock/v1/networks/prune",
      "POST /netdock/v1/networks/{ref}/connect",
      "POST /netdock/v1/networks/{ref}/cut",
      "POST /netdock/v1/networks/{ref}/disconnect",
      "POST /netdock/v1/networks/{ref}/heal",
      "POST /netdock/v1/networks/{ref}/peer",
      "POST /netdock/v1/networks/{ref}/policy",
      "POST /netdock/v1/networks/{ref}/unpeer",
      "POST /netdock/v1/partition",
      "POST /netdock/v1/reconcile",
      "POST /netdock/v1/sandboxes",
      "POST /netdock/v1/sandboxes/{ref}/adopt-process",
      "POST /netdock/v1/sandboxes/{ref}/allow",
      "POST /netdock/v1/sandboxes/{ref}/exit",
      "POST /netdock/v1/sandboxes/{ref}/process",
      "POST /netdock/v1/sandboxes/{ref}/publish",
      "POST /netdock/v1/sandboxes/{ref}/stop",
      "POST /netdock/v1/sandboxes/{ref}/unpublish",
      "POST /netdock/v1/shutdown",
    ]);
    for (const route of listed) {
      const [method, path] = route.split(" ");
      const url = (path ?? "").replace("{ref}", ":ref");
      expect(running.api.hasRoute({ method: method as "GET", url }), route).toBe(true);
    }
  });

  test("refers to no schema that is not there, and has none that nobody refers to", async () => {
    const api = await document();
    const text = JSON.stringify(api);
    const referred = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]));
    const there = new Set(Object.keys(api.components.schemas).map((name) => `#/components/schemas/${name}`));
    expect([...referred].filter((ref) => !there.has(ref ?? ""))).toEqual([]);
    expect([...there].filter((ref) => !referred.has(ref))).toEqual([]);
    expect(text).not.toContain("$id");
  });

  test("gives every operation a name of its own, a summary, its parameters and its answers", async () => {
    const api = await document();
    expect(api.openapi).toBe("3.1.0");
    const names = [...operations(api)].map(([, , { operationId }]) => operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const [path, method, operation] of operations(api)) {
      expect(operation.summary, path).not.toBe("");
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const parameters = operation.parameters ?? [];
      expect(parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name)).toEqual(
        inPath,
      );
      for (const parameter of parameters) {
        expect(parameter.required, path).toBe(parameter.in === "path");
        expect(parameter.description, path).not.toBe("");
      }
      if (operation.requestBody !== undefined) {
        expect(method).toBe("post");
        expect(Object.keys(operation.requestBody.content)).toEqual(["application/json"]);
      }
      const good = Object.keys(operation.responses).filter((status) => status.startsWith("2"));
      expect(good, path).toHaveLength(1);
      const ok = operation.responses[good[0] ?? ""];
      expect(ok?.content === undefined, path).toBe(good[0] === "204");
      for (const [status, response] of Object.entries(operation.responses).filter(
        ([code]) => !code.startsWith("2"),
      )) {
        const codes = response.description.split(", ");
        for (const code of codes) {
          expect(ERROR_CODES as readonly string[], path).toContain(code);
          expect(String(HTTP_STATUS[code as keyof typeof HTTP_STATUS]), path).toBe(status);
        }
        expect(response.content?.["application/json"]?.schema).toEqual({
          $ref: "#/components/schemas/Error",
        });
      }
    }
  });

  test("has schemas with a type, and words on every field", async () => {
    const api = await document();
    const seen: string[] = [];
    const visit = (name: string, schema: Readonly<Record<string, unknown>>): void => {
      seen.push(name);
      if (typeof schema["$ref"] === "string") return;
      expect(typeof schema["description"], name).toBe("string");
      expect(schema["type"] ?? schema["oneOf"], name).toBeDefined();
      for (const [field, inner] of Object.entries((schema["properties"] ?? {}) as Record<string, never>)) {
        visit(`${name}.${field}`, inner);
      }
      if (schema["items"] !== undefined) visit(`${name}[]`, schema["items"] as never);
    };
    for (const [name, schema] of Object.entries(api.components.schemas)) visit(name, schema as never);
    expect(seen.length).toBeGreaterThan(150);
  });

  test("names every request schema", async () => {
    const api = await document();
    for (const { $id } of requestSchemas) expect(api.components.schemas).toHaveProperty([$id ?? ""]);
  });

  test("is made once and is the same each time", async () => {
    await using running = await startApi();
    expect(await running.client.openapi()).toEqual(await running.client.openapi());
  });
});
