import { expect, test } from "vitest";
import { startApi } from "../../testkit/api-server.ts";
import { dockerAsk, errorMessage } from "../../testkit/docker-api.ts";
import { sampleNetwork } from "../../testkit/scripted-engine.ts";
import type { NetworkId } from "../../model/ids.ts";

const id = (digit: string): NetworkId => digit.repeat(64) as NetworkId;
const NETWORKS = [
  sampleNetwork({ name: "bridge", id: id("a"), predefined: true, endpoints: [] }),
  sampleNetwork({ name: "none", driver: "none", id: id("b"), predefined: true, endpoints: [] }),
  sampleNetwork({ name: "web", id: id("c"), labels: { tier: "front", env: "prod" } }),
  sampleNetwork({ name: "webapp", id: id("d"), labels: { tier: "back" }, endpoints: [] }),
];

// The table of moby's daemon/network/filter_test.go, and what its code says beyond that.
test.each([
  [{}, "bridge none web webapp"],
  [{ driver: ["bridge"] }, "bridge web webapp"],
  [{ driver: ["null"] }, "none"],
  [{ driver: ["none"] }, ""],
  [{ driver: ["bridge", "null"] }, "bridge none web webapp"],
  [{ name: ["web"] }, "web webapp"],
  [{ name: ["^web$"] }, "web"],
  [{ name: ["e.a"] }, "webapp"],
  [{ name: ["(", "none"] }, "none"],
  [{ name: ["nope"] }, ""],
  [{ id: ["cccc"] }, "web"],
  [{ id: ["c{64}"] }, "web"],
  [{ scope: ["local"] }, "bridge none web webapp"],
  [{ scope: ["swarm"] }, ""],
  [{ type: ["custom"] }, "web webapp"],
  [{ type: ["builtin"] }, "bridge none"],
  [{ type: ["builtin", "custom"] }, "bridge none web webapp"],
  [{ dangling: ["true"] }, "webapp"],
  [{ dangling: ["1"] }, "webapp"],
  [{ dangling: ["false"] }, "bridge none web"],
  [{ label: ["tier"] }, "web webapp"],
  [{ label: ["tier=back"] }, "webapp"],
  [{ label: ["tier", "env=prod"] }, "web"],
  [{ label: ["toString"] }, ""],
  [{ type: ["custom"], label: ["tier=front"], name: ["web"] }, "web"],
])("networks by %j", async (filters, names) => {
  await using running = await startApi({ networks: () => NETWORKS });
  const modern = Object.fromEntries(
    Object.entries(filters).map(([key, values]) => [key, Object.fromEntries(values.map((v) => [v, true]))]),
  );
  for (const form of [filters, modern]) {
    const path = `/networks?filters=${encodeURIComponent(JSON.stringify(form))}`;
    const answer = await dockerAsk(running, { path });
    const found = JSON.parse(answer.text) as { Name: string }[];
    expect(found.map(({ Name }) => Name).join(" ")).toBe(names);
  }
});

test.each([
  ["{", "invalid filter"],
  ["[]", "invalid filter"],
  ['{"name":"web"}', "invalid filter"],
  ['{"name":{"web":1}}', "invalid filter"],
  ['{"foo":["bar"]}', "invalid filter 'foo'"],
  ['{"type":["foo"]}', "invalid filter: 'type'='foo'"],
  ['{"dangling":["true","false"]}', 'got more than one value for filter key "dangling"'],
  [
    '{"dangling":["maybe"]}',
    `invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`,
  ],
])("filters %s are refused", async (filters, message) => {
  await using running = await startApi({ networks: () => NETWORKS });
  const answer = await dockerAsk(running, { path: `/networks?filters=${encodeURIComponent(filters)}` });
  expect([answer.status, errorMessage(answer)]).toEqual([400, message]);
});

test("an expression that would take for ever is given up", async () => {
  const name = "a".repeat(60);
  await using running = await startApi({ networks: () => [sampleNetwork({ name })] });
  const filters = encodeURIComponent(JSON.stringify({ name: ["(a+)+$^b", "(a|aa)+$b"] }));
  const answer = await dockerAsk(running, { path: `/networks?filters=${filters}` });
  expect([200, 400]).toContain(answer.status);
  expect((await dockerAsk(running, { path: "/_ping" })).text).toBe("OK");
});

test("create: the whole of Docker's body reaches the engine", async () => {
  await using running = await startApi();
  const body = {
    Name: "n",
    Driver: "bridge",
    EnableIPv4: true,
    EnableIPv6: true,
    IPAM: {
      Driver: "default",
      Options: { a: "b" },
      Config: [
        {
          Subnet: "10.9.0.0/24",
          IPRange: "10.9.0.128/25",
          Gateway: "10.9.0.1",
          AuxiliaryAddresses: { host: "10.9.0.9" },
        },
        { Subnet: "fd00:9::/64" },
      ],
    },
    Internal: true,
    Attachable: true,
    Options: { "com.docker.network.driver.mtu": "1400" },
    Labels: { tier: "back" },
    Unknown: [1, { two: 3 }],
  };
  const answer = await dockerAsk(running, { method: "POST", path: "/v1.50/networks/create", body });
  expect(answer).toMatchObject({ status: 201 });
  expect(answer.text).toMatch(/^\{"Id":"[0-9a-f]{64}","Warning":""\}\n$/);
  expect(running.engine.calls).toEqual([
    [
      "createNetwork",
      {
        name: "n",
        driver: "bridge",
        internal: true,
        attachable: true,
        enableIPv4: true,
        enableIPv6: true,
        ipam: {
          driver: undefined,
          options: { a: "b" },
          config: [
            {
              subnet: "10.9.0.0/24",
              ipRange: "10.9.0.128/25",
              gateway: "10.9.0.1",
              auxAddresses: { host: "10.9.0.9" },
            },
            { subnet: "fd00:9::/64" },
          ],
        },
        options: { "com.docker.network.driver.mtu": "1400" },
        labels: { tier: "back" },
      },
    ],
  ]);
});

const pools = (...Config: object[]): object => ({ Name: "n", EnableIPv6: true, IPAM: { Config } });

test.each([
  ["a blank name", { Name: " " }, 400, "invalid name: name is empty"],
  ["no body at all", undefined, 400, "invalid name: name is empty"],
  ["bridge", { Name: "bridge" }, 403, "operation is not permitted on predefined bridge network "],
  ["default", { Name: "default" }, 403, "operation is not permitted on predefined default network "],
  [
    "a swarm's scope",
    { Name: "n", Scope: "swarm" },
    403,
    "cannot create a swarm scoped network when swarm is not active",
  ],
  ["ingress", { Name: "n", Ingress: true }, 403, "Ingress network can only be global scope network"],
  [
    "overlay",
    { Name: "n", Driver: "overlay" },
    403,
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  ],
  [
    "config-only and internal",
    { Name: "n", ConfigOnly: true, Internal: true },
    403,
    "configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
  ],
  [
    "config-only from another",
    { Name: "n", ConfigOnly: true, ConfigFrom: { Network: "c" } },
    403,
    "a configuration network cannot depend on another configuration network",
  ],
  [
    "options beside config-from",
    { Name: "n", ConfigFrom: { Network: "c" }, Options: { a: "b" } },
    403,
    "network driver options are not supported if the network depends on a configuration network",
  ],
  [
    "labels beside config-from",
    { Name: "n", ConfigFrom: { Network: "c" }, Labels: { a: "b" } },
    403,
    "user specified configurations are not supported if the network depends on a configuration network",
  ],
  [
    "a subnet that is none",
    pools({ Subnet: "x" }, { Subnet: "10.0.0.1/8" }),
    400,
    "invalid network config:\ninvalid subnet x: invalid CIDR block notation\ninvalid subnet 10.0.0.1/8: it should be 10.0.0.0/8",
  ],
  [
    "ranges",
    pools(
      { Subnet: "10.0.0.0/24", IPRange: "10.0.0.0/16" },
      { Subnet: "10.1.0.0/24", IPRange: "10.2.0.0/25" },
      { Subnet: "10.3.0.0/24", IPRange: "fd00::/64" },
      { Subnet: "10.4.0.0/24", IPRange: "10.4.0.1/25" },
      { Subnet: "10.5.0.0/24", IPRange: "x" },
    ),
    400,
    [
      "invalid network config:",
      "invalid ip-range 10.0.0.0/16: CIDR block is bigger than its parent subnet 10.0.0.0/24",
      "invalid ip-range 10.2.0.0/25: parent subnet 10.1.0.0/24 doesn't contain ip-range",
      "invalid ip-range fd00::/64: parent subnet is an IPv4 block",
      "invalid ip-range 10.4.0.1/25: it should be 10.4.0.0/25",
      "invalid ip-range x: invalid CIDR block notation",
    ].join("\n"),
  ],
  [
    "gateways and aux addresses",
    pools(
      { Subnet: "10.0.0.0/24", Gateway: "10.1.0.1", AuxiliaryAddresses: { a: "x" } },
      { Subnet: "fd00::/64", Gateway: "10.1.0.1" },
    ),
    400,
    [
      "invalid network config:",
      "invalid gateway 10.1.0.1: parent subnet 10.0.0.0/24 doesn't contain this address",
      "invalid auxiliary address a: invalid address",
      "invalid gateway 10.1.0.1: parent subnet is an IPv6 block",
    ].join("\n"),
  ],
])("create is refused: %s", async (_what, body, status, message) => {
  await using running = await startApi();
  const answer = await dockerAsk(running, { method: "POST", path: "/networks/create", body });
  expect([answer.status, errorMessage(answer)]).toEqual([status, message]);
  expect(running.engine.calls).toEqual([]);
});

test("a client older than 1.48 cannot say EnableIPv4", async () => {
  await using running = await startApi();
  const body = { Name: "n", EnableIPv4: false };
  await dockerAsk(running, { method: "POST", path: "/v1.47/networks/create", body });
  expect(running.engine.calls).toEqual([
    ["createNetwork", expect.objectContaining({ name: "n", enableIPv4: undefined })],
  ]);
});

// TestNetworkInvalidJSON (moby, integration/network/network_test.go).
test.each(["/networks/create", "/networks/backend/connect", "/networks/backend/disconnect"])(
  "POST %s says what is wrong with a body",
  async (path) => {
    await using running = await startApi();
    const say = async (body: string, type?: string): Promise<[number, string]> => {
      const headers = type === undefined ? {} : { "content-type": type };
      const answer = await dockerAsk(running, { method: "POST", path, body, headers });
      return [answer.status, errorMessage(answer)];
    };
    const json = "application/json";
    expect(await say("{}", "text/plain")).toEqual([
      400,
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    ]);
    expect(await say("{invalid json", json)).toEqual([
      400,
      "invalid JSON: invalid character 'i' looking for beginning of object key string",
    ]);
    expect(await say('{"Name":"n"', json)).toEqual([400, "invalid JSON: unexpected EOF"]);
    expect(await say("{} trailing content", json)).toEqual([400, "unexpected content after JSON"]);
    expect(await say("[]", json)).toEqual([
      400,
      expect.stringMatching(/^invalid JSON: json: cannot unmarshal array into Go value of type network\./),
    ]);
    const [status] = await say("", json);
    expect(status).toBe(400);
  },
);

test("a field of the wrong type is named with its place", async () => {
  await using running = await startApi();
  const ask = async (body: object): Promise<string> =>
    errorMessage(await dockerAsk(running, { method: "POST", path: "/networks/create", body }));
  expect(await ask({ Name: 5 })).toBe(
    "invalid JSON: json: cannot unmarshal number into Go struct field CreateRequest.Name of type string",
  );
  expect(await ask({ Name: "n", IPAM: { Config: [{ Subnet: true }] } })).toBe(
    "invalid JSON: json: cannot unmarshal bool into Go struct field IPAMConfig.IPAM.Config.Subnet of type string",
  );
  expect(await ask({ Name: "n", Labels: ["a"] })).toBe(
    "invalid JSON: json: cannot unmarshal array into Go struct field CreateRequest.Labels of type map[string]string",
  );
});

test("a body that is too large is refused", async () => {
  await using running = await startApi();
  const body = { Name: "n", Labels: { a: "x".repeat(1024 * 1024) } };
  const answer = await dockerAsk(running, { method: "POST", path: "/networks/create", body });
  expect([answer.status, errorMessage(answer)]).toEqual([413, "http: request body too large"]);
});

test("connect: the whole of an endpoint's settings reaches the engine", async () => {
  await using running = await startApi();
  const body = {
    Container: "web",
    EndpointConfig: {
      IPAMConfig: { IPv4Address: "10.5.0.9", LinkLocalIPs: ["169.254.1.1"] },
      Links: ["db:store"],
      Aliases: ["w"],
      MacAddress: "02:00:00:00:00:09",
      DriverOpts: { "com.docker.network.endpoint.ifname": "lan0" },
      GwPriority: 5,
      Gateway: "",
      DNSNames: null,
    },
  };
  const answer = await dockerAsk(running, { method: "POST", path: "/networks/backend/connect", body });
  expect(answer).toMatchObject({ status: 200, text: "" });
  const [name, sandbox, request] = running.engine.calls.at(-1) as [string, string, object];
  expect([name, sandbox]).toEqual(["connect", expect.stringMatching(/^a+2$/)]);
  expect(request).toEqual({
    network: sampleNetwork().id,
    aliases: ["w"],
    links: ["db:store"],
    ipv4: "10.5.0.9",
    linkLocalIps: ["169.254.1.1"],
    mac: "02:00:00:00:00:09",
    options: { "com.docker.network.endpoint.ifname": "lan0" },
    gwPriority: 5,
  });
});

test.each([
  [{ IPAMConfig: { IPv4Address: "x" } }, "invalid IPv4 address: x"],
  [{ IPAMConfig: { IPv6Address: "10.0.0.1" } }, "invalid IPv6 address: 10.0.0.1"],
  [{ IPAMConfig: { LinkLocalIPs: ["x"] } }, "invalid link-local IP address: x"],
  [
    { IPAMConfig: { IPv4Address: "10.6.0.9" } },
    "no configured subnet or ip-range contain the IP address 10.6.0.9",
  ],
  [
    { IPAMConfig: { IPv6Address: "fd00::9" } },
    "user specified IP address is supported only when connecting to networks with user configured subnets",
  ],
])("connect with %j is refused", async (EndpointConfig, line) => {
  await using running = await startApi();
  const body = { Container: "web", EndpointConfig };
  const answer = await dockerAsk(running, { method: "POST", path: "/networks/backend/connect", body });
  expect([answer.status, errorMessage(answer)]).toEqual([400, `invalid endpoint settings:\n${line}`]);
});

test("on a predefined network neither addresses nor aliases are to be had", async () => {
  await using running = await startApi({
    network: () => sampleNetwork({ name: "bridge", predefined: true }),
  });
  const EndpointConfig = { IPAMConfig: { IPv4Address: "10.5.0.9" }, Aliases: ["w"] };
  const body = { Container: "web", EndpointConfig };
  const answer = await dockerAsk(running, { method: "POST", path: "/networks/bridge/connect", body });
  expect(errorMessage(answer).split("\n")).toEqual([
    "invalid endpoint settings:",
    "user specified IP address is supported on user defined networks only",
    "network-scoped alias is supported only for containers in user defined networks",
  ]);
});

test("prune: filters decide, and Go's empty list is null", async () => {
  const given = [
    sampleNetwork({ name: "old", created: "2020-01-01T00:00:00.000Z", labels: { keep: "no" } }),
    sampleNetwork({ name: "kept", created: "2020-01-01T00:00:00.000Z", labels: { keep: "yes" } }),
    sampleNetwork({ name: "new", created: "2030-01-01T00:00:00.000Z" }),
  ];
  await using running = await startApi({
    pruneNetworks: async (which = () => true) => given.filter(which).map(({ name }) => name),
  });
  const prune = async (filters: object): Promise<unknown> => {
    const path = `/networks/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`;
    return JSON.parse((await dockerAsk(running, { method: "POST", path })).text) as unknown;
  };
  expect(await prune({})).toEqual({ NetworksDeleted: ["old", "kept", "new"] });
  expect(await prune({ until: ["2021-01-01"] })).toEqual({ NetworksDeleted: ["old", "kept"] });
  expect(await prune({ until: ["24h"] })).toEqual({ NetworksDeleted: ["old", "kept"] });
  expect(await prune({ label: ["keep=yes"] })).toEqual({ NetworksDeleted: ["kept"] });
  expect(await prune({ "label!": ["keep"] })).toEqual({ NetworksDeleted: ["new"] });
  expect(await prune({ label: ["nope"] })).toEqual({ NetworksDeleted: null });
  expect(await prune({ until: ["1h", "2h"] })).toEqual({ message: "more than one until filter specified" });
  expect(await prune({ until: ["soon"] })).toEqual({
    message: 'failed to parse value as time or duration: "soon"',
  });
  expect(await prune({ name: ["x"] })).toEqual({ message: "invalid filter 'name'" });
});

test("one prune at a time", async () => {
  const finish = Promise.withResolvers<readonly string[]>();
  const began = Promise.withResolvers<void>();
  await using running = await startApi({
    pruneNetworks: () => {
      began.resolve();
      return finish.promise;
    },
  });
  const prune = (): ReturnType<typeof dockerAsk> =>
    dockerAsk(running, { method: "POST", path: "/networks/prune" });
  const first = prune();
  await began.promise;
  const second = await prune();
  expect([second.status, errorMessage(second)]).toEqual([409, "a prune operation is already running"]);
  finish.resolve(["web"]);
  expect((await first).text).toBe('{"NetworksDeleted":["web"]}\n');
  expect((await prune()).status).toBe(200);
});
