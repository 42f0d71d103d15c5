import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Machine, type Boot } from "../testkit/machine.ts";
import { faultsOf, pictureOf } from "../testkit/soundness.ts";

let machine: Machine;
let boot: Boot;

beforeEach(async () => {
  machine = new Machine();
  // What a proxy leads to sandboxes without IPv6 would only be more of the same here.
  machine.prepare = (host) => void (host.ipv6 = false);
  boot = await machine.boot();
  await boot.engine.createSandbox({ name: "web", publish: ["8080:80"] });
});

afterEach(async () => {
  expect(await faultsOf(machine, boot)).toEqual([]);
  expect(boot.complaints).toEqual([]);
  machine[Symbol.dispose]();
});

/** `0.0.0.0:8080 → 80/tcp` for each binding. */
const published = (name: string): string[] =>
  boot.engine
    .sandbox(name)
    .bindings.map((b) => `${b.hostIp}:${b.hostPort} → ${b.containerPort}/${b.protocol} ×${b.count}`);

/** The kinds of steps of each plan from now on. */
function plansOf(host: Boot["host"]): readonly string[][] {
  const apply = host.apply.bind(host);
  const plans: string[][] = [];
  host.apply = (ops) => {
    plans.push(ops.map(({ op }) => op));
    return apply(ops);
  };
  return plans;
}

describe("publish()", () => {
  test("adds to what is published, and tells", async () => {
    const told: string[] = [];
    boot.engine.subscribe(({ action, attributes }) => told.push(`${action} ${attributes["ports"]}`));
    const view = await boot.engine.publish("web", ["127.0.0.1:8081:81", "9000-9009:9000-9009/udp"]);
    expect(view).toEqual(boot.engine.sandbox("web"));
    expect(published("web")).toEqual([
      "0.0.0.0:8080 → 80/tcp ×1",
      "127.0.0.1:8081 → 81/tcp ×1",
      "0.0.0.0:9000 → 9000/udp ×10",
    ]);
    expect(told).toEqual(["publish 127.0.0.1:8081:81 9000-9009:9000-9009/udp"]);
  });

  test("is one firewall transaction", async () => {
    const plans = plansOf(boot.host);
    await boot.engine.publish("web", ["8081:81", "8082:82", "8083-8085:83-85"]);
    expect(plans).toEqual([["firewall.change"]]);
  });

  test.each([
    ["8080:81", "conflict", "publish[1]: port 0.0.0.0:8080/tcp is already published by this sandbox itself"],
    ["7000:81", "conflict", "publish[1]: port 0.0.0.0:7000/tcp is already published by sandbox db"],
    ["8090:81", "conflict", "publish[1]: "],
    ["8081:80x", "invalid", "publish[1]: "],
    ["[fd00::1]:81:81/sctp", "invalid", "publish[1]: the sandbox has no IPv6 address"],
  ])("refuses %s beside a good one, and nothing changes", async (bad, code, message) => {
    await boot.engine.createSandbox({ name: "db", publish: ["7000:5432"] });
    boot.host.busyPorts.push({ ip: "0.0.0.0" as never, port: 8090, protocol: "tcp" });
    const before = pictureOf(machine, boot);
    const refused = boot.engine.publish("web", ["8089:89", bad]);
    await expect(refused).rejects.toMatchObject({ code, field: "publish[1]" });
    await expect(refused).rejects.toThrow(message);
    expect(pictureOf(machine, boot)).toBe(before);
  });

  test.each([1, 2, 3])("a kernel that fails at step %i of it leaves no trace", async (nth) => {
    const before = pictureOf(machine, boot);
    boot.host.failAfter = nth;
    await expect(boot.engine.publish("web", ["8081:81", "8082:82"])).rejects.toThrow("injected");
    expect(pictureOf(machine, boot)).toBe(before);
  });

  test("lasts over a restart, and waits on an internal network for a way in", async () => {
    await boot.engine.createNetwork({ name: "inner", internal: true });
    await boot.engine.createSandbox({ name: "s", networks: [{ network: "inner" }] });
    await boot.engine.publish("s", ["81:80"]);
    expect(published("s")).toEqual([]);
    await boot.engine.connect("s", { network: "bridge" });
    expect(published("s")).toEqual(["0.0.0.0:81 → 80/tcp ×1"]);
    await boot.engine.close();
    boot = await machine.boot();
    expect(published("s")).toEqual(["0.0.0.0:81 → 80/tcp ×1"]);
    await boot.engine.unpublish("s", ["81:80"]);
    expect(boot.host.heldPorts).toEqual(["0.0.0.0:8080/tcp"]);
  });

  test("does not on the host's network", async () => {
    await boot.engine.createSandbox({ name: "h", networks: [{ network: "host" }] });
    await expect(boot.engine.publish("h", ["81:80"])).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("unpublish()", () => {
  beforeEach(() => boot.engine.publish("web", ["8081:80", "53:53/udp", "443", "9000-9009:9000-9009"]));

  test.each([
    [["8081:80"], ["8080", "53", "9000"]],
    [["80"], ["53", "9000"]],
    [
      ["53:53/udp", "9000-9009"],
      ["8080", "8081"],
    ],
  ])("%j leaves %j and the free port", async (texts, left) => {
    const free = boot.engine.sandbox("web").bindings.find((b) => b.containerPort === 443)?.hostPort;
    await boot.engine.unpublish("web", texts);
    const numbers = boot.engine.sandbox("web").bindings.map((b) => String(b.hostPort));
    expect(numbers.toSorted()).toEqual([...left, String(free)].toSorted());
  });

  test("knows a free port by the number it got", async () => {
    const free = boot.engine.sandbox("web").bindings.find((b) => b.containerPort === 443)?.hostPort;
    await boot.engine.unpublish("web", [`${free}:443`]);
    expect(published("web").some((text) => text.includes("443"))).toBe(false);
  });

  test.each(["82", "8080:81", "80/udp", "9000-9008", "127.0.0.1:8080:80"])(
    "%s is not published: all stay",
    async (text) => {
      const before = pictureOf(machine, boot);
      await expect(boot.engine.unpublish("web", ["8080:80", text])).rejects.toMatchObject({
        code: "not_found",
        field: "publish[1]",
        value: text,
      });
      expect(pictureOf(machine, boot)).toBe(before);
    },
  );

  test("a port withdrawn is free for others at once", async () => {
    await boot.engine.unpublish("web", ["8080:80"]);
    await boot.engine.createSandbox({ name: "next", publish: ["8080:80"] });
    expect(published("next")).toEqual(["0.0.0.0:8080 → 80/tcp ×1"]);
  });
});

describe("allow()", () => {
  beforeEach(async () => {
    boot.host.ipv6 = true;
    machine.prepare = () => undefined;
    await boot.engine.createNetwork({ name: "four" });
    // Its IPv6 side goes by the proxy.
    await boot.engine.createSandbox({
      name: "shy",
      networks: [{ network: "four" }],
      publish: ["8090:80", "9000-9009:80-89"],
    });
  });

  const sources = (): unknown[] =>
    boot.engine.sandbox("shy").bindings.map(({ hostIp, hostPort, from }) => [`${hostIp} ${hostPort}`, from]);

  test("puts other sources in place of those before, and nobody in place of all", async () => {
    const before = pictureOf(machine, boot);
    const { servedPorts, heldPorts } = boot.host;
    await boot.engine.allow("shy", ["8090:80,from=192.0.2.0/24,from=fd00::1"]);
    const from = ["192.0.2.0/24", "fd00::1/128"];
    expect(sources()).toEqual([
      ["0.0.0.0 8090", from],
      [":: 8090", from],
      ["0.0.0.0 9000", undefined],
      [":: 9000", undefined],
    ]);
    expect([boot.host.servedPorts, boot.host.heldPorts]).toEqual([servedPorts, heldPorts]);
    await boot.engine.allow("shy", ["80,from=198.51.100.7", "9000-9009:80-89,from=10.0.0.0/8"]);
    expect(sources().map((row) => (row as unknown[])[1])).toEqual([
      ["198.51.100.7/32"],
      ["198.51.100.7/32"],
      ["10.0.0.0/8"],
      ["10.0.0.0/8"],
    ]);
    await boot.engine.close();
    boot = await machine.boot();
    expect(await faultsOf(machine, boot)).toEqual([]);
    await boot.engine.allow("shy", ["8090:80", "9000-9009:80-89"]);
    expect(pictureOf(machine, boot)).toBe(before);
  });

  test("is one firewall transaction", async () => {
    const plans = plansOf(boot.host);
    await boot.engine.allow("shy", ["8090:80,from=192.0.2.0/24", "9000-9009:80-89,from=192.0.2.0/24"]);
    expect(plans).toEqual([["firewall.change"]]);
  });

  test("of a port that is not published is refused, and a kernel that fails leaves no trace", async () => {
    const before = pictureOf(machine, boot);
    const refused = boot.engine.allow("shy", ["8090:80,from=192.0.2.1", "8091:80,from=192.0.2.1"]);
    await expect(refused).rejects.toMatchObject({ code: "not_found", op: "port.allow", field: "publish[1]" });
    expect(pictureOf(machine, boot)).toBe(before);
    boot.host.failAfter = 1;
    await expect(boot.engine.allow("shy", ["8090:80,from=192.0.2.1"])).rejects.toThrow("injected");
    expect(pictureOf(machine, boot)).toBe(before);
    expect(await faultsOf(machine, boot)).toEqual([]);
  });
});
