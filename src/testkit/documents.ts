import type { Subnet } from "../base/cidr.ts";
import type { Ip } from "../base/ip.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";

/** An id from a short word or number, always the same one: `id("a")` is 64 hex digits. */
export function id<Id extends NetworkId | SandboxId | EndpointId>(word: string | number): Id {
  const hex = Array.from(String(word), (char) => char.charCodeAt(0).toString(16)).join("");
  return hex.padStart(64, "0") as Id;
}

export function makeNetwork(word: string | number, change: Partial<Network> = {}): Network {
  return {
    id: id<NetworkId>(word),
    name: `net-${word}`,
    driver: "bridge",
    scope: "local",
    created: "2026-01-01T00:00:00.000Z",
    internal: false,
    enableIPv4: true,
    enableIPv6: false,
    ipam: { driver: "default", options: {}, pools: [{ subnet: "10.0.0.0/24" as Subnet, auxAddresses: {} }] },
    options: {},
    labels: {},
    predefined: false,
    ...change,
  };
}

export function makeSandbox(word: string | number, change: Partial<Sandbox> = {}): Sandbox {
  return {
    id: id<SandboxId>(word),
    name: `sandbox-${word}`,
    hostname: `host-${word}`,
    domainname: "",
    created: "2026-01-01T00:00:00.000Z",
    labels: {},
    netns: { kind: "own" },
    netnsPath: `/run/netdock/netns/${word}`,
    ports: [],
    bindings: [],
    dns: { servers: ["192.0.2.53" as Ip], search: [], options: [] },
    extraHosts: [],
    sysctls: {},
    state: "created",
    autoRemove: false,
    ...change,
  };
}

/** `network` and `sandbox` are the words they were made from. */
export function makeEndpoint(
  word: string | number,
  joins: { readonly network: string | number; readonly sandbox: string | number },
  change: Partial<Endpoint> = {},
): Endpoint {
  return {
    id: id<EndpointId>(word),
    networkId: id<NetworkId>(joins.network),
    sandboxId: id<SandboxId>(joins.sandbox),
    aliases: [`alias-${word}`],
    gwPriority: 0,
    options: {},
    ...change,
  };
}
