import { describe, expect, test } from "vitest";
import { soundMachine } from "../testkit/sound-machine.ts";

const MODE4 = "com.docker.network.bridge.gateway_mode_ipv4";
const MODE6 = "com.docker.network.bridge.gateway_mode_ipv6";

const home = soundMachine();

async function network(name: string, options: Readonly<Record<string, string>>): Promise<void> {
  await home.boot.engine.createNetwork({
    name,
    enableIPv6: true,
    options,
    internal: name.startsWith("inner"),
  });
}

/** Docker's inspect shape: host address and port, the port empty where the host has none. */
function inspected(name: string): string[] {
  return home.boot.engine
    .sandbox(name)
    .bindings.map(({ hostIp, hostPort }) => `${hostIp} ${hostPort === 0 ? "" : hostPort}`.trim());
}

/** Elements of some maps, with the sandbox's addresses by name. */
function elements(name: string, prefix: string): string[] {
  const names = home.boot.engine
    .sandbox(name)
    .endpoints.flatMap(({ networkName, ipv4, ipv6 }) => [
      [ipv4?.split("/")[0] ?? "-", `${networkName}4`] as const,
      [ipv6?.split("/")[0] ?? "-", `${networkName}6`] as const,
    ]);
  return [...(home.machine.kernel.firewall?.values() ?? [])]
    .filter(({ map }) => map.startsWith(prefix))
    .map(({ map, key, keyEnd }) =>
      [map, ...key, ...(keyEnd ?? []).slice(-1)]
        .map((part) => names.find(([ip]) => ip === part)?.[1] ?? part)
        .join(" "),
    )
    .toSorted();
}

// Docker's TestDisableNAT.
describe("what inspect shows of a published port", () => {
  test.each([
    ["nat", "nat", ["0.0.0.0 8080", ":: 8080"]],
    ["nat-unprotected", "nat", ["0.0.0.0 8080", ":: 8080"]],
    ["routed", "nat", [":: 8080", "0.0.0.0"]],
    ["nat", "routed", ["0.0.0.0 8080", "::"]],
    ["routed", "routed", ["0.0.0.0", "::"]],
  ])("gateway modes %s and %s", async (mode4, mode6, expected) => {
    await network("net", { [MODE4]: mode4, [MODE6]: mode6 });
    await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "net" }], publish: ["8080:80"] });
    expect(inspected("s")).toEqual(expected);
    expect(elements("s", "open")).toEqual([
      ...(mode4 === "routed" ? ["open4 net4 tcp 80"] : []),
      ...(mode6 === "routed" ? ["open6 net6 tcp 80"] : []),
    ]);
    const families = [
      mode4 === "routed" ? [] : ["publish4-any tcp 8080"],
      mode6 === "routed" ? [] : ["publish6-any tcp 8080"],
    ];
    expect(elements("s", "publish")).toEqual(families.flat());
  });
});

test("a routed network needs no port of the host: two sandboxes publish the same", async () => {
  await network("net", { [MODE4]: "routed", [MODE6]: "routed" });
  for (const name of ["a", "b"]) {
    await home.boot.engine.createSandbox({ name, networks: [{ network: "net" }], publish: ["8080:80"] });
  }
  expect(home.boot.host.heldPorts).toEqual([]);
});

// Docker's TestRoutedNonGateway.
test("ports of a routed network stay open where another network is the gateway", async () => {
  await network("routed", { [MODE4]: "routed", [MODE6]: "routed" });
  await network("nat", {});
  await home.boot.engine.createSandbox({
    name: "s",
    networks: [{ network: "routed" }, { network: "nat", gwPriority: 1 }],
    publish: ["8080:80"],
  });
  expect(inspected("s")).toEqual(["0.0.0.0 8080", ":: 8080", "0.0.0.0", "::"]);
  await home.boot.engine.disconnect("s", "nat");
  expect(inspected("s")).toEqual(["0.0.0.0", "::"]);
  expect(elements("s", "open")).toEqual(["open4 routed4 tcp 80", "open6 routed6 tcp 80"]);
  expect(home.boot.host.heldPorts).toEqual([]);
  await home.boot.engine.connect("s", { network: "nat", gwPriority: 1 });
  await home.boot.engine.disconnect("s", "routed");
  expect(inspected("s")).toEqual(["0.0.0.0 8080", ":: 8080"]);
  expect(elements("s", "open")).toEqual([]);
});

test("a mapping that names an address opens the port of that family only", async () => {
  await network("net", { [MODE4]: "routed", [MODE6]: "routed" });
  await home.boot.engine.createSandbox({
    name: "s",
    networks: [{ network: "net" }],
    publish: ["[::]:8080-8089:80-89/udp"],
  });
  expect(elements("s", "open")).toEqual(["open6-range net6 udp 80 89"]);
});

test("links that are trusted make a network open its ports, beside those of the host", async () => {
  await network("net", { "com.docker.network.bridge.trusted_host_interfaces": "eth1" });
  await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "net" }], publish: ["8080:80"] });
  expect(inspected("s")).toEqual(["0.0.0.0 8080", ":: 8080"]);
  expect(elements("s", "open")).toEqual(["open4 net4 tcp 80", "open6 net6 tcp 80"]);
  await home.boot.engine.removeSandbox("s", { force: true });
  expect(
    [...(home.machine.kernel.firewall?.values() ?? [])].filter(({ map }) => map.startsWith("open")),
  ).toEqual([]);
});

test("what is open is open again after a restart, and nothing is held for it", async () => {
  await network("net", { [MODE4]: "routed", [MODE6]: "nat" });
  await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "net" }], publish: ["8080:80"] });
  home.boot.kill();
  home.machine.kernel.firewall = undefined;
  home.boot = await home.machine.boot();
  expect(inspected("s")).toEqual([":: 8080", "0.0.0.0"]);
  expect(elements("s", "open")).toEqual(["open4 net4 tcp 80"]);
  expect(home.boot.host.heldPorts).toEqual([":::8080/tcp"]);
});

// Docker's TestIsolated.
test("an isolated network has no gateway, and its bridge no address", async () => {
  await network("inner", { [MODE4]: "isolated", [MODE6]: "isolated" });
  const { ipam, id } = home.boot.engine.network("inner");
  expect(ipam.pools.map(({ gateway }) => gateway)).toEqual([undefined, undefined]);
  expect([...(home.machine.kernel.host.links.get(`nd-${id.slice(0, 12)}`)?.addresses ?? [])]).toEqual([]);
  expect(home.machine.kernel.host.sysctls.get(`net.ipv6.conf.nd-${id.slice(0, 12)}.disable_ipv6`)).toBe("1");
});

test("inhibit_ipv4 keeps the gateway's address free for somebody else, who is the default route", async () => {
  await network("net", { "com.docker.network.bridge.inhibit_ipv4": "true" });
  const { ipam, id } = home.boot.engine.network("net");
  const [gateway4, gateway6] = ipam.pools.map(({ gateway }) => gateway);
  expect([...(home.machine.kernel.host.links.get(`nd-${id.slice(0, 12)}`)?.addresses ?? [])]).toEqual([
    gateway6,
    expect.stringContaining("fe80::"),
  ]);
  await home.boot.engine.createSandbox({ name: "s", networks: [{ network: "net" }] });
  expect(home.boot.engine.sandbox("s").endpoints[0]?.gateway4).toBe(gateway4?.split("/")[0]);
});
