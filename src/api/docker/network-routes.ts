import { isNetError, NetError } from "../../base/errors.ts";
import type { Subject } from "../../engine/containers/contract.ts";
import type { Engine, NetworkView } from "../../engine/contract.ts";
import { bool, pointer, string, struct } from "./decode.ts";
import { endpointRequest, endpointSettings } from "./endpoint-settings.ts";
import { createRequest, networkRequest } from "./network-create.ts";
import { filterNetworks, prunes } from "./network-list.ts";
import { networkView } from "./network-view.ts";
import type { DockerContext } from "./plugin.ts";
import { type Answer, created, DONE, NO_CONTENT, ok } from "./reply.ts";
import { findContainer, findNetwork, inspectNetwork, recordedContainer } from "./resolve.ts";
import type { Call, DockerRoute } from "./route.ts";

const connectRequest = struct("network.ConnectOptions", {
  Container: string,
  EndpointConfig: pointer(endpointSettings),
});

const disconnectRequest = struct("network.DisconnectOptions", { Container: string, Force: bool });

export function networkRoutes({ engine }: DockerContext): readonly DockerRoute[] {
  const list = ({ query }: Call): Answer =>
    ok(
      filterNetworks(engine.networks(), query("filters")).map((network) =>
        networkView(network, { members: false }),
      ),
    );
  const prune = pruner(engine);
  return [
    { method: "GET", path: "/networks", run: list },
    { method: "GET", path: "/networks/", run: list },
    { method: "GET", path: "/networks/*", run: (call) => inspect(engine, call) },
    { method: "POST", path: "/networks/create", run: (call) => create(engine, call) },
    { method: "POST", path: "/networks/prune", run: prune },
    { method: "POST", path: "/networks/:ref/connect", run: (call) => connect(engine, call) },
    { method: "POST", path: "/networks/:ref/disconnect", run: (call) => disconnect(engine, call) },
    { method: "DELETE", path: "/networks/*", run: (call) => remove(engine, call) },
  ];
}

function inspect(engine: Engine, { param, query }: Call): Answer {
  const verbose = query("verbose");
  if (verbose !== "" && !/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(verbose)) {
    throw new NetError("invalid", "network.inspect", {
      message: `invalid value for verbose: ${verbose}: strconv.ParseBool: parsing ${JSON.stringify(verbose)}: invalid syntax`,
      field: "verbose",
      value: verbose,
    });
  }
  const ref = param("*");
  const network = inspectNetwork(engine, ref);
  const scope = query("scope");
  // All networks are of this machine alone.
  if (scope !== "" && scope !== "local") throw missing(ref);
  return ok(networkView(network, { members: true }));
}

function missing(ref: string): NetError {
  return new NetError("not_found", "network.inspect", { message: `network ${ref} not found`, subject: ref });
}

async function create(engine: Engine, { body, apiVersion }: Call): Promise<Answer> {
  const network = await engine.createNetwork(networkRequest(body(createRequest), apiVersion));
  return created({ Id: network.id, Warning: "" });
}

async function remove(engine: Engine, { param }: Call): Promise<Answer> {
  await engine.removeNetwork(findNetwork(engine, param("*")).id);
  return NO_CONTENT;
}

/** One at a time, as Docker has it: what a second one would remove, the first one has. */
function pruner(engine: Engine): (call: Call) => Promise<Answer> {
  let running = false;
  return async ({ query }) => {
    if (running) {
      throw new NetError("conflict", "docker.prune", { message: "a prune operation is already running" });
    }
    const which = prunes(query("filters"), Date.now());
    running = true;
    try {
      const names = await engine.pruneNetworks(which);
      // Go's empty slice.
      return ok({ NetworksDeleted: names.length === 0 ? null : names });
    } finally {
      running = false;
    }
  };
}

async function connect(engine: Engine, { body, param }: Call): Promise<Answer> {
  const { Container, EndpointConfig } = body(connectRequest);
  const recorded = recordedContainer(engine, Container);
  const container = recorded ?? findContainer(engine, Container);
  const network = findNetwork(engine, param("ref"));
  const request = endpointRequest(network, EndpointConfig);
  try {
    if (recorded === undefined) await engine.connect(container.id, request);
    else await engine.containers.connect(container.id, { ...request, network: network.name });
  } catch (error) {
    if (isNetError(error, "exhausted")) throw full(network.name, network.id, error);
    throw error;
  }
  return DONE;
}

/** libnetwork, Endpoint.assignAddressVersion. */
function full(name: string, id: string, cause: NetError): NetError {
  const version = cause.subject?.includes(":") === true ? 6 : 4;
  const message = `no available IPv${version} addresses on this network's address pools: ${name} (${id})`;
  return new NetError("exhausted", "endpoint.attach", { message, subject: name, cause });
}

async function disconnect(engine: Engine, { body, param }: Call): Promise<Answer> {
  const { Container, Force } = body(disconnectRequest);
  const recorded = recordedContainer(engine, Container);
  if (recorded !== undefined) return leave(engine, recorded, findNetwork(engine, param("ref")));
  const container = findMember(engine, { container: Container, network: param("ref"), force: Force });
  const network = findNetwork(engine, param("ref"));
  if (!container.endpoints.some(({ networkId }) => networkId === network.id)) {
    throw notConnected(container, network.name);
  }
  await engine.disconnect(container.id, network.id);
  return DONE;
}

function notConnected(
  { id, state }: { readonly id: string; readonly state: string },
  network: string,
): NetError {
  const the = state === "running" ? "" : "the ";
  return new NetError("internal", "endpoint.detach", {
    message: `container ${id} is not connected to ${the}network ${network}`,
  });
}

/** A container that can be started again: it stays on its networks, or joins and leaves them, while it does not run. */
async function leave(engine: Engine, subject: Subject, network: NetworkView): Promise<Answer> {
  const wanted = subject.container?.spec.network;
  const isOn =
    subject.sandbox?.endpoints.some(({ networkId }) => networkId === network.id) ??
    (wanted?.kind === "own" &&
      wanted.networks.some((wish) => [network.id, network.name].includes(wish.network)));
  if (!isOn) throw notConnected(subject, network.name);
  await engine.containers.disconnect(subject.id, network.id);
  return DONE;
}

/** With force Docker looks for an endpoint of that name, since the container may be gone; ours are never without one. */
function findMember(
  engine: Engine,
  of: { readonly container: string; readonly network: string; readonly force: boolean },
): ReturnType<Engine["sandbox"]> {
  try {
    return findContainer(engine, of.container);
  } catch (error) {
    if (!of.force || !isNetError(error, "not_found")) throw error;
    findNetwork(engine, of.network);
    throw new NetError("not_found", "docker.disconnect", { message: `endpoint ${of.container} not found` });
  }
}
