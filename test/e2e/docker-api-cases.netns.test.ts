import { isIPv4, isIPv6 } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dockerAsk, errorMessage, type DockerAnswer } from "../../src/testkit/docker-api.ts";
import { World } from "./world.ts";

/** What of a network's JSON these tests look at. */
interface Shown {
  readonly Name: string;
  readonly Id: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly IPAM: { readonly Config: readonly { Subnet: string; Gateway: string }[] | null };
  readonly Containers: Readonly<
    Record<string, { Name: string; IPv4Address: string; IPv6Address: string; MacAddress: string }>
  >;
}

// Docker's own API tests (moby, integration/network and integration-cli), by number and name; those of bodies and filters are in
// src/api/docker/network-routes.test.ts.
describe("Docker's API cases", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
    await world.startDaemon();
    await world.netdockOk("run", "-d", "--name", "c1", "--", "sleep", "infinity");
    await world.netdockOk("run", "-d", "--name", "c2", "--", "sleep", "infinity");
    await world.netdockOk("run", "--name", "ended", "--", "true");
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const ask = (method: string, path: string, body?: object): Promise<DockerAnswer> =>
    // The socket as the host sees it.
    dockerAsk(
      { socketPath: `/proc/${world.host.pid}/root/run/netdock/netdock.sock` },
      { method, path, body },
    );
  const said = async (method: string, path: string, body?: object): Promise<[number, string]> => {
    const answer = await ask(method, path, body);
    return [answer.status, errorMessage(answer)];
  };
  const create = async (Name: string, more: object = {}): Promise<string> => {
    const answer = await ask("POST", "/networks/create", { Name, ...more });
    expect(answer).toMatchObject({ status: 201 });
    return (JSON.parse(answer.text) as { readonly Id: string }).Id;
  };
  const show = async (ref: string): Promise<Shown> =>
    JSON.parse((await ask("GET", `/networks/${ref}`)).text) as Shown;
  const list = async (path: string): Promise<readonly Shown[]> =>
    JSON.parse((await ask("GET", path)).text) as readonly Shown[];
  const connect = (network: string, Container: string, EndpointConfig?: object): Promise<DockerAnswer> =>
    ask("POST", `/networks/${network}/connect`, { Container, EndpointConfig });
  const disconnect = (network: string, Container: string): Promise<DockerAnswer> =>
    ask("POST", `/networks/${network}/disconnect`, { Container });
  const member = async (network: string, name: string): Promise<Shown["Containers"][string] | undefined> =>
    Object.values((await show(network)).Containers).find(({ Name }) => Name === name);

  beforeEach(async () => {
    for (const { Name } of await list('/networks?filters={"type":["custom"]}')) {
      for (const { Name: who } of Object.values((await show(Name)).Containers)) await disconnect(Name, who);
      expect((await ask("DELETE", `/networks/${encodeURIComponent(Name)}`)).status).toBe(204);
    }
  });

  test("2 TestNetworkList: with and without a slash at the end, unversioned and versioned, the list is the same", async () => {
    await create("web");
    const [first, ...others] = await Promise.all(
      ["/networks", "/networks/", "/v1.44/networks", "/v1.50/networks/"].map((path) => list(path)),
    );
    expect(first?.map(({ Name }) => Name).toSorted()).toEqual(["bridge", "host", "none", "web"]);
    for (const other of others) expect(other).toEqual(first);
  });

  test("3 TestAPINetworkGetDefaults: bridge, host and none are there from the beginning", async () => {
    const all = await list("/networks");
    const defaults = all.map(({ Name, Driver, Scope }) => `${Name} ${Driver} ${Scope}`).toSorted();
    expect(defaults).toEqual(["bridge bridge local", "host host local", "none null local"]);
  });

  test("4 TestAPINetworkFilter: a network is found by its name", async () => {
    const found = await list('/networks?filters={"name":{"bridge":true}}');
    expect(found.map(({ Name }) => Name)).toEqual(["bridge"]);
  });

  test.each(["bridge", "host", "none", "default"])(
    "5 TestCreateDeletePredefinedNetworks: %s can be neither made nor removed",
    async (Name) => {
      const words = `operation is not permitted on predefined ${Name} network `;
      expect(await said("POST", "/networks/create", { Name })).toEqual([403, words]);
      if (Name === "default") return;
      const kept = `${Name} is a pre-defined network and cannot be removed`;
      expect(await said("DELETE", `/networks/${Name}`)).toEqual([403, kept]);
      expect((await show(Name)).Name).toBe(Name);
    },
  );

  test("6 TestForbidDuplicateNetworkNames: a name is had once, whatever the driver's options", async () => {
    const id = await create("web");
    const body = { Name: "web", Internal: true };
    expect(await said("POST", "/networks/create", body)).toEqual([
      409,
      "network with name web already exists",
    ]);
    expect((await show("web")).Id).toBe(id);
  });

  test("6 of many who ask for one name at the same time one has it", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask("POST", "/networks/create", { Name: "web" })),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
    expect((await list("/networks")).filter(({ Name }) => Name === "web")).toHaveLength(1);
  });

  test("7 TestDockerNetworkDeletePreferID: a name beats an id prefix, and a full id beats a name", async () => {
    const first = await create("first");
    const prefix = await create(first.slice(0, 3));
    const whole = await create(first);
    // The second is called like the first one's id begins, and goes by that.
    expect((await ask("DELETE", `/networks/${first.slice(0, 3)}`)).status).toBe(204);
    expect((await ask("GET", `/networks/${prefix}`)).status).toBe(404);
    // The third is called like the first one's whole id; the first goes by that.
    expect((await ask("DELETE", `/networks/${first}`)).status).toBe(204);
    expect((await list("/networks")).filter(({ Id }) => Id === first)).toEqual([]);
    expect((await show(whole)).Name).toBe(first);
  });

  test("an id prefix that is not unique is refused, with the number of matches", async () => {
    // 17 ids begin with 16 digits at most, so two of them begin alike.
    const names = Array.from({ length: 17 }, (_, i) => `many${i}`);
    const ids: string[] = [];
    for (const name of names) ids.push(await create(name));
    const all = (await list("/networks")).map(({ Id }) => Id);
    const digit = Array.from({ length: 16 }, (_, i) => i.toString(16)).find(
      (d) => ids.filter((id) => id.startsWith(d)).length > 1,
    ) as string;
    const count = all.filter((id) => id.startsWith(digit)).length;
    expect(await said("GET", `/networks/${digit}`)).toEqual([
      400,
      `${count} matches found based on ID prefix: network ${digit} is ambiguous`,
    ]);
    expect(await said("DELETE", `/networks/${digit}`)).toEqual([
      400,
      `network ${digit} is ambiguous (${count} matches found based on ID prefix)`,
    ]);
    expect((await list("/networks")).map(({ Id }) => Id)).toEqual(all);
  });

  test("9 TestCreateWithIPv6DefaultsToULAPrefix: an IPv6 subnet that nobody names is of a unique local prefix", async () => {
    await create("six", { EnableIPv6: true });
    const { IPAM } = await show("six");
    const subnets = IPAM.Config?.map(({ Subnet }) => Subnet) ?? [];
    expect(subnets.filter((subnet) => subnet.includes(":"))).toEqual([
      expect.stringMatching(/^fd[0-9a-f]{2}:.*\/64$/),
    ]);
  });

  test.each([
    [
      "10 Test64BitIPRange: half of the address",
      "fd2e:b68c:ce26::/56",
      "fd2e:b68c:ce26::/64",
      /^fd2e:b68c:ce26:/,
    ],
    [
      "10 TestIPRangeAt64BitLimit: at the end of a 64-bit subnet",
      "fda9:8d04:86e::/64",
      "fda9:8d04:86e::ffff:ffff:ffff:fffe/127",
      /^fda9:8d04:86e:0:ffff:ffff:ffff:fff[ef]\/64$/,
    ],
    [
      "10 TestIPRangeAt64BitLimit: at the 64-bit boundary of a /56",
      "fda9:8d04:86e::/56",
      "fda9:8d04:86e:aa:ffff:ffff:ffff:fffe/127",
      /^fda9:8d04:86e:aa:ffff:ffff:ffff:fff[ef]\/56$/,
    ],
  ])("%s", async (_what, Subnet, IPRange, shape) => {
    await create("range", { EnableIPv6: true, IPAM: { Config: [{ Subnet, IPRange }] } });
    expect((await connect("range", "c1")).status).toBe(200);
    expect((await member("range", "c1"))?.IPv6Address).toMatch(shape);
  });

  test("12 TestNetworkInspectGateway: the gateways of both families can be parsed as addresses", async () => {
    await create("both", { EnableIPv6: true });
    const gateways = (await show("both")).IPAM.Config?.map(({ Gateway }) => Gateway) ?? [];
    expect(gateways).toHaveLength(2);
    expect(isIPv4(gateways[0] as string)).toBe(true);
    expect(isIPv6(gateways[1] as string)).toBe(true);
  });

  test("13 TestSetIPWithNoConfiguredSubnet: an address of a subnet that was chosen for the network is had, as since 29.1", async () => {
    await create("auto");
    const subnet = (await show("auto")).IPAM.Config?.[0]?.Subnet as string;
    const wanted = subnet.replace(/\.0\/(\d+)$/, ".77");
    const answer = await connect("auto", "c1", { IPAMConfig: { IPv4Address: wanted } });
    expect(answer).toMatchObject({ status: 200, text: "" });
    expect((await member("auto", "c1"))?.IPv4Address).toBe(`${wanted}/${subnet.split("/")[1]}`);
  });

  test("14 ConnectDisconnectToStoppedContainer: one whose process has ended joins and leaves", async () => {
    await create("web");
    expect((await connect("web", "ended")).status).toBe(200);
    expect(await member("web", "ended")).toBeDefined();
    expect((await disconnect("web", "ended")).status).toBe(200);
    expect(await member("web", "ended")).toBeUndefined();
    expect(await said("POST", "/networks/web/disconnect", { Container: "ended" })).toEqual([
      500,
      expect.stringMatching(/^container [0-9a-f]{64} is not connected to the network web$/),
    ]);
  });

  test("14 ConnectPreferredIP: addresses of both families are had as asked, and nobody else has them", async () => {
    const Config = [{ Subnet: "172.28.0.0/16" }, { Subnet: "fd00:28::/64" }];
    await create("web", { EnableIPv6: true, IPAM: { Config } });
    const IPAMConfig = { IPv4Address: "172.28.99.88", IPv6Address: "fd00:28::9988" };
    expect((await connect("web", "c1", { IPAMConfig })).status).toBe(200);
    expect(await member("web", "c1")).toMatchObject({
      IPv4Address: "172.28.99.88/16",
      IPv6Address: "fd00:28::9988/64",
    });
    const again = { Container: "c2", EndpointConfig: { IPAMConfig } };
    expect(await said("POST", "/networks/web/connect", again)).toEqual([403, "Address already in use"]);
    expect(await member("web", "c2")).toBeUndefined();
  });

  test("14 ConnectWithMac: the MAC of one network stays when another is joined", async () => {
    await create("one");
    await create("two");
    await connect("one", "c1");
    const before = (await member("one", "c1"))?.MacAddress;
    await connect("two", "c1");
    expect((await member("one", "c1"))?.MacAddress).toBe(before);
    expect((await member("two", "c1"))?.MacAddress).not.toBe(before);
  });

  test.each(["test@#$", "test-network-name-ok", "test_1"])(
    "14 CreateDeleteSpecialCharacters: %s is made, found and removed",
    async (name) => {
      await create(name);
      const path = `/networks/${encodeURIComponent(name)}`;
      expect((JSON.parse((await ask("GET", path)).text) as Shown).Name).toBe(name);
      expect((await ask("DELETE", path)).status).toBe(204);
      expect((await ask("GET", path)).status).toBe(404);
    },
  );

  test("46 TestDaemonRestartWithExistingNetwork: a new daemon shows the same networks and members", async () => {
    await create("kept", {
      EnableIPv6: true,
      Labels: { a: "b" },
      Attachable: true,
      IPAM: { Config: [{ Subnet: "10.77.0.0/24", IPRange: "10.77.0.128/25" }] },
    });
    await connect("kept", "c1");
    const before = await show("kept");
    await world.stopDaemon("SIGTERM");
    await world.startDaemon();
    expect(await show("kept")).toEqual(before);
    expect(await member("kept", "c1")).toBeDefined();
    await connect("kept", "c2");
    expect((await member("kept", "c2"))?.IPv4Address).not.toBe((await member("kept", "c1"))?.IPv4Address);
  });
});
