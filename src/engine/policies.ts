import { addressOf } from "../base/cidr.ts";
import { invalid, NetError } from "../base/errors.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { FirewallElement } from "../model/firewall.ts";
import type { EgressPolicy, Network } from "../model/network.ts";
import type { Sandbox } from "../model/sandbox.ts";
import { ownPolicyElements, policyElements } from "../plan/firewall/index.ts";
import { type Beside, changeNetworks } from "./change-networks.ts";
import type { PolicyRequest } from "./contract.ts";
import type { Core } from "./core.ts";
import { parseEgressRule } from "./egress-rules.ts";

/**
 * The kernel copies an interval map at each change, and rules that overlap are cut into pieces: what nobody could read anyway
 * must not cost everybody's changes.
 */
const MAX_ELEMENTS = 4096;

/** A network whose members may send anywhere; those with a policy of their own are judged only where the network has one. */
const OPEN: EgressPolicy = { default: "allow", rules: [] };

/** Egress policies of networks and endpoints: set, replaced and taken away while they run. */
export class Policies {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  async set(ref: string, request: PolicyRequest): Promise<Network> {
    const op = "network.policy";
    const network = this.#find(ref, op);
    const rules = request.rules.flatMap((text, i) => parseEgressRule(text, `rules[${i}]`, op));
    const policy: EgressPolicy = { default: request.default, rules };
    refuseTooMany(policy, op);
    const changed =
      request.sandbox === undefined
        ? await changeNetworks(this.#core, [network.id], (one) => ({ ...one, policy }))
        : await this.#setOwn(network, request.sandbox, policy);
    this.#emit(network, request.sandbox, { default: policy.default, rules: request.rules.join(" ") });
    return changed[0] as Network;
  }

  /** Members may send anywhere again, or as their network says. `not_found` when there is no policy. */
  async clear(ref: string, { sandbox }: { readonly sandbox?: string | undefined }): Promise<void> {
    const op = "network.policy";
    const core = this.#core;
    const network = this.#find(ref, op);
    if (sandbox === undefined) {
      if (network.policy === undefined) throw noPolicy(`network ${network.name}`, op);
      await changeNetworks(core, [network.id], (one) => {
        const { policy: _, ...rest } = one;
        const own = core.state.endpointsOn(one.id).some((endpoint) => endpoint.policy !== undefined);
        return own ? { ...rest, policy: OPEN } : rest;
      });
    } else await this.#setOwn(network, sandbox, undefined);
    this.#emit(network, sandbox, {});
  }

  #setOwn(network: Network, sandboxRef: string, policy: EgressPolicy | undefined): Promise<Network[]> {
    const core = this.#core;
    const op = "network.policy";
    const { id } = core.state.findSandbox(sandboxRef, op);
    return core.lock.run(`sandbox:${id}`, () => {
      const sandbox = core.state.findSandbox(id, op);
      const before = this.#endpoint(sandbox, network, op);
      if (policy === undefined && before.policy === undefined) {
        throw noPolicy(`sandbox ${sandbox.name} on network ${network.name}`, op);
      }
      const { policy: _, ...rest } = before;
      const after: Endpoint = policy === undefined ? rest : { ...rest, policy };
      const beside: Beside = {
        was: ownPolicyOf(before),
        will: ownPolicyOf(after),
        store: () => core.store.putEndpoint(after),
        done: () => core.state.putEndpoint(after),
      };
      return changeNetworks(core, [network.id], (one) => ({ ...one, policy: one.policy ?? OPEN }), beside);
    });
  }

  #endpoint(sandbox: Sandbox, network: Network, op: string): Endpoint {
    const endpoint = this.#core.state.endpointsOf(sandbox.id).find((e) => e.networkId === network.id);
    if (endpoint !== undefined) return endpoint;
    throw new NetError("not_found", op, {
      message: `sandbox: ${sandbox.name} is not connected to network ${network.name}`,
      subject: sandbox.name,
      field: "sandbox",
      value: sandbox.name,
      remedy: "give a sandbox that is on the network",
    });
  }

  #find(ref: string, op: string): Network {
    const core = this.#core;
    const network = core.state.findNetwork(ref, op);
    const refuse = (code: "invalid" | "unsupported", why: string): NetError =>
      new NetError(code, op, {
        message: `network ${network.name} can have no egress policy: ${why}`,
        subject: network.name,
        field: "network",
        value: network.name,
        remedy: "give a bridge network with a way out",
      });
    if (network.internal) throw refuse("invalid", "it is internal, and nothing leaves it anyway");
    if (core.driverOf(network).hostLink !== undefined) return network;
    throw refuse("unsupported", `driver ${network.driver} routes nothing by the host`);
  }

  #emit(network: Network, sandbox: string | undefined, more: Readonly<Record<string, string>>): void {
    const of = sandbox === undefined ? {} : { sandbox };
    const attributes = { name: network.name, driver: network.driver, ...of, ...more };
    this.#core.events.emit({ type: "network", action: "policy", id: network.id, attributes });
  }
}

/** What an endpoint's own policy is in the firewall. */
export function ownPolicyOf({ policy, ipv4, ipv6 }: Endpoint): FirewallElement[] {
  if (policy === undefined) return [];
  return [ipv4, ipv6].flatMap((cidr) =>
    cidr === undefined ? [] : ownPolicyElements(addressOf(cidr), policy),
  );
}

function refuseTooMany(policy: EgressPolicy, op: string): void {
  const { length } = policyElements("", policy);
  if (length <= MAX_ELEMENTS) return;
  throw invalid(
    "rules",
    `${policy.rules.length} rules`,
    `they must make ${MAX_ELEMENTS} elements at most, not ${length}`,
    op,
  );
}

function noPolicy(whose: string, op: string): NetError {
  return new NetError("not_found", op, { message: `${whose} has no egress policy`, subject: whose });
}
