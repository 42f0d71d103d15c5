import Dockerode from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { World } from "./world.ts";

/** What a call is refused with: status and words, as dockerode throws them. */
async function refusal(
  call: Promise<unknown>,
): Promise<{ readonly status: number; readonly message: string }> {
  try {
    await call;
  } catch (error) {
    const { statusCode, json } = error as { statusCode: number; json: { message: string } };
    return { status: statusCode, message: json.message };
  }
  throw new Error("it was not refused");
}

/** What the first `count` events say has happened. */
async function actions(stream: NodeJS.ReadableStream, count: number): Promise<readonly string[]> {
  let text = "";
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.split("\n").length > count) break;
  }
  const lines = text.split("\n").slice(0, count);
  return lines.map((line) => (JSON.parse(line) as { readonly Action: string }).Action);
}

/** The calls of dockerode as anyone writes them who uses it with Docker. */
describe("dockerode", () => {
  let world: World;
  let docker: Dockerode;

  beforeAll(async () => {
    world = await World.start();
    await world.startDaemon();
    // The socket as the host sees it.
    docker = new Dockerode({ socketPath: `/proc/${world.host.pid}/root/run/netdock/netdock.sock` });
    await world.netdockOk("run", "-d", "--name", "web", "--", "sleep", "infinity");
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const names = async (
    filters: NonNullable<Dockerode.NetworkListOptions["filters"]>,
  ): Promise<readonly string[]> =>
    (await docker.listNetworks({ filters })).map(({ Name }) => Name).toSorted();

  test("ping() and version()", async () => {
    expect(String(await docker.ping())).toBe("OK");
    expect(await docker.version()).toMatchObject({ ApiVersion: "1.50", MinAPIVersion: "1.44", Os: "linux" });
  });

  test("info() counts what runs, and says where addresses come from", async () => {
    const info = (await docker.info()) as { readonly DefaultAddressPools: readonly object[] };
    expect(info).toMatchObject({
      Containers: 1,
      ContainersRunning: 1,
      OSType: "linux",
      Swarm: { LocalNodeState: "inactive" },
    });
    expect(Object.keys(info.DefaultAddressPools[0] ?? {})).toEqual(["Base", "Size"]);
  });

  test("getEvents(): a network's life as it happens, and again afterwards", async () => {
    const filters = { type: ["network" as const], network: ["watched"] };
    const live = await docker.getEvents({ filters });
    const network = await docker.createNetwork({ Name: "watched" });
    await network.connect({ Container: "web" });
    await network.disconnect({ Container: "web" });
    await network.remove();
    const life = ["create", "connect", "disconnect", "destroy"];
    expect(await actions(live, life.length)).toEqual(life);
    const past = await docker.getEvents({ filters, since: 0, until: Math.ceil(Date.now() / 1000) + 1 });
    expect(await actions(past, life.length)).toEqual(life);
  });

  test("listNetworks() shows what Docker has from the beginning", async () => {
    expect(await names({})).toEqual(["bridge", "host", "none"]);
  });

  test("createNetwork(), inspect() and remove(): what was asked for is shown", async () => {
    const network = await docker.createNetwork({
      Name: "front",
      Driver: "bridge",
      EnableIPv6: true,
      IPAM: {
        Driver: "default",
        Config: [
          { Subnet: "10.60.0.0/24", IPRange: "10.60.0.128/25", Gateway: "10.60.0.1" },
          { Subnet: "fd00:60::/64" },
        ],
      },
      Options: { "com.docker.network.bridge.name": "br-front" },
      Labels: { tier: "front" },
    });
    expect(network.id).toMatch(/^[0-9a-f]{64}$/);
    expect(await network.inspect()).toMatchObject({
      Name: "front",
      Id: network.id,
      Scope: "local",
      Driver: "bridge",
      EnableIPv6: true,
      IPAM: {
        Driver: "default",
        Config: [
          { Subnet: "10.60.0.0/24", IPRange: "10.60.0.128/25", Gateway: "10.60.0.1" },
          { Subnet: "fd00:60::/64" },
        ],
      },
      Internal: false,
      Containers: {},
      Options: { "com.docker.network.bridge.name": "br-front" },
      Labels: { tier: "front" },
    });
    expect(await world.host.ok(["ip", "-o", "link", "show", "br-front"])).toContain("br-front");

    await network.remove();
    expect(await refusal(network.inspect())).toEqual({
      status: 404,
      message: `network ${network.id} not found`,
    });
    expect((await world.host.run(["ip", "link", "show", "br-front"])).code).not.toBe(0);
  });

  test("networks made from a configuration", async () => {
    const configuration = await docker.createNetwork({
      Name: "plan",
      ConfigOnly: true,
      IPAM: { Config: [{ Subnet: "10.61.0.0/24" }] },
    });
    const network = await docker.createNetwork({ Name: "made", ConfigFrom: { Network: "plan" } });
    expect(await network.inspect()).toMatchObject({
      ConfigFrom: { Network: "plan" },
      IPAM: { Config: [{ Subnet: "10.61.0.0/24" }] },
    });
    await network.remove();
    await configuration.remove();
  });

  test("listNetworks() with filters", async () => {
    const red = await docker.createNetwork({ Name: "red", Labels: { tier: "a" } });
    const blue = await docker.createNetwork({ Name: "blue", Labels: { tier: "b" }, Internal: true });
    expect(await names({ name: ["red"] })).toEqual(["red"]);
    expect(await names({ id: [blue.id] })).toEqual(["blue"]);
    expect(await names({ label: ["tier"] })).toEqual(["blue", "red"]);
    expect(await names({ label: ["tier=a"] })).toEqual(["red"]);
    expect(await names({ type: ["custom"] })).toEqual(["blue", "red"]);
    expect(await names({ driver: ["bridge"], type: ["builtin"] })).toEqual(["bridge"]);
    expect(await names({ dangling: ["true"] })).toEqual(["blue", "red"]);
    expect(await names({ scope: ["swarm"] })).toEqual([]);
    expect(await refusal(docker.listNetworks({ filters: '{"nonsense":["x"]}' }))).toEqual({
      status: 400,
      message: "invalid filter 'nonsense'",
    });
    await red.remove();
    await blue.remove();
  });

  test("connect() and disconnect(): the sandbox has the address that was asked for, and the name", async () => {
    const network = await docker.createNetwork({
      Name: "back",
      IPAM: { Config: [{ Subnet: "10.62.0.0/24" }] },
    });
    await network.connect({
      Container: "web",
      EndpointConfig: { Aliases: ["api"], IPAMConfig: { IPv4Address: "10.62.0.9" } },
    });
    const { Containers = {} } = await network.inspect();
    expect(Object.values(Containers)).toEqual([
      expect.objectContaining({ Name: "web", IPv4Address: "10.62.0.9/24" }),
    ]);
    const { stdout } = await world.exec("web", ["ip", "-o", "-4", "address"]);
    expect(stdout).toContain("10.62.0.9/24");
    expect(await refusal(network.connect({ Container: "web" }))).toEqual({
      status: 403,
      message: "endpoint with name web already exists in network back",
    });
    expect((await refusal(network.remove())).status).toBe(403);

    await network.disconnect({ Container: "web" });
    expect((await network.inspect()).Containers).toEqual({});
    expect((await world.exec("web", ["ip", "-o", "-4", "address"])).stdout).not.toContain("10.62.0.9");
    await network.remove();
  });

  test("pruneNetworks() takes those that nobody uses and the filter names", async () => {
    await docker.createNetwork({ Name: "keep", Labels: { keep: "yes" } });
    await docker.createNetwork({ Name: "drop" });
    expect(await docker.pruneNetworks({ filters: { "label!": ["keep"] } })).toEqual({
      NetworksDeleted: ["drop"],
    });
    expect(await docker.pruneNetworks({})).toMatchObject({ NetworksDeleted: ["keep"] });
    expect(await names({})).toEqual(["bridge", "host", "none"]);
  });

  test("refusals come as dockerode's errors, with status and words", async () => {
    const network = await docker.createNetwork({ Name: "once" });
    expect(await refusal(docker.createNetwork({ Name: "once" }))).toEqual({
      status: 409,
      message: "network with name once already exists",
    });
    expect(await refusal(docker.getNetwork("bridge").remove())).toEqual({
      status: 403,
      message: "bridge is a pre-defined network and cannot be removed",
    });
    expect((await refusal(network.connect({ Container: "nobody" }))).status).toBe(404);
    await network.remove();
  });
});
