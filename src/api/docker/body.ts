import type { FastifyRequest } from "fastify";
import { NetError } from "../../base/errors.ts";
import type { Decoder } from "./decode.ts";
import { scanJson } from "./go-json.ts";

export type { Decoder } from "./decode.ts";

/** Throws `invalid` in the words of moby's httputils.ReadJSON. An empty body is as good as `null`. */
export function readBody<T>(request: FastifyRequest, decoder: Decoder<T>): T {
  const type = request.headers["content-type"] ?? "";
  const text = (request.body as string | undefined) ?? "";
  if (type === "" && text === "") return decoder(null, []);
  if ((type.split(";", 1)[0] as string).trim().toLowerCase() !== "application/json") {
    throw refuse(
      type === ""
        ? "malformed Content-Type header (): mime: no media type"
        : `unsupported Content-Type header (${type}): must be 'application/json'`,
      "content-type",
    );
  }
  if (text === "") return decoder(null, []);
  const { end, error } = scanJson(text);
  if (error !== undefined) {
    throw refuse(`invalid JSON: ${error === "EOF" ? "got EOF while reading request body" : error}`, "body");
  }
  const value = decoder(JSON.parse(text.slice(0, end)), []);
  // Go's Decoder.More is false at a closing bracket, and so lets one pass.
  const next = text.slice(end).trimStart()[0];
  if (next !== undefined && next !== "]" && next !== "}")
    throw refuse("unexpected content after JSON", "body");
  return value;
}

function refuse(message: string, field: string): NetError {
  return new NetError("invalid", "docker.body", { message, field });
}
