import { NetError } from "../../base/errors.ts";
import type { EndpointRequest } from "../../model/endpoint.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { Core } from "../core.ts";
import type { Membership } from "../membership.ts";
import type { Subject } from "./contract.ts";

/** Which networks containers are on: at once where one runs, and in its record for the starts to come. */
export class NetworkWishes {
  readonly #core: Core;
  readonly #membership: Membership;

  constructor(core: Core, membership: Membership) {
    this.#core = core;
    this.#membership = membership;
  }

  /** Joins a network, and stays on it for the next start. */
  async connect({ id, sandbox }: Subject, request: EndpointRequest): Promise<void> {
    if (sandbox === undefined) this.#refuseTwice(id as SandboxId, request.network);
    else await this.#membership.connect(id, request);
    this.#remember(id as SandboxId, (networks) => [...networks, request]);
  }

  async disconnect({ id, sandbox }: Subject, networkRef: string): Promise<void> {
    const { name, id: networkId } = this.#core.state.findNetwork(networkRef, "endpoint.detach");
    if (sandbox !== undefined) await this.#membership.disconnect(id, networkRef);
    this.#remember(id as SandboxId, (networks) =>
      networks.filter(({ network }) => network !== name && network !== networkId),
    );
  }

  #refuseTwice(id: SandboxId, networkRef: string): void {
    const { state } = this.#core;
    const network = state.findNetwork(networkRef, "endpoint.attach");
    const container = state.containers.get(id);
    const wanted = container?.spec.network;
    if (container === undefined || wanted?.kind !== "own") {
      throw new NetError("invalid", "endpoint.attach", {
        message:
          "container sharing network namespace with another container or host cannot be connected to any other network",
      });
    }
    if (!wanted.networks.some((wish) => [network.id, network.name].includes(wish.network))) return;
    throw new NetError("forbidden", "endpoint.attach", {
      message: `endpoint with name ${container.name} already exists in network ${network.name}`,
      subject: container.name,
    });
  }

  #remember(
    id: SandboxId,
    change: (networks: readonly EndpointRequest[]) => readonly EndpointRequest[],
  ): void {
    const container = this.#core.state.containers.get(id);
    if (container?.spec.network.kind !== "own") return;
    const network = { kind: "own" as const, networks: change(container.spec.network.networks) };
    const changed = { ...container, spec: { ...container.spec, network } };
    this.#core.commit("process", () => this.#core.store.putContainer(changed));
    this.#core.state.putContainer(changed);
  }
}
