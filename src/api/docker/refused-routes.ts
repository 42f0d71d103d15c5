import { NetError } from "../../base/errors.ts";
import type { Answer } from "./reply.ts";
import type { Call, DockerRoute } from "./route.ts";

/** What of Docker's API is not netdock's business. Answers are JSON, so that clients that look further do so. */
export function refusedRoutes(): readonly DockerRoute[] {
  return [
    ...kind(
      "/images",
      "has no images: containers run commands of the host",
      (rest) =>
        // Names of images hold slashes.
        `No such image: ${rest.replace(/\/(json|history|get)$/, "")}`,
    ),
    ...kind(
      "/volumes",
      "has no volumes: containers see the host's file system",
      (rest) => `get ${rest}: no such volume`,
    ),
    ...kind(
      "/plugins",
      "has no plugins of Docker's",
      (rest) => `plugin "${rest.replace(/\/json$/, "")}" not found`,
    ),
    ...["/images/json", "/images/search", "/images/get"].map((path) =>
      route("GET", path, refuses("has no images: containers run commands of the host")),
    ),
    ...["/commit", "/distribution", "/auth"].flatMap((path) => each(path, refuses("has no images"))),
    ...["/build", "/session", "/grpc"].flatMap((path) => each(path, refuses("builds no images"))),
    ...each("/system/df", refuses("keeps no images, volumes or layers whose size could be told")),
    ...["init", "join", "leave", "update", "unlock"].map((verb) =>
      route("POST", `/swarm/${verb}`, refuses("makes no swarms")),
    ),
    ...SWARM.flatMap((path) => each(path, notManager)),
  ];
}

const SWARM = ["/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"];

const METHODS = ["GET", "POST", "PUT", "DELETE"] as const;

type Run = (call: Call) => Answer;

function route(method: DockerRoute["method"], path: string, run: Run): DockerRoute {
  return { method, path, run };
}

function each(path: string, run: Run): DockerRoute[] {
  return METHODS.flatMap((method) => [route(method, path, run), route(method, `${path}/*`, run)]);
}

/** A kind of things: that one of them is not there is an answer, and all else is refused. */
function kind(path: string, why: string, missing: (rest: string) => string): DockerRoute[] {
  return each(path, refuses(why)).map((one) =>
    one.method === "GET" && one.path !== path
      ? route("GET", one.path, ({ param }) => {
          throw new NetError("not_found", "docker.request", { message: missing(param("*")) });
        })
      : one,
  );
}

function refuses(why: string): Run {
  return () => {
    throw new NetError("unsupported", "docker.request", { message: `netdock ${why}; use Docker for that` });
  };
}

/** moby, daemon/cluster: what every daemon outside a swarm says. */
function notManager(): never {
  throw new NetError("unavailable", "docker.request", {
    message:
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  });
}
