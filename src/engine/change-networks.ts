import { NetError } from "../base/errors.ts";
import type { FirewallElement } from "../model/firewall.ts";
import type { NetworkId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import { firewallOps } from "../plan/blueprint.ts";
import { diffElements } from "../plan/firewall/index.ts";
import type { Core } from "./core.ts";
import { rulesOf } from "./network-rules.ts";

/** What is changed in the same transaction. */
export interface Beside {
  readonly was: readonly FirewallElement[];
  readonly will: readonly FirewallElement[];
  /** Inside the store's transaction. */
  readonly store: () => void;
  /** When it is done. */
  readonly done: () => void;
}

const NOTHING: Beside = { was: [], will: [], store: () => undefined, done: () => undefined };

/**
 * Changes what may be changed of networks that exist: their rules, in one firewall transaction. `edit` is asked again at the
 * commit, with the network as it is then. Returns the networks as they are now, in the order of `ids`.
 */
export function changeNetworks(
  core: Core,
  ids: readonly NetworkId[],
  edit: (network: Network) => Network,
  beside: Beside = NOTHING,
): Promise<Network[]> {
  // Always in the same order, so that nobody waits for each other.
  return locked(core, ids.toSorted(), () => change(core, ids, edit, beside));
}

function locked<T>(core: Core, ids: readonly NetworkId[], task: () => Promise<T>): Promise<T> {
  const [first, ...rest] = ids;
  return first === undefined ? task() : core.lock.run(`network:${first}`, () => locked(core, rest, task));
}

async function change(
  core: Core,
  ids: readonly NetworkId[],
  edit: (network: Network) => Network,
  beside: Beside,
): Promise<Network[]> {
  await using undo = core.undoStack("network.change");
  const before = ids.map((id) => present(core, id));
  const intent = core.commit("process", () =>
    core.store.addIntent({ kind: "network.change", networkId: ids[0] as NetworkId }),
  );
  undo.defer(() => {
    core.commit("process", () => core.store.clearIntent(intent));
  });
  core.step("network.change:intended");
  const was = [...before.flatMap((network) => rulesOf(core, network)), ...beside.was];
  const will = [...before.flatMap((network) => rulesOf(core, edit(network))), ...beside.will];
  const { add, remove } = diffElements(was, will);
  const ops = firewallOps(add, remove);
  if (ops.length > 0) {
    await core.host.apply(ops);
    undo.defer(() => core.host.apply(firewallOps(remove, add)));
  }
  core.step("network.change:applied");
  const after = core.commit("disk", () => {
    const changed = ids.map((id) => edit(present(core, id)));
    for (const network of changed) core.store.putNetwork(network);
    beside.store();
    core.store.clearIntent(intent);
    return changed;
  });
  undo.commit();
  for (const network of after) core.state.putNetwork(network);
  beside.done();
  core.step("network.change:committed");
  return after;
}

/** A network may be on its way out while its lock is held: then it is in the state no more. */
function present(core: Core, id: NetworkId): Network {
  const network = core.state.networks.get(id);
  if (network !== undefined) return network;
  throw new NetError("not_found", "network.change", { message: `network ${id} was removed`, subject: id });
}
