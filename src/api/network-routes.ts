import type { Engine } from "../engine/contract.ts";
import { pruneReport } from "./daemon-schemas.ts";
import {
  connectRequest,
  disconnectRequest,
  linkRequest,
  networkRequest,
  partitionRequest,
  peerRequest,
  policyQuery,
  policyRequest,
  unpeerRequest,
} from "./network-requests.ts";
import { endpoint } from "./endpoint-view.ts";
import { lease, networkView, partitionView } from "./network-views.ts";
import { type Route, route } from "./routes.ts";
import { list } from "./schema.ts";

export function networkRoutes(engine: Engine): readonly Route[] {
  const tag = "networks";
  return [
    route({
      method: "GET",
      path: "/networks",
      op: "network.list",
      tag,
      summary: "All networks with their endpoints",
      refuses: [],
      status: 200,
      reply: list("Networks", networkView),
      run: () => engine.networks(),
    }),
    route({
      method: "POST",
      path: "/networks",
      op: "network.create",
      tag,
      summary: "Make a network",
      body: networkRequest,
      refuses: ["conflict", "exhausted", "unsupported", "kernel"],
      status: 201,
      reply: networkView,
      run: ({ body }) => engine.createNetwork(body),
    }),
    route({
      method: "POST",
      path: "/networks/prune",
      op: "network.prune",
      tag,
      summary: "Remove every network of users' that has no endpoint",
      refuses: ["kernel"],
      status: 200,
      reply: pruneReport,
      run: async () => ({ removed: await engine.pruneNetworks() }),
    }),
    route({
      method: "GET",
      path: "/networks/:ref",
      op: "network.inspect",
      tag,
      summary: "One network",
      refuses: ["not_found", "conflict"],
      status: 200,
      reply: networkView,
      run: ({ ref }) => engine.network(ref),
    }),
    route({
      method: "DELETE",
      path: "/networks/:ref",
      op: "network.remove",
      tag,
      summary: "Remove a network without endpoints",
      refuses: ["not_found", "conflict", "in_use", "forbidden", "kernel"],
      status: 204,
      run: async ({ ref }) => {
        await engine.removeNetwork(ref);
        return undefined;
      },
    }),
    route({
      method: "GET",
      path: "/networks/:ref/leases",
      op: "network.leases",
      tag,
      summary: "Addresses granted in its pools",
      refuses: ["not_found", "conflict"],
      status: 200,
      reply: list("Leases", lease),
      run: ({ ref }) => engine.leases(ref),
    }),
    route({
      method: "POST",
      path: "/networks/:ref/connect",
      op: "network.connect",
      tag,
      summary: "Join a sandbox to the network, live",
      body: connectRequest,
      refuses: ["not_found", "conflict", "forbidden", "exhausted", "unsupported", "kernel"],
      status: 200,
      reply: endpoint,
      run: ({ ref, body: { sandbox, ...request } }) => engine.connect(sandbox, { ...request, network: ref }),
    }),
    route({
      method: "POST",
      path: "/networks/:ref/disconnect",
      op: "network.disconnect",
      tag,
      summary: "Take a sandbox off the network, live",
      body: disconnectRequest,
      refuses: ["not_found", "conflict", "forbidden", "kernel"],
      status: 204,
      run: async ({ ref, body }) => {
        await engine.disconnect(body.sandbox, ref);
        return undefined;
      },
    }),
    route({
      method: "POST",
      path: "/networks/:ref/peer",
      op: "network.peer",
      tag,
      summary: "Let members of two networks open connections to each other",
      body: peerRequest,
      refuses: ["not_found", "conflict", "unsupported", "kernel"],
      status: 200,
      reply: networkView,
      run: ({ ref, body }) => engine.peer(ref, body),
    }),
    route({
      method: "POST",
      path: "/networks/:ref/unpeer",
      op: "network.unpeer",
      tag,
      summary: "Isolate two networks again",
      body: unpeerRequest,
      refuses: ["not_found", "conflict", "kernel"],
      status: 204,
      run: async ({ ref, body }) => {
        await engine.unpeer(ref, body.network);
        return undefined;
      },
    }),
    route({
      method: "POST",
      path: "/networks/:ref/policy",
      op: "network.policy",
      tag,
      summary: "Say where members of a network, or one of them, may open connections to",
      body: policyRequest,
      refuses: ["not_found", "conflict", "unsupported", "kernel"],
      status: 200,
      reply: networkView,
      run: ({ ref, body }) => engine.setPolicy(ref, body),
    }),
    route({
      method: "DELETE",
      path: "/networks/:ref/policy",
      op: "network.policy.clear",
      tag,
      summary: "Take a policy away",
      query: policyQuery,
      refuses: ["not_found", "conflict", "unsupported", "kernel"],
      status: 204,
      run: async ({ ref, query }) => {
        await engine.clearPolicy(ref, query);
        return undefined;
      },
    }),
    linkRoute(engine, "cut", "Cut a sandbox's link: frames are lost both ways, and nobody is told"),
    linkRoute(engine, "heal", "Heal a link that was cut"),
    route({
      method: "GET",
      path: "/partition",
      op: "partition.inspect",
      tag,
      summary: "What is cut on purpose",
      refuses: [],
      status: 200,
      reply: partitionView,
      run: () => engine.partition(),
    }),
    route({
      method: "POST",
      path: "/partition",
      op: "partition.set",
      tag,
      summary: "Keep groups of sandboxes from reaching each other, instead of those of before; none heals",
      body: partitionRequest,
      refuses: ["not_found", "unsupported", "kernel"],
      status: 204,
      run: async ({ body }) => {
        await engine.setPartition(body.groups);
        return undefined;
      },
    }),
  ];
}

function linkRoute(engine: Engine, action: "cut" | "heal", summary: string): Route {
  return route({
    method: "POST",
    path: `/networks/:ref/${action}`,
    op: `network.${action}`,
    tag: "networks",
    summary,
    body: linkRequest,
    refuses: ["not_found", "conflict", "unsupported", "kernel"],
    status: 204,
    run: async ({ ref, body }) => {
      await engine.setLink(body.sandbox, ref, { connected: action === "heal" });
      return undefined;
    },
  });
}
