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

const sleep = { command: ["/bin/sleep", "9"], env: [] };

/** Two networks in use and one that is not, two sandboxes that run and publish ports. */
export async function populate(engine: Engine): Promise<void> {
  await engine.createNetwork({ name: "front", enableIPv6: true });
  await engine.createNetwork({ name: "back" });
  await engine.createNetwork({ name: "empty" });
  const common = { publish: ["8080:80"], process: sleep };
  await engine.createSandbox({ name: "web", networks: [{ network: "front" }], ...common });
  await engine.createSandbox({
    name: "app",
    networks: [{ network: "front" }, { network: "back", gwPriority: 1 }],
    publish: ["9000-9002:9000-9002/udp", "443"],
    process: sleep,
  });
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
    name: "sandbox.remove",
    run: (engine) => engine.removeSandbox("app", { force: true }),
    undone: (engine) => sandboxOf(engine, "app") !== undefined,
    done: (engine) => sandboxOf(engine, "app") === undefined,
  },
];
