import { NetError } from "../base/errors.ts";
import type { Subnet } from "../base/cidr.ts";
import type { Container } from "../model/container.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { NetworkId, SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";
import { NameState } from "./name-state.ts";

/**
 * What the controller knows, in memory, with the indexes its questions need. A mirror of the store: filled from it at
 * start, changed with it afterwards. Nothing here takes longer the more sandboxes there are, but looking for an id prefix.
 */
export class State extends NameState<Network, Sandbox, Endpoint> {
  readonly containers: Map<SandboxId, Container> = new Map();
  readonly #containerNames = new Map<string, SandboxId>();
  readonly #networkNames = new Map<string, NetworkId>();
  readonly #sandboxNames = new Map<string, SandboxId>();

  override putNetwork(network: Network): void {
    super.putNetwork(network);
    this.#networkNames.set(network.name, network.id);
  }

  override deleteNetwork(id: NetworkId): void {
    const network = this.networks.get(id);
    if (network !== undefined) this.#networkNames.delete(network.name);
    super.deleteNetwork(id);
  }

  /** Subnets of all networks. */
  pools(): Set<Subnet> {
    return new Set([...this.networks.values()].flatMap(({ ipam }) => ipam.pools.map(({ subnet }) => subnet)));
  }

  override putSandbox(sandbox: Sandbox): void {
    const former = this.sandboxes.get(sandbox.id);
    if (former !== undefined && former.name !== sandbox.name) this.#sandboxNames.delete(former.name);
    super.putSandbox(sandbox);
    this.#sandboxNames.set(sandbox.name, sandbox.id);
  }

  override deleteSandbox(id: SandboxId): void {
    const sandbox = this.sandboxes.get(id);
    if (sandbox !== undefined) this.#sandboxNames.delete(sandbox.name);
    super.deleteSandbox(id);
  }

  networkNamed(name: string): Network | undefined {
    const id = this.#networkNames.get(name);
    return id === undefined ? undefined : this.networks.get(id);
  }

  sandboxNamed(name: string): Sandbox | undefined {
    const id = this.#sandboxNames.get(name);
    return id === undefined ? undefined : this.sandboxes.get(id);
  }

  putContainer(container: Container): void {
    this.deleteContainer(container.id);
    this.containers.set(container.id, container);
    this.#containerNames.set(container.name, container.id);
  }

  deleteContainer(id: SandboxId): void {
    const container = this.containers.get(id);
    if (container === undefined) return;
    this.containers.delete(id);
    this.#containerNames.delete(container.name);
  }

  /** Whose name this is: a sandbox's, or a container's, which share their names. */
  holderOf(name: string): { readonly id: SandboxId } | undefined {
    const id = this.#sandboxNames.get(name) ?? this.#containerNames.get(name);
    return id === undefined ? undefined : { id };
  }

  /** A container, or a sandbox that is none's, in Docker's words. */
  findSubject(ref: string, op: string): SandboxId {
    const all = new Map<string, SandboxId>(
      [...this.containers.keys(), ...this.sandboxes.keys()].map((id) => [id, id]),
    );
    const found = all.get(ref) ?? this.holderOf(ref)?.id;
    return found ?? byPrefix(all, ref, "container", op);
  }

  /** By full id, exact name, then unique id prefix: Docker's precedence. */
  findNetwork(ref: string, op: string): Network {
    const found = this.networks.get(ref as NetworkId) ?? this.networkNamed(ref);
    return found ?? byPrefix(this.networks, ref, "network", op);
  }

  findSandbox(ref: string, op: string): Sandbox {
    const found = this.sandboxes.get(ref as SandboxId) ?? this.sandboxNamed(ref);
    return found ?? byPrefix(this.sandboxes, ref, "sandbox", op);
  }
}

function byPrefix<T>(map: ReadonlyMap<string, T>, ref: string, what: string, op: string): T {
  const matches: T[] = [];
  // Docker refuses nothing here, but a prefix that is no hex can only be a name.
  if (/^[0-9a-f]+$/.test(ref)) {
    for (const [id, value] of map) if (id.startsWith(ref)) matches.push(value);
  }
  if (matches.length === 1) return matches[0] as T;
  if (matches.length > 1) {
    throw new NetError("invalid", op, {
      message: `${what} ${ref} is ambiguous (${matches.length} matches found based on ID prefix)`,
      subject: ref,
      field: what,
      value: ref,
      remedy: "write more digits of the id, or the name",
    });
  }
  throw new NetError("not_found", op, {
    message: what === "container" ? `No such container: ${ref}` : `${what} ${ref} not found`,
    subject: ref,
    field: what,
    value: ref,
    remedy: `give the name, the id or the start of the id of a ${what} that exists`,
  });
}
