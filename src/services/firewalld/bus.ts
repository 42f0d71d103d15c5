import { existsSync, readlinkSync } from "node:fs";
import type { Message, MessageBus, Variant } from "dbus-native";
import { errorText, NetError } from "../../base/errors.ts";
import type { Settings } from "./wish.ts";

const FIREWALLD = "org.fedoraproject.FirewallD1";
const ROOT = "/org/fedoraproject/FirewallD1";
const CONFIG = `${ROOT}/config`;
const DBUS = { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus" } as const;
/** A reload of firewalld's takes a second or two, and it does one thing at a time. */
const TIMEOUT_MS = 10_000;

/** A part of firewalld's D-Bus interface (firewalld.dbus(5)). */
export type Part = "" | ".zone" | ".policy" | ".config";
export type Kind = "zone" | "policy";

/** firewalld by way of the system bus. */
export class Firewalld {
  readonly #bus: MessageBus;
  readonly #variant: typeof Variant;
  #closed = false;

  private constructor(bus: MessageBus, variant: typeof Variant) {
    this.#bus = bus;
    this.#variant = variant;
  }

  /**
   * Undefined where there is no system bus. `changed` is called when firewalld starts, ends or has read its configuration anew. The
   * library is loaded only where there is something to talk to.
   */
  static async open(socket: string, changed: () => void): Promise<Firewalld | undefined> {
    if (!existsSync(socket)) return undefined;
    const { createClient, Variant: variant } = await import("dbus-native");
    const bus = createClient({ socket, authMethods: ["EXTERNAL"], timeout: TIMEOUT_MS });
    const self = new Firewalld(bus, variant);
    // What ends a connection fails the calls on it, which say so.
    bus.connection.on("error", () => undefined);
    bus.connection.on("close", () => {
      self.#closed = true;
    });
    bus.connection.on("message", (message: Message) => {
      const { interface: of, member, body = [] } = message;
      const isReload = of === FIREWALLD && member === "Reloaded";
      if (isReload || (member === "NameOwnerChanged" && body[0] === FIREWALLD)) changed();
    });
    try {
      await bus.addMatch(`type='signal',interface='${FIREWALLD}',member='Reloaded'`);
      await bus.addMatch(
        `type='signal',sender='${DBUS.destination}',member='NameOwnerChanged',arg0='${FIREWALLD}'`,
      );
    } catch (error) {
      await self.close();
      throw failure("connect", error);
    }
    return self;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#bus.close();
  }

  /** Whether it runs, in the network namespace that we are in: another's zones are of no use to our links. */
  async isHere(): Promise<boolean> {
    const owned = await this.#ask("NameHasOwner", FIREWALLD);
    if (owned !== true) return false;
    const pid = await this.#ask("GetConnectionUnixProcessID", FIREWALLD);
    try {
      return readlinkSync(`/proc/${Number(pid)}/ns/net`) === readlinkSync("/proc/self/ns/net");
    } catch {
      // It ended, or its processes are not to be seen from here.
      return false;
    }
  }

  /** Calls a method whose arguments are all strings. Throws `unavailable` with firewalld's own words. */
  call(part: Part, member: string, ...args: readonly string[]): Promise<unknown> {
    const path = part === ".config" ? CONFIG : ROOT;
    return this.#invoke(path, `${FIREWALLD}${part}`, member, "s".repeat(args.length), args);
  }

  /** Settings of what is configured for good; undefined when there is none of that name. */
  async configured(kind: Kind, name: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const names = await this.call(".config", kind === "zone" ? "getZoneNames" : "getPolicyNames");
    if (!(names as readonly string[]).includes(name)) return undefined;
    const settings = await this.#atConfigured(kind, name, kind === "zone" ? "getSettings2" : "getSettings");
    return settings as Readonly<Record<string, unknown>>;
  }

  async add(kind: Kind, name: string, settings: Settings): Promise<void> {
    const member = kind === "zone" ? "addZone2" : "addPolicy";
    await this.#invoke(CONFIG, `${FIREWALLD}.config`, member, "sa{sv}", [name, this.#dict(settings)]);
  }

  async update(kind: Kind, name: string, settings: Settings): Promise<void> {
    await this.#atConfigured(kind, name, kind === "zone" ? "update2" : "update", settings);
  }

  async remove(kind: Kind, name: string): Promise<void> {
    await this.#atConfigured(kind, name, "remove");
  }

  async #atConfigured(kind: Kind, name: string, member: string, settings?: Settings): Promise<unknown> {
    const path = await this.call(".config", kind === "zone" ? "getZoneByName" : "getPolicyByName", name);
    const [signature, body] = settings === undefined ? ["", []] : ["a{sv}", [this.#dict(settings)]];
    return this.#invoke(String(path), `${FIREWALLD}.config.${kind}`, member, signature, body);
  }

  #dict(settings: Settings): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [
        key,
        new this.#variant(typeof value === "string" ? "s" : "as", value),
      ]),
    );
  }

  #ask(member: string, name: string): Promise<unknown> {
    return this.#send({ ...DBUS, interface: DBUS.destination, member, signature: "s", body: [name] });
  }

  #invoke(
    path: string,
    of: string,
    member: string,
    signature: string,
    body: readonly unknown[],
  ): Promise<unknown> {
    const message = { destination: FIREWALLD, path, interface: of, member };
    return this.#send(signature === "" ? message : { ...message, signature, body: [...body] });
  }

  async #send(message: Message): Promise<unknown> {
    try {
      return await this.#bus.invoke<unknown>(message);
    } catch (error) {
      throw failure(message.member ?? "", error);
    }
  }
}

function failure(what: string, error: unknown): NetError {
  return new NetError("unavailable", "firewalld", {
    message: `firewalld, by D-Bus: ${what}: ${errorText(error)}`,
    cause: error,
  });
}
