import type { Endpoint } from "../model/endpoint.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";

/** Nouns of the model with all that a test does not care about filled in. */

export function aNetwork(but: Partial<Network> = {}): Network {
  return {
    id: "aaaaaaaaaaaa1111111111111111111111111111111111111111111111111111" as NetworkId,
    name: "front",
    driver: "bridge",
    scope: "local",
    created: "2026-01-01T00:00:00.000Z",
    internal: false,
    enableIPv4: true,
    enableIPv6: false,
    ipam: { driver: "default", options: {}, pools: [] },
    options: {},
    labels: {},
    predefined: false,
    ...but,
  };
}

export function anEndpoint(but: Partial<Endpoint> = {}): Endpoint {
  return {
    id: "eeeeeeeeeeee1111111111111111111111111111111111111111111111111111" as EndpointId,
    networkId: aNetwork().id,
    sandboxId: aSandbox().id,
    aliases: ["web"],
    gwPriority: 0,
    options: {},
    ...but,
  };
}

export function aSandbox(but: Partial<Sandbox> = {}): Sandbox {
  return {
    id: "5555555555551111111111111111111111111111111111111111111111111111" as SandboxId,
    name: "web",
    hostname: "555555555555",
    domainname: "",
    created: "2026-01-01T00:00:00.000Z",
    labels: {},
    netns: { kind: "own" },
    netnsPath: "/run/netdock/netns/5555",
    ports: [],
    bindings: [],
    dns: { servers: [], search: [], options: [] },
    extraHosts: [],
    sysctls: {},
    state: "created",
    autoRemove: false,
    ...but,
  };
}
