import { arch, release } from "node:os";
import { streamEvents } from "./events.ts";
import { infoView } from "./info.ts";
import type { DockerContext } from "./plugin.ts";
import { type Answer, ok } from "./reply.ts";
import type { Call, DockerRoute } from "./route.ts";
import { API_VERSION, MIN_API_VERSION } from "./versions.ts";

/** Go's names of processors (GOARCH), which Docker's clients know. */
const GO_ARCH: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

export function goArch(): string {
  return GO_ARCH[arch()] ?? arch();
}

export function systemRoutes(context: DockerContext): readonly DockerRoute[] {
  return [
    { method: "GET", path: "/_ping", run: ping },
    { method: "HEAD", path: "/_ping", run: ping },
    { method: "GET", path: "/version", run: () => ok(versionView(context.version)) },
    { method: "GET", path: "/info", run: () => ok(infoView(context)) },
    {
      method: "GET",
      path: "/events",
      run: (call) => streamEvents(context.engine, context.streams, call),
    },
  ];
}

/** Text, not JSON; the client looks at the headers only. */
function ping({ request, reply }: Call): Answer | undefined {
  void reply.headers({
    "Cache-Control": "no-cache, no-store, must-revalidate",
    Pragma: "no-cache",
    Swarm: "inactive",
    "Content-Type": "text/plain; charset=utf-8",
  });
  void reply.send(request.method === "HEAD" ? undefined : "OK");
  return undefined;
}

function versionView(version: string): object {
  const engine = {
    ApiVersion: API_VERSION,
    Arch: goArch(),
    BuildTime: "",
    GitCommit: "",
    GoVersion: `none (node ${process.versions.node})`,
    KernelVersion: release(),
    MinAPIVersion: MIN_API_VERSION,
    Os: "linux",
  };
  return {
    Platform: { Name: "netdock" },
    Components: [{ Name: "Engine", Version: version, Details: { ...engine, Experimental: "false" } }],
    Version: version,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: "",
    GoVersion: engine.GoVersion,
    Os: "linux",
    Arch: engine.Arch,
    KernelVersion: engine.KernelVersion,
    BuildTime: "",
  };
}
