import type { ProcessSpec } from "../model/process.ts";
import type { DnsRequest, SandboxRequest } from "../model/sandbox.ts";
import { endpointRequest, labels } from "./network-requests.ts";
import { flag, integer, list, map, object, type Schema, text, word } from "./schema.ts";
import type { AdoptProcessRequest, ExitRequest, PortsRequest, StopRequest } from "./types.ts";

/** PID_MAX_LIMIT of include/linux/threads.h on 64-bit machines. */
const PID_MAX = 4_194_304;
export const processSpec: Schema<ProcessSpec> = object<ProcessSpec>({
  id: "ProcessSpec",
  description: "A command of the host's file system",
  required: {
    command: list("Argument vector; the first is looked up in PATH of env", text("Argument"), {
      minItems: 1,
      examples: [["python3", "-m", "http.server", "80"]],
    }),
    env: list("The whole environment, nothing is inherited", text("NAME=value"), {
      examples: [["PATH=/usr/bin:/bin"]],
    }),
  },
  optional: {
    workingDir: text("Directory to start in; / when left out", { minLength: 1, examples: ["/srv"] }),
  },
});

/** Exactly one of `path` and `pid`, said as an object with one property: an error then names the field, not a union. */
const netnsRequest: Schema<NonNullable<SandboxRequest["netns"]>> = {
  $id: "NetnsRequest",
  type: "object",
  description: "An existing network namespace to adopt, by path or by a process in it",
  properties: {
    path: text("File that is a network namespace", { minLength: 1, examples: ["/run/netns/blue"] }),
    pid: integer("Process whose network namespace it is", { minimum: 1, maximum: PID_MAX, examples: [4711] }),
  },
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
};

const dnsRequest = object<DnsRequest>({
  id: "DnsRequest",
  description: "Resolver settings instead of the host's",
  required: {},
  optional: {
    servers: list("Upstream servers", text("Address"), { examples: [["9.9.9.9"]] }),
    search: list("Search domains", text("Domain"), { examples: [["shop.test"]] }),
    options: list("Options as in resolv.conf(5)", text("Option"), { examples: [["ndots:1"]] }),
  },
});

export const sandboxRequest: Schema<SandboxRequest> = object<SandboxRequest>({
  id: "SandboxRequest",
  description: "A sandbox to make, with its endpoints, published ports and process: all of it, or nothing",
  required: {},
  optional: {
    name: text("Name, unique among sandboxes; made up when left out", { minLength: 1, examples: ["web"] }),
    hostname: text("Host name inside; the short id when left out", { examples: ["web"] }),
    domainname: text("Domain name inside", { examples: ["shop.test"] }),
    labels,
    networks: list("Networks to join, in this order; bridge when left out", endpointRequest),
    publish: list(
      "Ports to publish, in Docker's spelling [[host address:]host port:]port[/protocol]; ranges on both sides. Behind it, " +
        ",from=CIDR for each source that may use the port; without one all may",
      text("One port or range"),
      { examples: [["8080:80", "127.0.0.1:5300-5309:53-62/udp", "80", "8081:81,from=192.0.2.0/24"]] },
    ),
    expose: list("Ports that the sandbox serves, published only by publishAll", text("One port or range"), {
      examples: [["80", "53/udp", "8000-8009"]],
    }),
    publishAll: flag(
      "Publish every exposed port that publish does not name at a free port; false when left out",
    ),
    dns: dnsRequest,
    extraHosts: list(
      "More lines for /etc/hosts; host-gateway stands for the host's address",
      text("name:address"),
      {
        examples: [["api.test:10.5.0.9", "docker.host:host-gateway"]],
      },
    ),
    sysctls: map("Namespaced sysctls (net.…) to set in the sandbox", text("Value"), {
      examples: [{ "net.ipv4.ip_forward": "1" }],
    }),
    netns: netnsRequest,
    process: processSpec,
    autoRemove: flag("Remove the sandbox when its process ends; false when left out"),
  },
  examples: [{ name: "web", networks: [{ network: "backend" }], publish: ["8080:80"] }],
});

export const portsRequest: Schema<PortsRequest> = object<PortsRequest>({
  id: "PortsRequest",
  description: "Ports of a sandbox",
  required: {
    publish: list("Ports, spelled as in publish of a sandbox", text("One port or range"), {
      minItems: 1,
      examples: [["8080:80"]],
    }),
  },
  optional: {},
});

export const adoptProcessRequest: Schema<AdoptProcessRequest> = object<AdoptProcessRequest>({
  id: "AdoptProcessRequest",
  description: "A process that a client started in the sandbox itself, for the daemon to watch",
  required: {
    pid: integer("Process id in the daemon's pid namespace", {
      minimum: 1,
      maximum: PID_MAX,
      examples: [4711],
    }),
    spec: processSpec,
  },
  optional: {},
});

export const exitRequest: Schema<ExitRequest> = object<ExitRequest>({
  id: "ExitRequest",
  description: "How the client's process ended",
  required: {
    exitCode: integer("Exit code; 128+n after signal n", { minimum: 0, maximum: 255, examples: [0] }),
  },
  optional: {},
});

export const stopRequest: Schema<StopRequest> = object<StopRequest>({
  id: "StopRequest",
  description: "How to end the process",
  required: {},
  optional: {
    timeoutSeconds: integer("Seconds between the signal and SIGKILL; 10 when left out", {
      minimum: 0,
      maximum: 86_400,
      examples: [10],
    }),
    signal: integer("Signal number; 15 (SIGTERM) when left out", { minimum: 1, maximum: 64, examples: [15] }),
  },
});
const yesOrNo = (description: string): Schema<string> => word(description, ["true", "false", "1", "0"]);
/** Queries are text on the wire and are validated as such; the routes turn them into what they mean. */
export const removeQuery: Schema<{ readonly force?: string }> = object<{ readonly force?: string }>({
  description: "How to remove",
  required: {},
  optional: { force: yesOrNo("End its process too; without it a running sandbox is refused (in_use)") },
});
interface LogsQuery {
  readonly follow?: string;
  readonly tail?: string;
}

export const logsQuery: Schema<LogsQuery> = object<LogsQuery>({
  description: "What of the log",
  required: {},
  optional: {
    follow: yesOrNo("Go on with what is appended until the process ends"),
    tail: text("Only so many last lines", {
      shape: { pattern: "^(all|\\d{1,9})$", right: "write a number of lines, or all" },
      examples: ["100", "all"],
    }),
  },
});
export const sandboxRequests: readonly Schema<unknown>[] = [
  processSpec,
  netnsRequest,
  dnsRequest,
  sandboxRequest,
  portsRequest,
  adoptProcessRequest,
  exitRequest,
  stopRequest,
];
