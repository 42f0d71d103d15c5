import type { Client } from "../api/client.ts";

/** The API's client as the commands use it, and the shapes that go through it, named. */
export type NetdockClient = Client;

export type NetworkRequest = Parameters<Client["createNetwork"]>[0];
export type NetworkView = Awaited<ReturnType<Client["network"]>>;
export type PoolRequest = NonNullable<NonNullable<NetworkRequest["ipam"]>["config"]>[number];
export type SandboxRequest = Parameters<Client["createSandbox"]>[0];
export type SandboxView = Awaited<ReturnType<Client["sandbox"]>>;
export type EndpointRequest = NonNullable<SandboxRequest["networks"]>[number];
export type EndpointView = SandboxView["endpoints"][number];
export type PortBinding = SandboxView["bindings"][number];
export type ProcessSpec = Parameters<Client["startProcess"]>[1];
export type DaemonInfo = Awaited<ReturnType<Client["info"]>>;
export type SandboxFiles = Awaited<ReturnType<Client["sandboxFiles"]>>;
export type ConnectRequest = Parameters<Client["connect"]>[1];
export type NetdockEvent =
  Awaited<ReturnType<Client["events"]>> extends AsyncIterableIterator<infer E> ? E : never;
