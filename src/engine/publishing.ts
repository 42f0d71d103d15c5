import { NetError } from "../base/errors.ts";
import type { UndoStack } from "../base/undo.ts";
import { HOST_NETNS, type Blueprint, type Op } from "../model/ops.ts";
import type { PortBinding, PortMapping } from "../model/ports.ts";
import type { Sandbox } from "../model/sandbox.ts";
import type { Core } from "./core.ts";
import type { Endpoints } from "./endpoints.ts";
import { parsePublish } from "./publish.ts";
import { type Published, publishedOn, publishOps, placesOf, refuseInVain, waysOf } from "./traffic.ts";

/** A sandbox and what is published of it. */
interface Stand {
  readonly sandbox: Sandbox;
  readonly published: Published;
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
    const { id } = core.state.findSandbox(sandboxRef, op);
    return core.lock.run(`sandbox:${id}`, async () => {
      const before = core.state.findSandbox(id, op);
      this.#refuseHost(before, op);
      const after: Sandbox = { ...before, ports: [...before.ports, ...wishes] };
      const ways = waysOf(core, core.state.endpointsOf(id));
      refuseInVain({ ...before, ports: wishes }, ways);
      await using undo = core.undoStack(op);
      const intent = core.commit("process", () => core.store.addIntent({ kind: op, sandboxId: id }));
      undo.defer(() => {
        core.commit("process", () => core.store.clearIntent(intent));
      });
      core.step("port.publish:intended");
      const was = publishedOn(core, ways, { held: core.ports.of(id), wishes: before.ports });
      const held = core.ports.hold(id, wishes, placesOf(core, ways));
      undo.defer(() => core.ports.drop(id, held));
      const will = publishedOn(core, ways, { held: core.ports.of(id), wishes: after.ports });
      await this.#turn({ sandbox: before, published: was }, { sandbox: after, published: will }, undo);
      core.step("port.publish:applied");
      const made = { ...after, bindings: will.bindings };
      core.commit("process", () => {
        core.store.putSandbox(made);
        core.store.clearIntent(intent);
      });
      undo.commit();
      core.state.putSandbox(made);
      core.step("port.publish:committed");
      this.#emit("publish", made, texts);
      return made;
    });
  }

  /** A port is named as it was published; without the host's port or address, whatever leads to that port of the sandbox. */
  async unpublish(sandboxRef: string, texts: readonly string[]): Promise<Sandbox> {
    const core = this.#core;
    const op = "port.unpublish";
    const named = texts.map((text, i) => parsePublish(text, `publish[${i}]`));
    const { id } = core.state.findSandbox(sandboxRef, op);
    return core.lock.run(`sandbox:${id}`, async () => {
      const before = core.state.findSandbox(id, op);
      const gone = new Set(
        named.flatMap((wish, i) => this.#meant(before, wish, `publish[${i}]`, texts[i] ?? "", op)),
      );
      const after: Sandbox = { ...before, ports: before.ports.filter((mapping) => !gone.has(mapping)) };
      await using undo = core.undoStack(op);
      const intent = core.commit("process", () => core.store.addIntent({ kind: op, sandboxId: id }));
      undo.defer(() => {
        core.commit("process", () => core.store.clearIntent(intent));
      });
      core.step("port.unpublish:intended");
      const ways = waysOf(core, core.state.endpointsOf(id));
      const held = core.ports.of(id);
      const dropped = core.ports.heldFor(id, gone);
      const was = publishedOn(core, ways, { held, wishes: before.ports });
      const left = held.filter((port) => !dropped.includes(port));
      const will = publishedOn(core, ways, { held: left, wishes: after.ports });
      await this.#turn({ sandbox: before, published: was }, { sandbox: after, published: will }, undo);
      core.step("port.unpublish:applied");
      const made = { ...after, bindings: will.bindings };
      core.commit("process", () => {
        core.store.putSandbox(made);
        core.store.clearIntent(intent);
      });
      undo.commit();
      core.state.putSandbox(made);
      // Only now: nobody else may take a port that an undo would need back.
      core.ports.drop(id, dropped);
      core.step("port.unpublish:committed");
      this.#emit("unpublish", made, texts);
      return made;
    });
  }

  /** Ports are named as in `unpublish`; the sources behind a port are those that may use it from now on. */
  async allow(sandboxRef: string, texts: readonly string[]): Promise<Sandbox> {
    const core = this.#core;
    const op = "port.allow";
    const named = texts.map((text, i) => parsePublish(text, `publish[${i}]`));
    const { id } = core.state.findSandbox(sandboxRef, op);
    return core.lock.run(`sandbox:${id}`, async () => {
      const before = core.state.findSandbox(id, op);
      const changed = new Map<PortMapping, PortMapping>();
      for (const [i, wish] of named.entries()) {
        for (const mapping of this.#meant(before, wish, `publish[${i}]`, texts[i] ?? "", op)) {
          changed.set(mapping, allowing(mapping, wish.from));
        }
      }
      const after: Sandbox = {
        ...before,
        ports: before.ports.map((mapping) => changed.get(mapping) ?? mapping),
      };
      await using undo = core.undoStack(op);
      const intent = core.commit("process", () => core.store.addIntent({ kind: op, sandboxId: id }));
      undo.defer(() => {
        core.commit("process", () => core.store.clearIntent(intent));
      });
      core.step("port.allow:intended");
      const ways = waysOf(core, core.state.endpointsOf(id));
      const was = publishedOn(core, ways, { held: core.ports.of(id), wishes: before.ports });
      core.ports.replaceMappings(id, changed);
      undo.defer(() => core.ports.replaceMappings(id, new Map([...changed].map(([old, now]) => [now, old]))));
      const will = publishedOn(core, ways, { held: core.ports.of(id), wishes: after.ports });
      await this.#turn({ sandbox: before, published: was }, { sandbox: after, published: will }, undo);
      core.step("port.allow:applied");
      const made = { ...after, bindings: will.bindings };
      core.commit("process", () => {
        core.store.putSandbox(made);
        core.store.clearIntent(intent);
      });
      undo.commit();
      core.state.putSandbox(made);
      core.step("port.allow:committed");
      this.#emit("allow", made, texts);
      return made;
    });
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

  #emit(action: "publish" | "unpublish" | "allow", { id, name }: Sandbox, texts: readonly string[]): void {
    this.#core.events.emit({ type: "sandbox", action, id, attributes: { name, ports: texts.join(" ") } });
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
