import { networkView } from "./network-view.ts";
import type { DockerApiOptions } from "./plugin.ts";
import { ok } from "./reply.ts";
import type { DockerRoute } from "./route.ts";

export function networkRoutes({ engine }: DockerApiOptions): readonly DockerRoute[] {
  const list: DockerRoute["run"] = () =>
    ok(engine.networks().map((network) => networkView(network, { members: false })));
  return [
    { method: "GET", path: "/networks", run: list },
    { method: "GET", path: "/networks/", run: list },
    {
      method: "GET",
      path: "/networks/*",
      run: ({ param }) => ok(networkView(engine.network(param("*")), { members: true })),
    },
  ];
}
