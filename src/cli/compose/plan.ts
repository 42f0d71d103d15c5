import { NetError } from "../../base/errors.ts";
import type { Desired, DesiredNetwork, DesiredReplica } from "./desired.ts";
import { LABEL } from "./labels.ts";

/** What there is already, as much of it as the plan needs; the API's views have these fields. */
export interface ExistingNetwork {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ExistingSandbox {
  readonly id: string;
  readonly name: string;
  readonly state: "created" | "running" | "exited";
  readonly labels: Readonly<Record<string, string>>;
}

export interface NetworkStep {
  readonly kind: "keep" | "create" | "recreate";
  readonly network: DesiredNetwork;
}

export type ReplicaStep =
  | { readonly kind: "keep"; readonly replica: DesiredReplica; readonly existing: ExistingSandbox }
  | { readonly kind: "create"; readonly replica: DesiredReplica }
  /** Its process ended: start it again, names and addresses as they are. */
  | { readonly kind: "start"; readonly replica: DesiredReplica; readonly existing: ExistingSandbox }
  /** The file changed: remove, then make anew. */
  | { readonly kind: "recreate"; readonly replica: DesiredReplica; readonly existing: ExistingSandbox };

export interface UpPlan {
  readonly networks: readonly NetworkStep[];
  readonly replicas: readonly ReplicaStep[];
  /** Replicas above the wanted number. */
  readonly surplus: readonly ExistingSandbox[];
  /** Sandboxes of the project whose service is no longer in the file; reported, and removed only on request. */
  readonly orphans: readonly ExistingSandbox[];
}

/**
 * What has to happen so that the project is as the file says. Pure; on a project that is as it should be, every step is
 * `keep`. Throws `conflict` when a name belongs to somebody else, `not_found` for an external network that is not there.
 */
export function planUp(
  desired: Desired,
  observed: { readonly networks: readonly ExistingNetwork[]; readonly sandboxes: readonly ExistingSandbox[] },
): UpPlan {
  const networks = desired.networks.map((network) => planNetwork(desired, network, observed.networks));
  const replicas = desired.services.flatMap((service) =>
    service.replicas.map((replica) => planReplica(desired.project, replica, observed.sandboxes)),
  );
  const wanted = new Set(replicas.map(({ replica }) => replica.name));
  const services = new Set(desired.services.map(({ service }) => service.name));
  const rest = ownedBy(desired.project, observed.sandboxes).filter((sandbox) => !wanted.has(sandbox.name));
  const isSurplus = (sandbox: ExistingSandbox): boolean => services.has(sandbox.labels[LABEL.service] ?? "");
  return {
    networks,
    replicas,
    surplus: rest.filter(isSurplus),
    orphans: rest.filter((sandbox) => !isSurplus(sandbox)),
  };
}

/** Everything that carries a project's label. */
export function ownedBy<T extends { readonly labels: Readonly<Record<string, string>> }>(
  project: string,
  things: readonly T[],
): T[] {
  return things.filter(({ labels }) => labels[LABEL.project] === project);
}

function planNetwork(
  desired: Desired,
  network: DesiredNetwork,
  observed: readonly ExistingNetwork[],
): NetworkStep {
  const existing = observed.find(({ name }) => name === network.name);
  if (network.external) {
    if (existing !== undefined) return { kind: "keep", network };
    throw new NetError("not_found", "compose.up", {
      message: `the external network ${network.name} does not exist`,
      subject: network.name,
      remedy: `make it first: netdock network create ${network.name}`,
    });
  }
  if (existing === undefined) return { kind: "create", network };
  if (existing.labels[LABEL.project] !== desired.project)
    throw foreign("network", network.name, desired.project);
  return { kind: existing.labels[LABEL.configHash] === network.hash ? "keep" : "recreate", network };
}

function planReplica(
  project: string,
  replica: DesiredReplica,
  observed: readonly ExistingSandbox[],
): ReplicaStep {
  const existing = observed.find(({ name }) => name === replica.name);
  if (existing === undefined) return { kind: "create", replica };
  if (existing.labels[LABEL.project] !== project) throw foreign("sandbox", replica.name, project);
  if (existing.labels[LABEL.configHash] !== replica.hash) return { kind: "recreate", replica, existing };
  return { kind: existing.state === "running" ? "keep" : "start", replica, existing };
}

function foreign(what: "network" | "sandbox", name: string, project: string): NetError {
  const declare = what === "network" ? ", or declare it with external: true" : "";
  return new NetError("conflict", "compose.up", {
    message: `the ${what} ${name} exists and does not belong to the project ${project}`,
    subject: name,
    remedy: `remove it (netdock ${what === "network" ? "network rm" : "rm"} ${name})${declare}, or take another project name (-p)`,
  });
}
