import { NetError } from "../base/errors.ts";
import { addressOf } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import { shortId, type EndpointId, type NetworkId, type SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";

/** Names of one network, lower case, to the endpoints that carry them. */
type NameIndex = Map<string, Set<EndpointId>>;

/**
 * What the controller knows, in memory, with the indexes its questions need. A mirror of the store: filled from it at
 * start, changed with it afterwards.
 */
export class State {
  readonly networks: Map<NetworkId, Network> = new Map();
  readonly sandboxes: Map<SandboxId, Sandbox> = new Map();
  readonly endpoints: Map<EndpointId, Endpoint> = new Map();
  readonly #networkNames = new Map<string, NetworkId>();
  readonly #sandboxNames = new Map<string, SandboxId>();
  readonly #bySandbox = new Map<SandboxId, Map<EndpointId, Endpoint>>();
  readonly #byNetwork = new Map<NetworkId, Map<EndpointId, Endpoint>>();
  readonly #names = new Map<NetworkId, NameIndex>();
  readonly #byAddress = new Map<NetworkId, Map<Ip, EndpointId>>();

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
    this.#names.delete(id);
    this.#byAddress.delete(id);
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

  putEndpoint(endpoint: Endpoint): void {
    this.deleteEndpoint(endpoint.id);
    this.endpoints.set(endpoint.id, endpoint);
    into(this.#bySandbox, endpoint.sandboxId).set(endpoint.id, endpoint);
    into(this.#byNetwork, endpoint.networkId).set(endpoint.id, endpoint);
    const names = into(this.#names, endpoint.networkId);
    for (const name of this.namesOf(endpoint)) {
      const holders = names.get(name) ?? new Set();
      holders.add(endpoint.id);
      names.set(name, holders);
    }
    const addresses = into(this.#byAddress, endpoint.networkId);
    for (const cidr of [endpoint.ipv4, endpoint.ipv6]) {
      if (cidr !== undefined) addresses.set(addressOf(cidr), endpoint.id);
    }
  }

  deleteEndpoint(id: EndpointId): void {
    const endpoint = this.endpoints.get(id);
    if (endpoint === undefined) return;
    this.endpoints.delete(id);
    this.#bySandbox.get(endpoint.sandboxId)?.delete(id);
    this.#byNetwork.get(endpoint.networkId)?.delete(id);
    const names = this.#names.get(endpoint.networkId);
    if (names !== undefined) {
      for (const [name, holders] of names.size > 64 ? this.#entriesOf(names, endpoint) : names) {
        if (holders.delete(id) && holders.size === 0) names.delete(name);
      }
    }
    const addresses = this.#byAddress.get(endpoint.networkId);
    for (const cidr of [endpoint.ipv4, endpoint.ipv6]) {
      if (cidr !== undefined) addresses?.delete(addressOf(cidr));
    }
  }

  *#entriesOf(names: NameIndex, endpoint: Endpoint): Iterable<[string, Set<EndpointId>]> {
    for (const name of this.namesOf(endpoint)) {
      const holders = names.get(name);
      if (holders !== undefined) yield [name, holders];
    }
  }

  /** Docker's names of an endpoint: aliases (the sandbox's own name first), short id, hostname. */
  namesOf(endpoint: Endpoint): string[] {
    const hostname = this.sandboxes.get(endpoint.sandboxId)?.hostname;
    const names = [
      ...endpoint.aliases,
      shortId(endpoint.sandboxId),
      ...(hostname === undefined ? [] : [hostname]),
    ];
    return [...new Set(names.map((name) => name.toLowerCase()))];
  }

  endpointsOf(sandbox: SandboxId): Endpoint[] {
    return [...(this.#bySandbox.get(sandbox)?.values() ?? [])];
  }

  endpointsOn(network: NetworkId): Endpoint[] {
    return [...(this.#byNetwork.get(network)?.values() ?? [])];
  }

  endpointCount(network: NetworkId): number {
    return this.#byNetwork.get(network)?.size ?? 0;
  }

  named(network: NetworkId, name: string): ReadonlySet<EndpointId> | undefined {
    return this.#names.get(network)?.get(name);
  }

  addressed(network: NetworkId, ip: Ip): EndpointId | undefined {
    return this.#byAddress.get(network)?.get(ip);
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
}

function into<K, V extends Map<unknown, unknown>>(map: Map<K, V>, key: K): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = new Map() as V;
  map.set(key, made);
  return made;
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
  });
}
