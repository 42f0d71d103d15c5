import { describe, expect, test } from "vitest";
import { soundMachine } from "../testkit/sound-machine.ts";
import type { SandboxView } from "./contract.ts";

const home = soundMachine();

async function networks(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const enableIPv6 = name.includes("6");
    await home.boot.engine.createNetwork({
      name,
      enableIPv6,
      enableIPv4: name !== "only6",
      internal: name === "inner",
    });
  }
}

/** `0.0.0.0:80 → net 10.1.0.2` for each binding, and what the firewall does with it. */
function published(name: string): string[] {
  const sandbox = home.boot.engine.sandbox(name);
  return sandbox.bindings.map((b) => {
    const endpoint = sandbox.endpoints.find((e) => e.id === b.endpointId);
    return `${b.hostIp}:${b.hostPort}/${b.protocol} → ${endpoint?.networkName}:${b.containerPort}`;
  });
}

/** As `published` shows what is published on every address. */
function both(port: string | number | undefined, target: string): string[] {
  return ["0.0.0.0", "::"].map((ip) => `${ip}:${port}/tcp → ${target}`);
}

function defaultRoutes(name: string): string[] {
  const { routes } = home.machine.kernel.netns(home.boot.engine.sandbox(name).id);
  return [...routes.values()].map((r) => `${r.destination} ${r.link}`).toSorted();
}

/** Where the firewall leads a published port. */
function ledTo(): string[] {
  return [...(home.machine.kernel.firewall?.values() ?? [])]
    .filter((e) => e.map.startsWith("publish"))
    .map((e) => `${e.map} ${e.key.join(" ")} → ${Array.isArray(e.data) ? e.data.join(" ") : ""}`)
    .toSorted();
}

const addressOn = (sandbox: SandboxView, network: string, family: 4 | 6 = 4): string => {
  const endpoint = sandbox.endpoints.find((e) => e.networkName === network);
  return (family === 4 ? endpoint?.ipv4 : endpoint?.ipv6)?.split("/")[0] ?? "";
};

describe("the default route", () => {
  // Docker's TestConnectWithPriority, with its five networks and the gateway after each step.
  test("is where the priorities say, after each connect and disconnect", async () => {
    await networks("n1", "n2", "n3", "n4", "n5");
    await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "n1", interfaceName: "n1" }] });
    const course: readonly [() => Promise<unknown>, string][] = [
      [() => home.boot.engine.connect("s", { network: "n2", interfaceName: "n2", gwPriority: 100 }), "n2"],
      [() => home.boot.engine.connect("s", { network: "n3", interfaceName: "n3", gwPriority: -100 }), "n2"],
      [() => home.boot.engine.connect("s", { network: "n4", interfaceName: "n4" }), "n2"],
      [() => home.boot.engine.connect("s", { network: "n5", interfaceName: "n5", gwPriority: 200 }), "n5"],
      [() => home.boot.engine.disconnect("s", "n5"), "n2"],
      [() => home.boot.engine.disconnect("s", "n2"), "n1"],
      [() => home.boot.engine.disconnect("s", "n1"), "n4"],
      [() => home.boot.engine.disconnect("s", "n4"), "n3"],
    ];
    for (const [step, gateway] of course) {
      await step();
      expect(defaultRoutes("s")).toEqual([`0.0.0.0/0 ${gateway}`]);
      expect(home.boot.engine.sandbox("s").endpoints[0]?.networkName).toBe(gateway);
    }
    await home.boot.engine.disconnect("s", "n3");
    expect(defaultRoutes("s")).toEqual([]);
  });

  test("does not lead into an internal network, however high its priority", async () => {
    await networks("inner", "out");
    await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "inner", gwPriority: 9 }] });
    expect(defaultRoutes("s")).toEqual([]);
    await home.boot.engine.connect("s", { network: "out" });
    expect(defaultRoutes("s")).toEqual(["0.0.0.0/0 eth1"]);
  });

  test("is chosen for each family", async () => {
    await networks("dual6", "four", "only6");
    const wishes = [{ network: "dual6" }, { network: "four", gwPriority: 1 }];
    await home.boot.engine.createSandbox({ name: "s", networks: wishes });
    expect(defaultRoutes("s")).toEqual(["0.0.0.0/0 eth1", "::/0 eth0"]);
    await home.boot.engine.connect("s", { network: "only6", gwPriority: 2 });
    expect(defaultRoutes("s")).toEqual(["0.0.0.0/0 eth1", "::/0 eth2"]);
  });
});

describe("published ports", () => {
  test("lead to the holder of the default route, and move with it", async () => {
    await networks("n1", "n2");
    const s = await home.boot.engine.createSandbox({
      name: "s",
      networks: [{ network: "n1" }],
      publish: ["8080:80"],
    });
    expect(published("s")).toEqual(both("8080", "n1:80"));
    expect(ledTo()).toEqual([`publish4-any tcp 8080 → ${addressOn(s, "n1")} 80`]);
    expect(home.boot.host.servedPorts).toEqual([`:::8080/tcp → ${addressOn(s, "n1")} 80`]);

    await home.boot.engine.connect("s", { network: "n2" });
    expect(published("s")).toEqual(both("8080", "n1:80"));
    await home.boot.engine.disconnect("s", "n1");
    const moved = home.boot.engine.sandbox("s");
    expect(published("s")).toEqual(both("8080", "n2:80"));
    expect(ledTo()).toEqual([`publish4-any tcp 8080 → ${addressOn(moved, "n2")} 80`]);
    expect(home.boot.host.servedPorts).toEqual([`:::8080/tcp → ${addressOn(moved, "n2")} 80`]);

    await home.boot.engine.connect("s", { network: "n1", gwPriority: 1 });
    expect(published("s")).toEqual(both("8080", "n1:80"));
  });

  test("are let go with the last network that could lead to them, and taken again with the next", async () => {
    await networks("n1", "inner");
    await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "n1" }], publish: ["8080:80"] });
    await home.boot.engine.connect("s", { network: "inner" });
    await home.boot.engine.disconnect("s", "n1");
    expect([published("s"), ledTo(), home.boot.host.heldPorts]).toEqual([[], [], []]);

    // Free for others meanwhile; then they are in the way, and the sandbox stays as it is.
    await home.boot.engine.createSandbox({ name: "t", networks: [{ network: "n1" }], publish: ["8080:80"] });
    await expect(home.boot.engine.connect("s", { network: "n1" })).rejects.toThrow(
      "publish[0]: port 0.0.0.0:8080/tcp is already published by sandbox t",
    );
    expect(home.boot.engine.sandbox("s").endpoints.map((e) => e.networkName)).toEqual(["inner"]);

    await home.boot.engine.removeSandbox("t", { force: false });
    await home.boot.engine.connect("s", { network: "n1" });
    expect(published("s")).toEqual(both("8080", "n1:80"));
  });

  // Docker's TestGatewaySelection: each family's ports follow that family's gateway.
  test("follow the gateway of their family", async () => {
    await networks("four", "dual6", "only6");
    await home.boot.engine.createSandbox({
      name: "s",
      networks: [{ network: "four" }],
      publish: ["80:80", "443"],
    });
    const port = home.boot.engine.sandbox("s").bindings.at(-1)?.hostPort;
    expect(published("s")).toEqual([...both("80", "four:80"), ...both(port, "four:443")]);
    expect(home.boot.host.servedPorts).toHaveLength(2);

    await home.boot.engine.connect("s", { network: "only6" });
    expect(published("s")).toEqual([
      "0.0.0.0:80/tcp → four:80",
      ":::80/tcp → only6:80",
      `0.0.0.0:${port}/tcp → four:443`,
      `:::${port}/tcp → only6:443`,
    ]);
    // Where it is translated, to ::1 it is not.
    const only6 = addressOn(home.boot.engine.sandbox("s"), "only6", 6);
    expect(home.boot.host.servedPorts).toEqual([`:::${port}/tcp → ${only6} 443`, `:::80/tcp → ${only6} 80`]);

    await home.boot.engine.connect("s", { network: "dual6", gwPriority: 1 });
    expect(published("s").map((b) => b.split(" → ")[1])).toEqual([
      "dual6:80",
      "dual6:80",
      "dual6:443",
      "dual6:443",
    ]);

    await home.boot.engine.disconnect("s", "dual6");
    await home.boot.engine.disconnect("s", "four");
    expect(published("s")).toEqual([":::80/tcp → only6:80", `:::${port}/tcp → only6:443`]);
    expect(home.boot.host.heldPorts).toEqual([`:::80/tcp`, `:::${port}/tcp`].toSorted());
  });

  test("wait while there is no way in, and are discarded on the host's network", async () => {
    await networks("inner");
    await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "inner" }], publish: ["80:80"] });
    await home.boot.engine.createSandbox({ name: "h", networks: [{ network: "host" }], publish: ["80:80"] });
    expect([published("s"), published("h"), home.boot.host.heldPorts]).toEqual([[], [], []]);
    await home.boot.engine.connect("s", { network: "bridge" });
    expect(published("s")).toEqual(both("80", "bridge:80"));
  });

  test("are held where the network says, unless the wish does", async () => {
    const options = { "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1" };
    await home.boot.engine.createNetwork({ name: "local", options });
    await home.boot.engine.createSandbox({
      name: "s",
      networks: [{ network: "local" }],
      publish: ["80:80", "0.0.0.0:81:81"],
    });
    expect(published("s")).toEqual(["127.0.0.1:80/tcp → local:80", "0.0.0.0:81/tcp → local:81"]);
  });

  test("a range with equal ports is one element, any other an element a port", async () => {
    await home.boot.engine.createSandbox({
      name: "s",
      publish: ["9000-9009:9000-9009", "8000-8002:80-82/udp"],
    });
    const address = addressOn(home.boot.engine.sandbox("s"), "bridge");
    expect(ledTo()).toEqual([
      `publish4-any udp 8000 → ${address} 80`,
      `publish4-any udp 8001 → ${address} 81`,
      `publish4-any udp 8002 → ${address} 82`,
      `publish4-any-range tcp 9000 → ${address}`,
    ]);
    expect(home.boot.host.heldPorts).toHaveLength(26);
  });

  test("go by the proxy where addresses cannot be translated", async () => {
    await networks("four", "only6");
    const publish = ["[::1]:80:80", "[2001:db8::1]:81:81/udp"];
    await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "four" }], publish });
    await home.boot.engine.createSandbox({
      name: "t",
      networks: [{ network: "only6" }],
      publish: ["127.0.0.1:82:82", "[::1]:83:83"],
    });
    const s = addressOn(home.boot.engine.sandbox("s"), "four");
    const t = addressOn(home.boot.engine.sandbox("t"), "only6", 6);
    expect(ledTo()).toEqual([]);
    expect(home.boot.host.servedPorts).toEqual([
      `127.0.0.1:82/tcp → ${t} 82`,
      `2001:db8::1:81/udp → ${s} 81`,
      `::1:80/tcp → ${s} 80`,
      `::1:83/tcp → ${t} 83`,
    ]);
    await home.boot.engine.removeSandbox("s", { force: false });
    await home.boot.engine.removeSandbox("t", { force: false });
    expect([home.boot.host.servedPorts, home.boot.host.heldPorts]).toEqual([[], []]);
  });

  test("by the proxy are as before when an operation fails at any of its steps", async () => {
    await networks("four", "dual6");
    await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "four" }], publish: ["80:80"] });
    const before = [home.boot.host.servedPorts, home.boot.host.heldPorts, published("s")];
    for (let step = 1; ; step++) {
      home.boot.host.failAfter = step;
      const failed = await home.boot.engine.connect("s", { network: "dual6", gwPriority: 1 }).then(
        () => false,
        () => true,
      );
      if (!failed) break;
      expect([home.boot.host.servedPorts, home.boot.host.heldPorts, published("s")]).toEqual(before);
    }
    home.boot.host.failAfter = undefined;
    const target = addressOn(home.boot.engine.sandbox("s"), "dual6", 6);
    expect(home.boot.host.servedPorts).toEqual([`:::80/tcp → ${target} 80`]);
  });

  test("by the proxy are served again by the next daemon", async () => {
    await networks("four");
    await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "four" }], publish: ["80:80"] });
    const before = home.boot.host.servedPorts;
    expect(before).toHaveLength(1);
    await home.boot.engine.close();
    home.boot = await home.machine.boot();
    expect(home.boot.host.servedPorts).toEqual(before);
  });
});
