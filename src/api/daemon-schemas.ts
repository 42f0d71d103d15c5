import { ERROR_CODES } from "../base/errors.ts";
import type { Difference, DoctorReport, Finding, ReconcileReport } from "../engine/contract.ts";
import type { NetdockEvent } from "../model/events.ts";
import { count, texts, time } from "./endpoint-view.ts";
import { resolverMetrics } from "./resolver-view.ts";
import { flag, list, object, type Schema, text, word } from "./schema.ts";
import type { ErrorBody, Info, Ping, PruneReport, SandboxFiles, ShutdownReport, Version } from "./types.ts";

/** Answers about the daemon and of operations. */

export const event: Schema<NetdockEvent> = object<NetdockEvent>({
  id: "Event",
  description: "What happened",
  required: {
    seq: count("Counts up from 1 for the life of the daemon"),
    time: time("When"),
    type: word("About what", ["network", "sandbox", "daemon"]),
    action: text(
      "network: create, connect, disconnect, cut, heal, destroy, prune; sandbox: create, start, die, destroy; daemon: reconcile, partition, heal",
    ),
    id: text("Id of the network or sandbox"),
    attributes: texts("name, driver, sandbox, exitCode …, as the action has them"),
  },
  optional: {},
});

const difference = object<Difference>({
  id: "Difference",
  description: "One difference between what should be and what the kernel holds",
  required: {
    text: text("In words", { examples: ["link br-1234 is missing"] }),
    subject: text("What it is about"),
  },
  optional: {},
});

export const reconcileReport: Schema<ReconcileReport> = object<ReconcileReport>({
  id: "ReconcileReport",
  description: "What differed",
  required: { differences: list("Differences found", difference), repaired: flag("False after a dry run") },
  optional: {},
});

const finding = object<Finding>({
  id: "Finding",
  description: "Something that keeps traffic of netdock's from passing, or may",
  required: {
    severity: word("A warning depends on what netdock cannot tell", ["problem", "warning"]),
    check: word("What was looked at", ["filter", "sysctl", "kernel"]),
    text: text("In words"),
    affects: list("What would not pass", text("In words")),
  },
  optional: {
    filter: object<NonNullable<Finding["filter"]>>({
      description: "Where packets are dropped; without a rule it is the chain's policy",
      required: {
        family: text("Family of the table", { examples: ["ip"] }),
        table: text("Table", { examples: ["filter"] }),
        chain: text("Chain", { examples: ["FORWARD"] }),
      },
      optional: { handle: text("The rule's handle"), rule: text("The rule, close to nft's words") },
    }),
    remedy: text("The command that would allow it"),
  },
});

export const doctorReport: Schema<DoctorReport> = object<DoctorReport>({
  id: "DoctorReport",
  description: "What of this machine's keeps traffic of netdock's from passing",
  required: {
    findings: list("Findings", finding),
    flows: count("Ways through the host's filters that were followed"),
  },
  optional: {},
});

export const pruneReport: Schema<PruneReport> = object<PruneReport>({
  id: "PruneReport",
  description: "What was removed",
  required: { removed: list("Names of the networks", text("Name")) },
  optional: {},
});

export const sandboxFiles: Schema<SandboxFiles> = object<SandboxFiles>({
  id: "SandboxFiles",
  description: "Files to mount over those of /etc for a process in the sandbox",
  required: {
    resolvConf: text("Path of the file for /etc/resolv.conf"),
    hosts: text("Path of the file for /etc/hosts"),
    hostname: text("Path of the file for /etc/hostname"),
  },
  optional: {},
});

export const ping: Schema<Ping> = object<Ping>({
  id: "Ping",
  description: "The daemon answers",
  required: { ok: flag<true>("true") },
  optional: {},
});

export const version: Schema<Version> = object<Version>({
  id: "Version",
  description: "What answers",
  required: {
    name: word("Product", ["netdock"]),
    version: text("Version of netdock", { examples: ["0.1.0"] }),
    apiVersion: count("Counts up with each change of this API that clients can see"),
    node: text("Version of Node.js"),
    kernel: text("Kernel release"),
    arch: text("Processor architecture"),
  },
  optional: {},
});

export const info: Schema<Info> = object<Info>({
  id: "Info",
  description: "The daemon and what it holds",
  required: {
    version: text("Version of netdock"),
    pid: count("Process id of the daemon"),
    startedAt: time("When the daemon started"),
    stateDir: text("Directory of durable state", { examples: ["/var/lib/netdock"] }),
    runDir: text("Directory of run-time files", { examples: ["/run/netdock"] }),
    socket: text("Socket this API answers on", { examples: ["/run/netdock/netdock.sock"] }),
    autoStarted: flag("Started by netdock up, which netdock down then stops"),
    networks: count("Networks"),
    endpoints: count("Endpoints"),
    sandboxes: object<Info["sandboxes"]>({
      description: "Sandboxes",
      required: { total: count("All of them"), running: count("Those whose process runs") },
      optional: {},
    }),
    memoryBytes: count("Resident memory of the daemon"),
    dns: resolverMetrics(
      "Questions to the embedded resolver since the daemon started, and what became of them",
    ),
  },
  optional: {},
});

export const shutdownReport: Schema<ShutdownReport> = object<ShutdownReport>({
  id: "ShutdownReport",
  description: "The daemon is about to end; the data plane stays",
  required: { pid: count("The process that ends") },
  optional: {},
});

export const errorBody: Schema<ErrorBody> = object<ErrorBody>({
  id: "Error",
  description: "Why not",
  required: {
    error: object<ErrorBody["error"]>({
      description: "What is wrong and what would be right",
      required: {
        code: word<string>("Closed set of reasons", ERROR_CODES),
        op: text("The operation that failed", { examples: ["network.create"] }),
        message: text("One sentence for a person"),
      },
      optional: {
        subject: text("What it was about"),
        field: text("The field at fault", { examples: ["ipam.config[0].subnet"] }),
        value: text("The value found there"),
        remedy: text("What to do about it"),
        errno: text("Kernel error name", { examples: ["EEXIST"] }),
        kernel: text("The kernel's own words"),
      },
    }),
  },
  optional: {},
});

/** Schemas with a name, for `addSchema`. */
export const daemonSchemas: readonly Schema<unknown>[] = [
  event,
  difference,
  reconcileReport,
  finding,
  doctorReport,
  pruneReport,
  sandboxFiles,
  ping,
  version,
  info,
  shutdownReport,
  errorBody,
];
