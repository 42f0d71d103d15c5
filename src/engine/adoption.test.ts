import { afterEach, beforeEach, expect, test } from "vitest";
import { parseCidr } from "../base/cidr.ts";
import { HOST_NETNS } from "../model/ops.ts";
import { KILLED } from "../testkit/fake-host.ts";
import { type Boot, Machine } from "../testkit/machine.ts";
import { faultsOf } from "../testkit/soundness.ts";

const NAME = { "com.docker.network.bridge.name": "br0" };
const THEIRS = parseCidr("10.7.0.1/24");
const request = { name: "net", options: NAME, ipam: { config: [{ subnet: "10.8.0.0/24" }] } };
const LOCALNET = "net.ipv4.conf.br0.route_localnet";

let machine: Machine;
let boot: Boot;

/** A link of somebody else's on the host. */
function theirs(name: string, type: "bridge" | "dummy"): void {
  machine.kernel.apply({
    op: "link.create",
    netns: HOST_NETNS,
    link: { name, kind: { type }, up: false, alias: "theirs" },
  });
  machine.kernel.apply({ op: "address.add", netns: HOST_NETNS, address: { link: name, address: THEIRS } });
  machine.kernel.host.sysctls.set(LOCALNET, "0");
}

const bridge = ():
  | { up: boolean; alias: string; addresses: string[]; localnet: string | undefined }
  | undefined => {
  const link = machine.kernel.host.links.get("br0");
  if (link === undefined) return undefined;
  const { up, alias, addresses } = link;
  return { up, alias, addresses: [...addresses], localnet: machine.kernel.host.sysctls.get(LOCALNET) };
};

const AS_IT_WAS = { up: false, alias: "theirs", addresses: ["10.7.0.1/24"], localnet: "0" };
const IN_USE = { ...AS_IT_WAS, up: true, addresses: ["10.7.0.1/24", "10.8.0.1/24"], localnet: "1" };

beforeEach(async () => {
  machine = new Machine();
  boot = await machine.boot();
});

afterEach(async () => {
  expect(await faultsOf(machine, boot)).toEqual([]);
  machine[Symbol.dispose]();
});

test("a bridge that is there is brought up and used, and left as it was when the network goes", async () => {
  theirs("br0", "bridge");
  await boot.engine.createNetwork(request);
  expect(bridge()).toEqual(IN_USE);
  await boot.engine.createSandbox({ name: "s", networks: [{ network: "net" }] });
  const [endpoint] = boot.engine.sandbox("s").endpoints;
  expect(machine.kernel.host.links.get(endpoint?.hostInterface ?? "")?.master).toBe("br0");
  await boot.engine.removeSandbox("s", { force: true });
  await boot.engine.removeNetwork("net");
  expect(bridge()).toEqual(AS_IT_WAS);
});

test("a bridge that was up stays so", async () => {
  theirs("br0", "bridge");
  machine.kernel.apply({ op: "link.set", netns: HOST_NETNS, name: "br0", set: { up: true } });
  await boot.engine.createNetwork(request);
  await boot.engine.close();
  boot = await machine.boot();
  await boot.engine.removeNetwork("net");
  expect(bridge()).toEqual({ ...AS_IT_WAS, up: true });
});

test("a bridge that its owner removed does not keep the network", async () => {
  theirs("br0", "bridge");
  await boot.engine.createNetwork(request);
  machine.kernel.apply({ op: "link.delete", netns: HOST_NETNS, name: "br0" });
  await boot.engine.removeNetwork("net");
  expect(boot.engine.networks().map(({ name }) => name)).not.toContain("net");
});

test("an address that it had before is still its own", async () => {
  theirs("br0", "bridge");
  await boot.engine.createNetwork({
    ...request,
    ipam: { config: [{ subnet: "10.7.0.0/24", gateway: "10.7.0.1" }] },
  });
  await boot.engine.removeNetwork("net");
  expect(bridge()?.addresses).toEqual(["10.7.0.1/24"]);
});

test("after a restart it is still somebody else's", async () => {
  theirs("br0", "bridge");
  await boot.engine.createNetwork(request);
  boot.kill();
  boot = await machine.boot();
  expect(bridge()).toEqual(IN_USE);
  await boot.engine.removeNetwork("net");
  expect(bridge()).toEqual(AS_IT_WAS);
});

test.each(["network.create:linked", "network.create:applied"] as const)(
  "a daemon that dies at %s leaves nothing on it",
  async (step) => {
    theirs("br0", "bridge");
    boot.dieAt(step);
    await expect(boot.engine.createNetwork(request)).rejects.toThrow(KILLED);
    boot = await machine.boot();
    expect(boot.engine.networks().map(({ name }) => name)).not.toContain("net");
    expect(bridge()).toEqual(AS_IT_WAS);
  },
);

test("a failure half-way leaves nothing on it", async () => {
  theirs("br0", "bridge");
  boot.host.failAfter = 4;
  await expect(boot.engine.createNetwork(request)).rejects.toThrow("injected");
  expect(bridge()).toMatchObject({ addresses: ["10.7.0.1/24"], localnet: "0" });
});

test("a link that is no bridge is refused", async () => {
  theirs("br0", "dummy");
  await expect(boot.engine.createNetwork(request)).rejects.toEqual(
    expect.objectContaining({
      code: "conflict",
      field: "options.com.docker.network.bridge.name",
      message: "link br0 exists and is no bridge: choose another name, or that of a bridge",
    }),
  );
});
