import type { Container } from "./container.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointId, NetworkId, SandboxId } from "./ids.ts";
import type { LeaseStore } from "./ipam.ts";
import type { Network } from "./network.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * What is being done right now, written before the kernel is touched and removed with the commit. After a crash, every
 * intent found is finished (removals) or taken back (creations); what the kernel holds beyond the store is swept away.
 */
export type Intent =
  | { readonly kind: "network.create"; readonly networkId: NetworkId }
  | { readonly kind: "network.remove"; readonly networkId: NetworkId }
  | { readonly kind: "network.change"; readonly networkId: NetworkId }
  | { readonly kind: "sandbox.create"; readonly sandboxId: SandboxId }
  | { readonly kind: "sandbox.remove"; readonly sandboxId: SandboxId }
  | { readonly kind: "endpoint.attach"; readonly endpointId: EndpointId; readonly sandboxId: SandboxId }
  | { readonly kind: "port.publish" | "port.unpublish" | "port.allow"; readonly sandboxId: SandboxId }
  | { readonly kind: "endpoint.detach"; readonly endpointId: EndpointId; readonly sandboxId: SandboxId };

export interface IntentRecord {
  readonly id: number;
  readonly intent: Intent;
}

/** How safely a transaction must reach the disk. */
export type Durability =
  /** Survives the death of the process. A power cut may take the last moments, and with them the sandboxes themselves. */
  | "process"
  /** Survives a power cut: networks are configuration and must. */
  | "disk";

/**
 * Everything the controller remembers. All calls are synchronous; `transaction` nests nothing and rolls back on throw. Reads go
 * anywhere, writes (those of `leases` too) only within a transaction. Lists come in the order things were first put.
 */
export interface Store {
  transaction<T>(durability: Durability, run: () => T): T;

  networks(): Network[];
  putNetwork(network: Network): void;
  deleteNetwork(id: NetworkId): void;

  sandboxes(): Sandbox[];
  putSandbox(sandbox: Sandbox): void;
  deleteSandbox(id: SandboxId): void;

  containers(): Container[];
  putContainer(container: Container): void;
  deleteContainer(id: SandboxId): void;

  endpoints(): Endpoint[];
  putEndpoint(endpoint: Endpoint): void;
  deleteEndpoint(id: EndpointId): void;

  intents(): IntentRecord[];
  /** Returns the id by which `clearIntent` knows it. */
  addIntent(intent: Intent): number;
  clearIntent(id: number): void;

  readonly leases: LeaseStore;
  close(): void;
}
