import { NetError } from "../base/errors.ts";
import type { UndoStack } from "../base/undo.ts";
import { HOST_NETNS, type Blueprint, type Op } from "../model/ops.ts";
import type { PortBinding, PortMapping } from "../model/ports.ts";
import type { Sandbox } from "../model/sandbox.ts";
import type { Core } from "./core.ts";
import type { Endpoints } from "./endpoints.ts";
import type { HeldPort } from "./port-wish.ts";
import { parsePublish } from "./publish.ts";
import {
  type Published,
  publishedOn,
  publishOps,
  placesOf,
  refuseInVain,
  type Ways,
  waysOf,
} from "./traffic.ts";

/** A sandbox and what is published of it. */
interface Stand {
  readonly sandbox: Sandbox;
  readonly published: Published;
}

const ACTIONS = { "port.publish": "publish", "port.unpublish": "unpublish", "port.allow": "allow" } as const;
type ChangeOp = keyof typeof ACTIONS;

interface Change {
  readonly op: ChangeOp;
  /** What was asked for, in the user's words. */
  readonly texts: readonly string[];
  readonly before: Sandbox;
  readonly after: Sandbox;
  readonly ways: Ways;
}

/** Ports published and withdrawn while a sandbox lives, all of one request or none. */
export class Publishing {
  readonly #core: Core;
  readonly #endpoints: Endpoints;

  constructor(core: Core, endpoints: Endpoints) {
    this.#core = core;
    this.#endpoints = endpoints;
  }

  async publish(sandboxRef: string, texts: readonly string[]): Promise<Sandbox> {
    const core = this.#core;
    const op = "port.publish";
    const wishes = texts.map((text, i) => parsePublish(text, `publish[${i}]`));
    return this.#locked(sandboxRef, op, (before, ways) => {
      this.#refuseHost(before, op);
      refuseInVain({ ...before, ports: wishes }, ways);
      const after = { ...before, ports: [...before.ports, ...wishes] };
      return this.#change({ op, texts, before, after, ways }, (undo) => {
        const held = core.ports.hold(before.id, wishes, placesOf(core, ways));
        undo.defer(() => core.ports.drop(before.id, held));
        return core.ports.of(before.id);
      });
    });
  }

  /** A port is named as it was published; without the host's port or address, whatever leads to that port of the sandbox. */
  async unpublish(sandboxRef: string, texts: readonly string[]): Promise<Sandbox> {
    const core = this.#core;
    const op = "port.unpublish";
    const named = texts.map((text, i) => parsePublish(text, `publish[${i}]`));
    return this.#locked(sandboxRef, op, (before, ways) => {
      const { id } = before;
      const gone = new Set(
        named.flatMap((wish, i) => this.#meant(before, wish, `publish[${i}]`, texts[i] ?? "", op)),
      );
      const after = { ...before, ports: before.ports.filter((mapping) => !gone.has(mapping)) };
      const dropped = core.ports.heldFor(id, gone);
      return this.#change(
        { op, texts, before, after, ways },
        () => core.ports.of(id).filter((port) => !dropped.includes(port)),
        // Only then: nobody else may take a port that an undo would need back.
        () => core.ports.drop(id, dropped),
      );
    });
  }

  /** Ports are named as in `unpublish`; the sources behind a port are those that may use it from now on. */
  async allow(sandboxRef: string, texts: readonly string[]): Promise<Sandbox> {
    const core = this.#core;
    const op = "port.allow";
    const named = texts.map((text, i) => parsePublish(text, `publish[${i}]`));
    return this.#locked(sandboxRef, op, (before, ways) => {
      const { id } = before;
      const changed = new Map<PortMapping, PortMapping>();
      for (const [i, wish] of named.entries()) {
        for (const mapping of this.#meant(before, wish, `publish[${i}]`, texts[i] ?? "", op)) {
          changed.set(mapping, allowing(mapping, wish.from));
        }
      }
      const after = { ...before, ports: before.ports.map((mapping) => changed.get(mapping) ?? mapping) };
      return this.#change({ op, texts, before, after, ways }, (undo) => {
        core.ports.replaceMappings(id, changed);
        const back = new Map([...changed].map(([old, now]) => [now, old]));
        undo.defer(() => core.ports.replaceMappings(id, back));
        return core.ports.of(id);
      });
    });
  }

  /** The sandbox as it is when nobody else changes it, and its ways. */
  #locked(
    sandboxRef: string,
    op: ChangeOp,
    run: (before: Sandbox, ways: Ways) => Promise<Sandbox>,
  ): Promise<Sandbox> {
    const { state, lock } = this.#core;
    const { id } = state.findSandbox(sandboxRef, op);
    return lock.run(`sandbox:${id}`, async () =>
      run(state.findSandbox(id, op), waysOf(this.#core, state.endpointsOf(id))),
    );
  }

  /**
   * What every change has around it: the intent, the turn, the commit, the event. `hold` changes the ports that are held and
   * gives those that are in use from then on; `settle` lets go of the others once there is no way back.
   */
  async #change(
    { op, texts, before, after, ways }: Change,
    hold: (undo: UndoStack) => readonly HeldPort[],
    settle: () => void = () => undefined,
  ): Promise<Sandbox> {
    const core = this.#core;
    const { id } = before;
    await using undo = core.undoStack(op);
    const intent = core.commit("process", () => core.store.addIntent({ kind: op, sandboxId: id }));
    undo.defer(() => {
      core.commit("process", () => core.store.clearIntent(intent));
    });
    core.step(`${op}:intended`);
    const was = publishedOn(core, ways, { held: core.ports.of(id), wishes: before.ports });
    const will = publishedOn(core, ways, { held: hold(undo), wishes: after.ports });
    await this.#turn({ sandbox: before, published: was }, { sandbox: after, published: will }, undo);
    core.step(`${op}:applied`);
    const made = { ...after, bindings: will.bindings };
    core.commit("process", () => {
      core.store.putSandbox(made);
      core.store.clearIntent(intent);
    });
    undo.commit();
    core.state.putSandbox(made);
    settle();
    core.step(`${op}:committed`);
    const attributes = { name: made.name, ports: texts.join(" ") };
    core.events.emit({ type: "sandbox", action: ACTIONS[op], id, attributes });
    return made;
  }

  /** Makes the one of the other, in the kernel and in the proxy, and leaves the way back on the stack. */
  async #turn(before: Stand, after: Stand, undo: UndoStack): Promise<void> {
    const { host, ports } = this.#core;
    const { id } = before.sandbox;
    const steps = (from: Stand, to: Stand): Op[] => [
      ...this.#hairpinOps(from.sandbox, to.sandbox),
      ...publishOps(from.published, to.published),
    ];
    const ops = steps(before, after);
    if (ops.length > 0) {
      await host.apply(ops);
      undo.defer(() => host.apply(steps(after, before)));
    }
    undo.defer(() => ports.serve(id, before.published.proxied));
    ports.serve(id, after.published.proxied);
  }

  #refuseHost(sandbox: Sandbox, op: string): void {
    if (sandbox.netns.kind !== "host") return;
    const remedy = "let its process listen on the host's port itself";
    throw new NetError("invalid", op, {
      message: `sandbox ${sandbox.name} is on the host's network, where nothing is published: ${remedy}`,
      subject: sandbox.name,
      field: "sandbox",
      value: sandbox.name,
      remedy,
    });
  }

  #meant(sandbox: Sandbox, wish: PortMapping, field: string, text: string, op: string): PortMapping[] {
    const found = sandbox.ports.filter((mapping) =>
      isMeant(mapping, wish, this.#bindingsOf(sandbox, mapping)),
    );
    if (found.length > 0) return found;
    const remedy = "name a port as `netdock port ls` shows it: HOST-PORT:PORT/PROTOCOL, or PORT/PROTOCOL";
    throw new NetError("not_found", op, {
      message: `${field}: sandbox ${sandbox.name} does not publish ${text}: ${remedy}`,
      subject: sandbox.name,
      field,
      value: text,
      remedy,
    });
  }

  #bindingsOf(sandbox: Sandbox, mapping: PortMapping): readonly Pick<PortBinding, "hostPort">[] {
    return this.#core.ports.heldFor(sandbox.id, new Set([mapping]));
  }

  /** Whether a bridge port sends frames back out of itself depends on whether its sandbox publishes. */
  #hairpinOps(before: Sandbox, after: Sandbox): Op[] {
    if ((before.ports.length === 0) === (after.ports.length === 0)) return [];
    const endpoints = this.#core.state.endpointsOf(before.id);
    const was = hairpins(this.#endpoints.blueprint(before, endpoints));
    const will = hairpins(this.#endpoints.blueprint(after, endpoints));
    return [...will].flatMap(([name, hairpin]): Op[] =>
      was.get(name) === hairpin ? [] : [{ op: "link.set", netns: HOST_NETNS, name, set: { hairpin } }],
    );
  }
}

/** Ports of bridges on the host, and whether each sends frames back. */
function hairpins(blueprint: Blueprint): Map<string, boolean> {
  const ports = blueprint.links.filter(
    ({ netns, link }) => netns === HOST_NETNS && link.hairpin !== undefined,
  );
  return new Map(ports.map(({ link }) => [link.name, link.hairpin === true]));
}

function isMeant(
  mapping: PortMapping,
  wish: PortMapping,
  held: readonly Pick<PortBinding, "hostPort">[],
): boolean {
  return (
    mapping.protocol === wish.protocol &&
    mapping.containerPort === wish.containerPort &&
    mapping.count === wish.count &&
    (wish.hostIp === undefined || wish.hostIp === mapping.hostIp) &&
    (wish.hostPort === undefined ||
      (wish.hostPort === mapping.hostPort && wish.hostPortLast === mapping.hostPortLast) ||
      held.some(({ hostPort }) => hostPort === wish.hostPort))
  );
}

/** The same wish for other sources; without any, for everybody. */
function allowing({ from: _, ...mapping }: PortMapping, from: PortMapping["from"]): PortMapping {
  return from === undefined ? mapping : { ...mapping, from };
}
