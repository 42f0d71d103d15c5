import { isNetError } from "../../base/errors.ts";
import type { NetworkView, PeerRequest, PolicyRequest } from "../../engine/contract.ts";
import type { Owner } from "./sandbox.ts";

/** A network of the engine's. */
export class NetworkHandle implements AsyncDisposable {
  readonly id: string;
  readonly name: string;
  readonly #owner: Owner;

  /** Handles are made by the engine: `net.createNetwork`. */
  constructor(owner: Owner, network: NetworkView) {
    this.#owner = owner;
    this.id = network.id;
    this.name = network.name;
  }

  /** As it is now: pools, options, and who is on it. */
  view(): NetworkView {
    return this.#owner.open().engine.network(this.id);
  }

  /**
   * Lets its members and another network's open connections to each other, or with `oneWay` its members only, until
   * `unpeer`.
   */
  async peer(other: string, options: Omit<PeerRequest, "network"> = {}): Promise<void> {
    await this.#owner.open().engine.peer(this.id, { ...options, network: other });
  }

  unpeer(other: string): Promise<void> {
    return this.#owner.open().engine.unpeer(this.id, other);
  }

  /** Says where its members, or one sandbox on it, may send: `{ default: "deny", rules: ["allow=10.0.0.0/8,443/tcp"] }`. */
  async setPolicy(policy: PolicyRequest): Promise<void> {
    await this.#owner.open().engine.setPolicy(this.id, policy);
  }

  clearPolicy(of: { readonly sandbox?: string | undefined } = {}): Promise<void> {
    return this.#owner.open().engine.clearPolicy(this.id, of);
  }

  /** Takes every sandbox off it and removes it. One that is gone already is fine. */
  async remove(): Promise<void> {
    try {
      const { engine } = this.#owner.open();
      const { endpoints } = engine.network(this.id);
      await Promise.all(endpoints.map((e) => this.#leave(e.sandboxId)));
      await engine.removeNetwork(this.id);
    } catch (error) {
      // Removed by somebody else, or with the whole engine.
      if (!isNetError(error, "not_found", "unavailable")) throw error;
    }
  }

  async #leave(sandbox: string): Promise<void> {
    try {
      await this.#owner.open().engine.disconnect(sandbox, this.id);
    } catch (error) {
      if (!isNetError(error, "not_found")) throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }
}
