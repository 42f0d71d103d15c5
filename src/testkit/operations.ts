import type { Engine, NetworkView, SandboxView } from "../engine/contract.ts";

/** One operation of each kind on a populated machine, and how to tell whether it was done. */
export interface Operation {
  readonly name: string;
  readonly run: (engine: Engine) => Promise<unknown>;
  readonly undone: (engine: Engine) => boolean;
  readonly done: (engine: Engine) => boolean;
}

const networkOf = (engine: Engine, name: string): NetworkView | undefined =>
  engine.networks().find((network) => network.name === name);
const sandboxOf = (engine: Engine, name: string): SandboxView | undefined =>
  engine.sandboxes().find((sandbox) => sandbox.name === name);
const on = (engine: Engine, name: string): string | undefined =>
  sandboxOf(engine, name)
    ?.endpoints.map((e) => e.networkName)
    .toSorted()
    .join();

/** First ports of the host that lead to a sandbox, each once. */
const published = (engine: Engine, name: string): string =>
  [...new Set(sandboxOf(engine, name)?.bindings.map((b) => b.hostPort))].toSorted((a, b) => a - b).join();

const peersOf = (engine: Engine, name: string): string | undefined =>
  networkOf(engine, name)
    ?.peerings.map((p) => `${p.direction} ${p.network} ${p.ports.toSorted().join(" ")}`)
    .join(", ");

const policiesOf = (engine: Engine, name: string): string | undefined =>
  networkOf(engine, name)
    ?.policies.map(
      (p) => `${p.sandbox === undefined ? "" : `${p.sandbox} `}${p.default} ${p.rules.join(" ")}`,
    )
    .join("; ");

const sleep = { command: ["/bin/sleep", "9"], env: [] };

/** Two networks in use and one that is not, two sandboxes that run and publish ports. */
export async function populate(engine: Engine): Promise<void> {
  await engine.createNetwork({ name: "front", enableIPv6: true });
  await engine.createNetwork({ name: "back" });
  await engine.createNetwork({ name: "empty" });
  await engine.createNetwork({ name: "far" });
  await engine.peer("far", { network: "back", oneWay: true });
  const common = { publish: ["8080:80"], process: sleep };
  await engine.createSandbox({ name: "web", networks: [{ network: "front" }], ...common });
  await engine.createSandbox({
    name: "app",
    networks: [{ network: "front" }, { network: "back", gwPriority: 1 }],
    publish: ["9000-9002:9000-9002/udp", "443"],
    process: sleep,
  });
  await engine.setPolicy("back", { default: "allow", rules: ["deny=10.0.0.0/8"] });
  await engine.setPolicy("back", { sandbox: "app", default: "deny", rules: [] });
  await engine.createSandbox({ name: "mute", networks: [{ network: "front" }] });
}

export const OPERATIONS: readonly Operation[] = [
  {
    name: "network.create",
    run: (engine) =>
      engine.createNetwork({ name: "new", enableIPv6: true, ipam: { config: [{ subnet: "10.9.0.0/24" }] } }),
    undone: (engine) => networkOf(engine, "new") === undefined,
    done: (engine) => networkOf(engine, "new")?.ipam.pools.length === 2,
  },
  {
    name: "network.remove",
    run: (engine) => engine.removeNetwork("empty"),
    undone: (engine) => networkOf(engine, "empty") !== undefined,
    done: (engine) => networkOf(engine, "empty") === undefined,
  },
  {
    name: "network.change: a peer",
    run: (engine) => engine.peer("front", { network: "back", ports: ["80", "53-60/udp"] }),
    undone: (engine) => peersOf(engine, "front") === "",
    done: (engine) => peersOf(engine, "front") === "to back 53-60/udp 80/tcp, from back 53-60/udp 80/tcp",
  },
  {
    name: "network.change: a peer no more",
    run: (engine) => engine.unpeer("far", "back"),
    undone: (engine) => peersOf(engine, "far") === "to back ",
    done: (engine) => peersOf(engine, "far") === "" && peersOf(engine, "back") === "",
  },
  {
    name: "network.change: a policy",
    run: (engine) =>
      engine.setPolicy("front", { default: "deny", rules: ["allow=10.0.0.0/8,443", "allow=fd00::/8"] }),
    undone: (engine) => policiesOf(engine, "front") === "",
    done: (engine) => policiesOf(engine, "front") === "deny allow=10.0.0.0/8,443/tcp allow=fd00::/8",
  },
  {
    name: "network.change: a policy of one's own",
    run: (engine) =>
      engine.setPolicy("front", { sandbox: "web", default: "deny", rules: ["allow=any,53/udp"] }),
    undone: (engine) => policiesOf(engine, "front") === "",
    done: (engine) =>
      policiesOf(engine, "front") === "allow ; web deny allow=0.0.0.0/0,53/udp allow=::/0,53/udp",
  },
  {
    name: "network.change: a policy no more",
    run: (engine) => engine.clearPolicy("back", {}),
    undone: (engine) => policiesOf(engine, "back") === "allow deny=10.0.0.0/8; app deny ",
    done: (engine) => policiesOf(engine, "back") === "allow ; app deny ",
  },
  {
    name: "network.remove of a peer",
    run: (engine) => engine.removeNetwork("far"),
    undone: (engine) => peersOf(engine, "back") === "from far ",
    done: (engine) => networkOf(engine, "far") === undefined && peersOf(engine, "back") === "",
  },
  {
    name: "sandbox.create",
    run: (engine) =>
      engine.createSandbox({
        name: "new",
        networks: [{ network: "front" }, { network: "back", gwPriority: 1 }],
        sysctls: { "net.ipv4.ip_unprivileged_port_start": "0" },
        publish: ["8081:80", "127.0.0.1::53/udp"],
        process: sleep,
      }),
    undone: (engine) => sandboxOf(engine, "new") === undefined,
    done: (engine) => sandboxOf(engine, "new")?.state === "running" && on(engine, "new") === "back,front",
  },
  {
    name: "endpoint.attach",
    run: (engine) => engine.connect("web", { network: "back", gwPriority: 5 }),
    undone: (engine) => on(engine, "web") === "front",
    done: (engine) => on(engine, "web") === "back,front",
  },
  {
    name: "endpoint.detach",
    run: (engine) => engine.disconnect("app", "back"),
    undone: (engine) => on(engine, "app") === "back,front",
    done: (engine) => on(engine, "app") === "front",
  },
  {
    name: "endpoint.detach of the only one",
    run: (engine) => engine.disconnect("web", "front"),
    undone: (engine) => on(engine, "web") === "front",
    done: (engine) => on(engine, "web") === "" && sandboxOf(engine, "web")?.bindings.length === 0,
  },
  {
    name: "port.publish",
    run: (engine) => engine.publish("web", ["8082:80", "9100-9104:9100-9104/udp"]),
    undone: (engine) => published(engine, "web") === "8080",
    done: (engine) => published(engine, "web") === "8080,8082,9100",
  },
  {
    name: "port.publish on a sandbox without ports",
    run: (engine) => engine.publish("mute", ["8083:80"]),
    undone: (engine) => published(engine, "mute") === "",
    done: (engine) => published(engine, "mute") === "8083",
  },
  {
    name: "port.unpublish",
    run: (engine) => engine.unpublish("app", ["9000-9002/udp", "443"]),
    undone: (engine) => published(engine, "app").startsWith("9000,"),
    done: (engine) => published(engine, "app") === "",
  },
  {
    name: "port.allow",
    run: (engine) => engine.allow("web", ["8080:80,from=192.0.2.0/24,from=fd00::7"]),
    undone: (engine) => sandboxOf(engine, "web")?.bindings.every(({ from }) => from === undefined) === true,
    done: (engine) => sandboxOf(engine, "web")?.bindings.every(({ from }) => from?.length === 2) === true,
  },
  {
    name: "sandbox.remove",
    run: (engine) => engine.removeSandbox("app", { force: true }),
    undone: (engine) => sandboxOf(engine, "app") !== undefined,
    done: (engine) => sandboxOf(engine, "app") === undefined,
  },
];
