import type { SandboxView } from "../engine/contract.ts";
import type { EndpointId, SandboxId } from "../model/ids.ts";
import { type PortBinding, type PortMapping, PROTOCOLS } from "../model/ports.ts";
import type { ProcessStatus } from "../model/process.ts";
import type { ExtraHost, NetnsSource } from "../model/sandbox.ts";
import {
  subnet,
  ip,
  time,
  count,
  port,
  id,
  texts,
  endpointOptional,
  endpointRequired,
} from "./endpoint-view.ts";
import { resolverMetrics } from "./resolver-view.ts";
import { processSpec } from "./sandbox-requests.ts";
import { flag, integer, list, object, oneOf, type Schema, text, word } from "./schema.ts";

const sandboxEndpoint = object<SandboxView["endpoints"][number]>({
  id: "SandboxEndpoint",
  description: "An endpoint as its sandbox shows it",
  required: {
    ...endpointRequired,
    networkName: text("Name of the network", { examples: ["backend"] }),
    driver: text("Driver of the network", { examples: ["bridge"] }),
  },
  optional: endpointOptional,
});

const netnsSource: Schema<NetnsSource> = oneOf<NetnsSource>("Where the namespace comes from", [
  object<{ readonly kind: "own" | "host" }>({
    description: "Made by netdock (own), or the host's (host)",
    required: { kind: word("Source", ["own", "host"]) },
    optional: {},
  }),
  object<{ readonly kind: "path"; readonly path: string }>({
    description: "Adopted by path",
    required: { kind: word("Source", ["path"]), path: text("Path as it was given") },
    optional: {},
  }),
  object<{ readonly kind: "pid"; readonly pid: number }>({
    description: "Adopted from a process",
    required: { kind: word("Source", ["pid"]), pid: count("Process as it was given") },
    optional: {},
  }),
]);

const allowList = list("Sources that may use it, besides the host itself; absent: all", subnet("Addresses"));

const portMapping = object<PortMapping>({
  id: "PortMapping",
  description: "A user's wish to publish",
  required: {
    protocol: word("Protocol", PROTOCOLS),
    containerPort: port("First port in the sandbox"),
    count: count("How many ports, upwards from both firsts"),
  },
  optional: {
    hostIp: ip("Address on the host"),
    hostPort: port("First port on the host"),
    hostPortLast: port("Last port on the host, of which one that is free is taken"),
    from: allowList,
  },
});

const portBinding = object<PortBinding>({
  id: "PortBinding",
  description: "A mapping made real",
  required: {
    protocol: word("Protocol", PROTOCOLS),
    containerPort: port("First port in the sandbox"),
    count: count("How many ports, upwards from both firsts"),
    hostIp: ip("Address on the host; 0.0.0.0 and :: stand for all"),
    hostPort: integer("First port on the host; 0 where the port is open at the endpoint's own address", {
      minimum: 0,
      maximum: 65_535,
    }),
    endpointId: id<EndpointId>("endpoint that receives the traffic"),
  },
  optional: { from: allowList },
});

const processStatus = object<ProcessStatus>({
  id: "ProcessStatus",
  description: "The sandbox's process",
  required: {
    pid: count("Process id"),
    startTicks: count("Start time in clock ticks since boot (proc(5), field 22 of stat)"),
    startedAt: time("When it started"),
  },
  optional: {
    finishedAt: time("When it ended"),
    exitCode: integer("Exit code, 128+n after signal n; absent when nobody could learn it", {
      minimum: 0,
      maximum: 255,
    }),
  },
});

export const sandboxView: Schema<SandboxView> = object<SandboxView>({
  id: "Sandbox",
  description: "A container's network stack with its endpoints, the holder of the default route first",
  required: {
    id: id<SandboxId>("sandbox"),
    name: text("Name", { examples: ["web"] }),
    hostname: text("Host name inside"),
    domainname: text("Domain name inside"),
    created: time("When it was made"),
    labels: texts("Labels"),
    netns: netnsSource,
    netnsPath: text("Path at which the namespace can be entered (nsenter --net=PATH)"),
    ports: list("What the user wished to publish", portMapping),
    bindings: list("What is published", portBinding),
    dns: object<SandboxView["dns"]>({
      description: "Resolver settings",
      required: {
        servers: list("Upstream servers; empty: the host's", ip("Address")),
        search: list("Search domains", text("Domain")),
        options: list("Options", text("Option")),
      },
      optional: {},
    }),
    extraHosts: list(
      "More lines of /etc/hosts",
      object<ExtraHost>({
        description: "One line",
        required: { name: text("Name"), ip: ip("Address") },
        optional: {},
      }),
    ),
    sysctls: texts("Sysctls set inside"),
    state: word("created: no process of ours started yet; exited: it ended", [
      "created",
      "running",
      "exited",
    ]),
    autoRemove: flag("Removed when its process ends"),
    endpoints: list("Its endpoints", sandboxEndpoint),
  },
  optional: {
    resolverPort: port("UDP and TCP port of the embedded resolver behind 127.0.0.11:53"),
    resolver: resolverMetrics(
      "Its questions since its resolver was started by this daemon, and what became of them",
    ),
    process: processSpec,
    status: processStatus,
  },
});
export const sandboxViews: readonly Schema<unknown>[] = [
  sandboxEndpoint,
  portMapping,
  portBinding,
  processStatus,
  sandboxView,
];
