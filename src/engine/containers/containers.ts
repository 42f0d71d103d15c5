import { errorText, NetError } from "../../base/errors.ts";
import type { Container, ContainerSpec } from "../../model/container.ts";
import type { SandboxId } from "../../model/ids.ts";
import type { Sandbox } from "../../model/sandbox.ts";
import type { SandboxView } from "../contract.ts";
import type { Core } from "../core.ts";
import { refuseTakenName } from "../describe.ts";
import { newId, newName } from "../ids.ts";
import type { Membership } from "../membership.ts";
import { checkName } from "../parse.ts";
import type { Sandboxes } from "../sandboxes.ts";
import type { Attachment, Containers, Exec, Subject, WaitCondition } from "./contract.ts";
import { Execs } from "./execs.ts";
import { exitCodeOf, UNKNOWN_EXIT } from "./record.ts";
import { checkSpec, sandboxRequest, sharedSandbox } from "./request.ts";
import { NetworkWishes } from "./network-wishes.ts";
import { Runs } from "./runs.ts";
import type { StreamLog } from "./stream-log.ts";
import { Waiters, type End } from "./waiters.ts";

const SIGTERM = 15;
const STOP_TIMEOUT_SECONDS = 10;

/** Containers: records of commands, each with a sandbox of the same id as long as it runs. */
export class ContainerTable implements Containers {
  readonly #core: Core;
  readonly #sandboxes: Sandboxes;
  readonly #wishes: NetworkWishes;
  readonly #view: (sandbox: Sandbox) => SandboxView;
  readonly #runs: Runs;
  readonly #execs: Execs;
  readonly #ends = new Waiters();
  readonly #removals = new Waiters();

  constructor(
    core: Core,
    parts: { readonly sandboxes: Sandboxes; readonly membership: Membership },
    view: (sandbox: Sandbox) => SandboxView,
  ) {
    const { sandboxes } = parts;
    this.#core = core;
    this.#sandboxes = sandboxes;
    this.#wishes = new NetworkWishes(core, parts.membership);
    this.#view = view;
    this.#runs = new Runs(core);
    this.#execs = new Execs(core);
    sandboxes.onGone = (sandbox) => this.#gone(sandbox);
    // A sandbox that is no container's stays when its command has ended.
    core.events.subscribe(({ type, action, id, attributes }) => {
      if (type !== "sandbox" || action !== "die" || attributes["container"] !== undefined) return;
      this.#ends.tell(id, { exitCode: Number(attributes["exitCode"] ?? UNKNOWN_EXIT) });
    });
  }

  /** At start, when the sandboxes have been taken over: what ended meanwhile is settled. */
  async resume(): Promise<void> {
    this.#runs.resume();
    for (const { id, spec, last } of [...this.#core.state.containers.values()]) {
      const ended = last !== undefined && !this.#core.state.sandboxes.has(id);
      // oxlint-disable-next-line no-await-in-loop -- rare, and never many
      if (ended && spec.autoRemove) await this.#forget(id);
    }
  }

  close(): void {
    this.#runs.close();
  }

  list(): readonly Subject[] {
    const { containers, sandboxes } = this.#core.state;
    return [...new Set([...containers.keys(), ...sandboxes.keys()])].map((id) => this.#subject(id));
  }

  find(ref: string): Subject {
    return this.#subject(this.#core.state.findSubject(ref, "container.inspect"));
  }

  #subject(id: SandboxId): Subject {
    const { containers, sandboxes } = this.#core.state;
    const container = containers.get(id);
    const sandbox = sandboxes.get(id);
    const execs = this.#execs.of(id);
    if (container === undefined) {
      const view = this.#view(sandbox as Sandbox);
      const { name, created, state } = view;
      // A stack without a command of ours is somebody's, and alive.
      return { id, name, created, state: state === "exited" ? "exited" : "running", sandbox: view, execs };
    }
    const { name, created, last } = container;
    const runs = sandbox?.state === "running";
    return {
      id,
      name,
      created,
      state: runs ? "running" : last === undefined ? "created" : "exited",
      container,
      ...(runs ? { sandbox: this.#view(sandbox) } : {}),
      execs,
    };
  }

  async create(request: {
    readonly name?: string | undefined;
    readonly spec: ContainerSpec;
  }): Promise<Subject> {
    const core = this.#core;
    const op = "container.create";
    const id = newId<SandboxId>();
    const name = request.name ?? newName((n) => core.state.holderOf(n) !== undefined);
    checkName(name, "name", op);
    refuseTakenName(core, { name, id, op });
    const container = { id, name, created: new Date(core.clock.now()).toISOString(), spec: request.spec };
    checkSpec(core, container);
    this.#put(container);
    this.#emit("create", container);
    return this.#subject(id);
  }

  async start(ref: string): Promise<boolean> {
    const core = this.#core;
    const { id, state } = this.find(ref);
    const container = core.state.containers.get(id as SandboxId);
    if (container === undefined) return this.#startAgain(id, state);
    return core.lock.run(`container:${id}`, async () => {
      // Removed, or started, while we waited.
      if (this.find(id).state === "running") return false;
      // Its former stack is being taken down.
      if (core.state.sandboxes.has(container.id)) await this.#endOf(container.id);
      const now = core.state.containers.get(container.id) ?? container;
      try {
        await this.#run(now);
      } catch (error) {
        await this.#runs.finish(id, { drain: false });
        this.#put({ ...now, failure: { message: errorText(error), exitCode: exitCodeOf(error) } });
        if (now.spec.autoRemove) await this.#forget(now.id);
        throw error;
      }
      this.#emit("start", now);
      // It may have ended meanwhile, and be removed with its end.
      const started = core.state.containers.get(container.id);
      if (started?.failure !== undefined) {
        const { failure: _, ...rest } = started;
        this.#put(rest);
      }
      return true;
    });
  }

  async #run(container: Container): Promise<void> {
    const core = this.#core;
    const { network } = container.spec;
    const shared = network.kind === "container" ? sharedSandbox(core, network.id) : undefined;
    const streams = this.#runs.open(container);
    const files = shared === undefined ? {} : { files: core.files.paths(shared.id) };
    const launch = { stdio: streams.stdio, ownPids: true, ...files };
    await core.gate.shared(() =>
      this.#sandboxes.create(sandboxRequest(core, container), { id: container.id, launch }),
    );
    streams.release();
  }

  /** A sandbox's own command, once more. */
  async #startAgain(id: string, state: Subject["state"]): Promise<boolean> {
    if (state === "running") return false;
    const { process } = this.#core.state.findSandbox(id, "container.start");
    if (process === undefined) return false;
    await this.#sandboxes.lifecycle.start(id, process);
    return true;
  }

  async stop(
    ref: string,
    request: { readonly signal?: number | undefined; readonly timeoutSeconds?: number | undefined },
  ): Promise<boolean> {
    const subject = this.find(ref);
    if (subject.state !== "running") return false;
    const spec = subject.container?.spec;
    const signal = request.signal ?? spec?.stopSignal ?? SIGTERM;
    const seconds = request.timeoutSeconds ?? spec?.stopTimeoutSeconds ?? STOP_TIMEOUT_SECONDS;
    const gone = spec === undefined ? undefined : this.#endOf(subject.id);
    this.#emit("kill", subject, { signal: String(signal) });
    await this.#sandboxes.lifecycle.stop(subject.id, seconds, signal);
    await gone;
    this.#emit("stop", subject);
    return true;
  }

  async kill(ref: string, signal: number): Promise<void> {
    const subject = this.find(ref);
    const { id, sandbox } = subject;
    if (sandbox === undefined || !this.#sandboxes.lifecycle.signal(sandbox, signal)) {
      throw new NetError("conflict", "container.kill", {
        message: `cannot kill container: ${ref}: container ${id} is not running`,
        subject: ref,
      });
    }
    this.#emit("kill", subject, { signal: String(signal) });
  }

  async remove(ref: string, { force }: { readonly force: boolean }): Promise<void> {
    const subject = this.find(ref);
    if (subject.state === "running" && !force) {
      throw new NetError("conflict", "container.remove", {
        message:
          `cannot remove container "${subject.name}": container is running: ` +
          "stop the container before removing or force remove",
        subject: ref,
      });
    }
    if (subject.container === undefined) {
      await this.#core.gate.shared(() => this.#sandboxes.remove(subject.id, { force: true }));
      this.#removals.tell(subject.id, { exitCode: 0 });
      return;
    }
    // From a removal that its own end began, nobody gets a second one.
    const gone = subject.state === "running" ? this.#endOf(subject.id) : undefined;
    if (gone !== undefined) await this.#sandboxes.lifecycle.stop(subject.id, 0, 9);
    await gone;
    await this.#forget(subject.container.id);
  }

  async rename(ref: string, name: string): Promise<void> {
    const core = this.#core;
    const op = "container.rename";
    const { id, name: former } = this.find(ref);
    checkName(name, "name", op);
    refuseTakenName(core, { name, id: id as SandboxId, op });
    await core.lock.run(`sandbox:${id}`, async () => {
      const sandbox = core.state.sandboxes.get(id as SandboxId);
      const container = core.state.containers.get(id as SandboxId);
      const endpoints = core.state
        .endpointsOf(id as SandboxId)
        .map((one) => ({ ...one, aliases: one.aliases.map((alias) => (alias === former ? name : alias)) }));
      core.commit("process", () => {
        if (sandbox !== undefined) core.store.putSandbox({ ...sandbox, name });
        if (container !== undefined) core.store.putContainer({ ...container, name });
        for (const endpoint of endpoints) core.store.putEndpoint(endpoint);
      });
      if (sandbox !== undefined) core.state.putSandbox({ ...sandbox, name });
      if (container !== undefined) core.state.putContainer({ ...container, name });
      for (const endpoint of endpoints) core.state.putEndpoint(endpoint);
    });
    this.#emit("rename", { id, name }, { oldName: `/${former}` });
  }

  resize(ref: string, size: { readonly rows: number; readonly columns: number }): void {
    this.#runs.resize(this.find(ref).id, size);
  }

  async wait(ref: string, condition: WaitCondition, left: AbortSignal): Promise<End> {
    const { id, state, container, sandbox } = this.find(ref);
    if (condition === "removed") return this.#removals.wait(id, left);
    if (condition === "next-exit" || state === "running") return this.#ends.wait(id, left);
    const { exitCode = 0, error }: Partial<End> = container?.last ?? sandbox?.status ?? {};
    return { exitCode, ...(error === undefined ? {} : { error }) };
  }

  attach(ref: string): Attachment {
    const { id, container } = this.find(ref);
    const log = this.log(id);
    const tty = container?.spec.tty ?? false;
    return {
      log,
      tty,
      from: log.end,
      stdin: async () => (await this.#runs.whenOpen(id)).stdin,
      leave: () => {
        if (container?.spec.stdinOnce === true && !tty) this.#runs.streams(id)?.stdin?.end();
      },
    };
  }

  log(ref: string): StreamLog {
    const { id, container, name } = this.find(ref);
    if (container !== undefined) return this.#runs.log(id);
    throw new NetError("unsupported", "container.logs", {
      message: `the output of ${name} is netdock's own: see it with: netdock logs ${name}`,
      subject: name,
    });
  }

  createExec(ref: string, spec: Parameters<Containers["createExec"]>[1]): Exec {
    return this.#execs.create(this.find(ref), spec);
  }

  exec(id: string): Exec {
    return this.#execs.get(id);
  }

  startExec: Containers["startExec"] = (id, { size }) =>
    this.#execs.start(id, this.find(this.#execs.get(id).subjectId), size);

  resizeExec: Containers["resizeExec"] = (id, size) => this.#execs.resize(id, size);

  connect: Containers["connect"] = (ref, request) => this.#wishes.connect(this.find(ref), request);

  disconnect: Containers["disconnect"] = (ref, networkRef) =>
    this.#wishes.disconnect(this.find(ref), networkRef);

  /** The stack is gone: the run has ended for everyone. */
  #gone({ id, status }: Sandbox): void {
    const container = this.#core.state.containers.get(id);
    if (container === undefined) {
      this.#removals.tell(id, { exitCode: status?.exitCode ?? 0 });
      return;
    }
    void this.#settle(container);
  }

  async #settle(container: Container): Promise<void> {
    const { id, spec, last } = container;
    await this.#runs.finish(id, { drain: true });
    const end = {
      exitCode: last?.exitCode ?? 0,
      ...(last?.error === undefined ? {} : { error: last.error }),
    };
    // A start that failed was no run.
    if (last !== undefined) this.#emit("die", container, { exitCode: String(end.exitCode) });
    this.#ends.tell(id, end);
    if (spec.autoRemove && last !== undefined) await this.#forget(id);
  }

  #endOf(id: string): Promise<End> {
    return this.#ends.wait(id, new AbortController().signal);
  }

  async #forget(id: SandboxId): Promise<void> {
    const core = this.#core;
    const container = core.state.containers.get(id);
    if (container === undefined) return;
    core.commit("process", () => core.store.deleteContainer(id));
    core.state.deleteContainer(id);
    this.#runs.forget(id);
    this.#emit("destroy", container);
    this.#removals.tell(id, { exitCode: container.last?.exitCode ?? 0 });
  }

  #put(container: Container): void {
    this.#core.commit("process", () => this.#core.store.putContainer(container));
    this.#core.state.putContainer(container);
  }

  #emit(action: string, { id, name }: { id: string; name: string }, more: Record<string, string> = {}): void {
    this.#core.events.emit({ type: "container", action, id, attributes: { name, ...more } });
  }
}
