import { addressOf } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import { shortId, type EndpointId, type NetworkId, type SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";

const NETWORK_KEYS = ["id", "name", "predefined", "internal"] as const;
const SANDBOX_KEYS = ["id", "hostname", "state", "dns"] as const;
const ENDPOINT_KEYS = [
  "id",
  "networkId",
  "sandboxId",
  "aliases",
  "links",
  "ipv4",
  "ipv6",
  "gwPriority",
] as const;

/** What names depend on, of each noun. */
export type NamedNetwork = Pick<Network, (typeof NETWORK_KEYS)[number]>;
export type NamedSandbox = Pick<Sandbox, (typeof SANDBOX_KEYS)[number]>;
export type NamedEndpoint = Pick<Endpoint, (typeof ENDPOINT_KEYS)[number]>;

/** A change of what names depend on. Plain data, so that it can go to another thread. */
export type NameChange =
  | { readonly put: "network"; readonly value: NamedNetwork }
  | { readonly put: "sandbox"; readonly value: NamedSandbox }
  | { readonly put: "endpoint"; readonly value: NamedEndpoint }
  | { readonly delete: "network"; readonly id: NetworkId }
  | { readonly delete: "sandbox"; readonly id: SandboxId }
  | { readonly delete: "endpoint"; readonly id: EndpointId };

/** What one network knows about its members. */
interface Members<E> {
  readonly endpoints: Map<EndpointId, E>;
  /** Names, lower case, to the endpoints that carry them. */
  readonly names: Map<string, Set<EndpointId>>;
  readonly addresses: Map<Ip, EndpointId>;
}

/**
 * Networks, sandboxes and endpoints with the indexes that names need: members by name and by address. The controller's
 * state is one with the whole nouns; the resolver's thread has one with what names depend on, which follows the first by
 * its changes.
 */
export class NameState<
  N extends NamedNetwork = NamedNetwork,
  S extends NamedSandbox = NamedSandbox,
  E extends NamedEndpoint = NamedEndpoint,
> {
  readonly networks: Map<NetworkId, N> = new Map();
  readonly sandboxes: Map<SandboxId, S> = new Map();
  readonly endpoints: Map<EndpointId, E> = new Map();
  readonly #bySandbox = new Map<SandboxId, Map<EndpointId, E>>();
  readonly #byNetwork = new Map<NetworkId, Members<E>>();
  /** Names as they were indexed: a sandbox may be gone when its endpoint goes. */
  readonly #indexed = new Map<EndpointId, readonly string[]>();
  #version = 0;
  #follower: ((change: NameChange) => void) | undefined;

  /** Another number after every change of what names depend on. */
  get version(): number {
    return this.#version;
  }

  /** Calls back with every change from now on; there is one who follows. */
  follow(follower: (change: NameChange) => void): void {
    this.#follower = follower;
  }

  putNetwork(network: N): void {
    const before = this.networks.get(network.id);
    this.networks.set(network.id, network);
    if (same(before, network, NETWORK_KEYS)) return;
    this.#version++;
    this.#follower?.({ put: "network", value: pick<NamedNetwork>(network, NETWORK_KEYS) });
  }

  deleteNetwork(id: NetworkId): void {
    if (!this.networks.delete(id)) return;
    this.#byNetwork.delete(id);
    this.#version++;
    this.#follower?.({ delete: "network", id });
  }

  putSandbox(sandbox: S): void {
    const before = this.sandboxes.get(sandbox.id);
    this.sandboxes.set(sandbox.id, sandbox);
    if (same(before, sandbox, SANDBOX_KEYS)) return;
    this.#version++;
    this.#follower?.({ put: "sandbox", value: pick<NamedSandbox>(sandbox, SANDBOX_KEYS) });
  }

  deleteSandbox(id: SandboxId): void {
    if (!this.sandboxes.delete(id)) return;
    this.#bySandbox.delete(id);
    this.#version++;
    this.#follower?.({ delete: "sandbox", id });
  }

  /** Its sandbox must be there already: its names are indexed too. */
  putEndpoint(endpoint: E): void {
    const { id, sandboxId, networkId } = endpoint;
    const before = this.endpoints.get(id);
    this.#removeEndpoint(id);
    this.endpoints.set(id, endpoint);
    const mine = this.#bySandbox.get(sandboxId);
    if (mine === undefined) this.#bySandbox.set(sandboxId, new Map([[id, endpoint]]));
    else mine.set(id, endpoint);
    const members = this.#members(networkId);
    members.endpoints.set(id, endpoint);
    const names = this.namesOf(endpoint);
    this.#indexed.set(id, names);
    for (const name of names) {
      const holders = members.names.get(name);
      if (holders === undefined) members.names.set(name, new Set([id]));
      else holders.add(id);
    }
    for (const ip of addressesOf(endpoint)) members.addresses.set(ip, id);
    if (same(before, endpoint, ENDPOINT_KEYS)) return;
    this.#version++;
    this.#follower?.({ put: "endpoint", value: pick<NamedEndpoint>(endpoint, ENDPOINT_KEYS) });
  }

  deleteEndpoint(id: EndpointId): void {
    if (!this.#removeEndpoint(id)) return;
    this.#version++;
    this.#follower?.({ delete: "endpoint", id });
  }

  /** Docker's names of an endpoint, lower case: aliases (the sandbox's own name first), short id, hostname. */
  namesOf(endpoint: E): string[] {
    const names: string[] = [];
    const add = (name: string | undefined): void => {
      const lower = name?.toLowerCase();
      if (lower !== undefined && !names.includes(lower)) names.push(lower);
    };
    endpoint.aliases.forEach(add);
    add(shortId(endpoint.sandboxId));
    add(this.sandboxes.get(endpoint.sandboxId)?.hostname);
    return names;
  }

  /** In order of attachment. */
  endpointsOf(sandbox: SandboxId): E[] {
    return [...(this.#bySandbox.get(sandbox)?.values() ?? [])];
  }

  endpointsOn(network: NetworkId): E[] {
    return [...(this.#byNetwork.get(network)?.endpoints.values() ?? [])];
  }

  endpointCount(network: NetworkId): number {
    return this.#byNetwork.get(network)?.endpoints.size ?? 0;
  }

  /** Endpoints that carry a name (lower case) on a network. */
  named(network: NetworkId, name: string): ReadonlySet<EndpointId> | undefined {
    return this.#byNetwork.get(network)?.names.get(name);
  }

  addressed(network: NetworkId, ip: Ip): EndpointId | undefined {
    return this.#byNetwork.get(network)?.addresses.get(ip);
  }

  #removeEndpoint(id: EndpointId): boolean {
    const endpoint = this.endpoints.get(id);
    if (endpoint === undefined) return false;
    this.endpoints.delete(id);
    this.#bySandbox.get(endpoint.sandboxId)?.delete(id);
    const names = this.#indexed.get(id) ?? [];
    this.#indexed.delete(id);
    const members = this.#byNetwork.get(endpoint.networkId);
    if (members === undefined) return true;
    members.endpoints.delete(id);
    for (const name of names) {
      const holders = members.names.get(name);
      if (holders?.delete(id) === true && holders.size === 0) members.names.delete(name);
    }
    for (const ip of addressesOf(endpoint)) {
      // Its address may have a new holder already.
      if (members.addresses.get(ip) === id) members.addresses.delete(ip);
    }
    return true;
  }

  #members(network: NetworkId): Members<E> {
    let members = this.#byNetwork.get(network);
    if (members === undefined) {
      members = { endpoints: new Map(), names: new Map(), addresses: new Map() };
      this.#byNetwork.set(network, members);
    }
    return members;
  }
}

/** Does to a state that follows another what was done to the other. */
export function applyNameChange(state: NameState, change: NameChange): void {
  if ("put" in change) {
    if (change.put === "network") state.putNetwork(change.value);
    else if (change.put === "sandbox") state.putSandbox(change.value);
    else state.putEndpoint(change.value);
  } else if (change.delete === "network") state.deleteNetwork(change.id);
  else if (change.delete === "sandbox") state.deleteSandbox(change.id);
  else state.deleteEndpoint(change.id);
}

function addressesOf(endpoint: NamedEndpoint): Ip[] {
  const out: Ip[] = [];
  if (endpoint.ipv4 !== undefined) out.push(addressOf(endpoint.ipv4));
  if (endpoint.ipv6 !== undefined) out.push(addressOf(endpoint.ipv6));
  return out;
}

/** Snapshots are made from one another, so what did not change is the very same object. */
function same<T extends object>(a: T | undefined, b: T, keys: readonly (keyof T)[]): boolean {
  return a !== undefined && keys.every((key) => a[key] === b[key]);
}

function pick<T extends object>(value: T, keys: readonly (keyof T)[]): T {
  return Object.fromEntries(keys.flatMap((key) => (key in value ? [[key, value[key]]] : []))) as T;
}
