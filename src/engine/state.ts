import { NetError } from "../base/errors.ts";
import { addressOf, type Subnet } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import { shortId, type EndpointId, type NetworkId, type SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";

/** What one network knows about its members. */
interface Members {
  readonly endpoints: Map<EndpointId, Endpoint>;
  /** Names, lower case, to the endpoints that carry them. */
  readonly names: Map<string, Set<EndpointId>>;
  readonly addresses: Map<Ip, EndpointId>;
}

/**
 * What the controller knows, in memory, with the indexes its questions need. A mirror of the store: filled from it at
 * start, changed with it afterwards. Nothing here takes longer the more sandboxes there are, but looking for an id prefix.
 */
export class State {
  readonly networks: Map<NetworkId, Network> = new Map();
  readonly sandboxes: Map<SandboxId, Sandbox> = new Map();
  readonly endpoints: Map<EndpointId, Endpoint> = new Map();
  readonly #networkNames = new Map<string, NetworkId>();
  readonly #sandboxNames = new Map<string, SandboxId>();
  readonly #bySandbox = new Map<SandboxId, Map<EndpointId, Endpoint>>();
  readonly #byNetwork = new Map<NetworkId, Members>();
  /** Names as they were indexed: a sandbox may be gone when its endpoint goes. */
  readonly #indexed = new Map<EndpointId, readonly string[]>();

  putNetwork(network: Network): void {
    this.networks.set(network.id, network);
    this.#networkNames.set(network.name, network.id);
  }

  deleteNetwork(id: NetworkId): void {
    const network = this.networks.get(id);
    if (network === undefined) return;
    this.networks.delete(id);
    this.#networkNames.delete(network.name);
    this.#byNetwork.delete(id);
  }

  /** Subnets of all networks. */
  pools(): Set<Subnet> {
    return new Set([...this.networks.values()].flatMap(({ ipam }) => ipam.pools.map(({ subnet }) => subnet)));
  }

  putSandbox(sandbox: Sandbox): void {
    this.sandboxes.set(sandbox.id, sandbox);
    this.#sandboxNames.set(sandbox.name, sandbox.id);
  }

  deleteSandbox(id: SandboxId): void {
    const sandbox = this.sandboxes.get(id);
    if (sandbox === undefined) return;
    this.sandboxes.delete(id);
    this.#sandboxNames.delete(sandbox.name);
    this.#bySandbox.delete(id);
  }

  /** Its sandbox must be there already: its names are indexed too. */
  putEndpoint(endpoint: Endpoint): void {
    const { id, sandboxId, networkId } = endpoint;
    this.deleteEndpoint(id);
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
  }

  deleteEndpoint(id: EndpointId): void {
    const endpoint = this.endpoints.get(id);
    if (endpoint === undefined) return;
    this.endpoints.delete(id);
    this.#bySandbox.get(endpoint.sandboxId)?.delete(id);
    const names = this.#indexed.get(id) ?? [];
    this.#indexed.delete(id);
    const members = this.#byNetwork.get(endpoint.networkId);
    if (members === undefined) return;
    members.endpoints.delete(id);
    for (const name of names) {
      const holders = members.names.get(name);
      if (holders?.delete(id) === true && holders.size === 0) members.names.delete(name);
    }
    for (const ip of addressesOf(endpoint)) {
      // Its address may have a new holder already.
      if (members.addresses.get(ip) === id) members.addresses.delete(ip);
    }
  }

  /** Docker's names of an endpoint, lower case: aliases (the sandbox's own name first), short id, hostname. */
  namesOf(endpoint: Endpoint): string[] {
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
  endpointsOf(sandbox: SandboxId): Endpoint[] {
    return [...(this.#bySandbox.get(sandbox)?.values() ?? [])];
  }

  endpointsOn(network: NetworkId): Endpoint[] {
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

  networkNamed(name: string): Network | undefined {
    const id = this.#networkNames.get(name);
    return id === undefined ? undefined : this.networks.get(id);
  }

  sandboxNamed(name: string): Sandbox | undefined {
    const id = this.#sandboxNames.get(name);
    return id === undefined ? undefined : this.sandboxes.get(id);
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

  #members(network: NetworkId): Members {
    let members = this.#byNetwork.get(network);
    if (members === undefined) {
      members = { endpoints: new Map(), names: new Map(), addresses: new Map() };
      this.#byNetwork.set(network, members);
    }
    return members;
  }
}

function addressesOf(endpoint: Endpoint): Ip[] {
  const out: Ip[] = [];
  if (endpoint.ipv4 !== undefined) out.push(addressOf(endpoint.ipv4));
  if (endpoint.ipv6 !== undefined) out.push(addressOf(endpoint.ipv6));
  return out;
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
    message: `${what} ${ref} not found`,
    subject: ref,
    field: what,
    value: ref,
    remedy: `give the name, the id or the start of the id of a ${what} that exists`,
  });
}
