import fc from "fast-check";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openDescriptors, type RunningApi, sendRaw, startApi } from "../../testkit/api-server.ts";
import { type DockerAnswer, dockerAsk, errorMessage } from "../../testkit/docker-api.ts";
import { type Boot, Machine } from "../../testkit/machine.ts";
import { faultsOf, pictureOf } from "../../testkit/soundness.ts";

/** No connection is kept for later, so that descriptors can be counted. */
const CLOSE = { connection: "close" };
const JSON_TYPE = { "content-type": "application/json", ...CLOSE };

/** Any of some values that mean something, and now and then any text. */
const oneOf = (...values: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: fc.string() });

const texts = (keys: readonly string[], values: fc.Arbitrary<unknown>): fc.Arbitrary<object> =>
  fc.dictionary(fc.constantFrom(...keys), values, { maxKeys: 2 });

const subnets = [
  "10.8.0.0/24",
  "10.8.0.0/30",
  "10.9.0.1/24",
  "10.8.0.0/33",
  "fd00:8::/64",
  "0.0.0.0/20",
  "x",
  "",
];
const addresses = ["10.8.0.1", "10.8.0.9", "10.8.0.255", "fd00:8::9", "::", "10.99.0.1", "x", ""];

const network = fc.record(
  {
    Name: oneOf("n", "m", "web", "bridge", "", " ", "a/b", "__proto__"),
    Driver: oneOf("bridge", "host", "null", "overlay", "nosuch", ""),
    Scope: oneOf("", "local", "swarm", "global"),
    EnableIPv4: fc.option(fc.boolean()),
    EnableIPv6: fc.option(fc.boolean()),
    IPAM: fc.option(
      fc.record(
        {
          Driver: oneOf("default", "null", "nosuch", ""),
          Options: texts(["a"], fc.string()),
          Config: fc.array(
            fc.record(
              {
                Subnet: oneOf(...subnets),
                IPRange: oneOf("10.8.0.128/25", "10.8.0.0/16", "10.9.0.0/25", "fd00:8::/80", "x", ""),
                Gateway: oneOf(...addresses),
                AuxiliaryAddresses: texts(["a", "b", "constructor"], oneOf(...addresses)),
              },
              { requiredKeys: [] },
            ),
            { maxLength: 3 },
          ),
        },
        { requiredKeys: [] },
      ),
    ),
    Internal: fc.boolean(),
    Attachable: fc.boolean(),
    Ingress: fc.boolean(),
    ConfigOnly: fc.boolean(),
    ConfigFrom: fc.option(fc.record({ Network: oneOf("web", "nosuch", "") })),
    Options: texts(
      [
        "com.docker.network.driver.mtu",
        "com.docker.network.bridge.name",
        "com.docker.network.bridge.gateway_mode_ipv4",
        "com.docker.network.enable_ipv6",
        "nosuch",
      ],
      oneOf("1400", "br-x", "isolated", "routed", "true", "-1", ""),
    ),
    Labels: texts(["a", "__proto__"], fc.string()),
  },
  { requiredKeys: ["Name"] },
);

const connection = fc.record(
  {
    Container: oneOf("c1", "c2", "nosuch", "", "/c1"),
    EndpointConfig: fc.option(
      fc.record(
        {
          IPAMConfig: fc.option(
            fc.record(
              {
                IPv4Address: oneOf("10.7.0.9", "10.7.0.1", ...addresses),
                IPv6Address: oneOf(...addresses),
                LinkLocalIPs: fc.array(oneOf("169.254.7.7", "fe80::7", "10.0.0.1", "x"), { maxLength: 2 }),
              },
              { requiredKeys: [] },
            ),
          ),
          Links: fc.array(oneOf("c1:one", "nosuch", ":", ""), { maxLength: 2 }),
          Aliases: fc.array(oneOf("db", "", "a b", "c1"), { maxLength: 2 }),
          MacAddress: oneOf("02:00:00:00:00:07", "01:00:00:00:00:07", "x", ""),
          DriverOpts: texts(
            ["com.docker.network.endpoint.ifname", "com.docker.network.endpoint.sysctls", "nosuch"],
            oneOf("eth0", "lan0", "net.ipv4.conf.IFNAME.log_martians=1", "x", ""),
          ),
          GwPriority: fc.oneof(fc.integer(), fc.double()),
        },
        { requiredKeys: [] },
      ),
    ),
  },
  { requiredKeys: [] },
);

const disconnection = fc.record(
  { Container: oneOf("c1", "c2", "nosuch", ""), Force: fc.boolean() },
  { requiredKeys: [] },
);

/** A body as it is, with one value in it replaced by anything, cut somewhere, or no such body at all. */
function bodiesLike(values: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const near = values.map((value) => JSON.stringify(value));
  const off = fc
    .tuple(values, fc.nat(), fc.jsonValue())
    .map(([value, at, other]) => replaced(value, at, other));
  const cut = near.chain((text) => fc.nat(text.length).map((at) => text.slice(0, at)));
  return fc.oneof(
    { weight: 6, arbitrary: near },
    { weight: 3, arbitrary: off },
    { weight: 1, arbitrary: cut },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string() },
  );
}

function replaced(value: unknown, at: number, other: unknown): string {
  const total = JSON.stringify(value, () => 0) === undefined ? 1 : countOf(value);
  let left = at % total;
  return JSON.stringify(value, (_key, one: unknown) => (left-- === 0 ? other : one)) ?? "";
}

function countOf(value: unknown): number {
  let count = 0;
  JSON.stringify(value, (_key, one: unknown) => {
    count++;
    return one;
  });
  return count;
}

/** Refusals that Docker itself answers with 500. */
const DOCKERS_500 =
  /^gateway mode 'isolated'|is not connected to|^no available IPv[46] addresses on this network's address pools/;

describe("a real engine on a machine in memory", () => {
  let machine: Machine;
  let boot: Boot;
  let running: RunningApi;
  beforeEach(async () => {
    machine = new Machine();
    boot = await machine.boot();
    await boot.engine.createNetwork({ name: "web", ipam: { config: [{ subnet: "10.7.0.0/24" }] } });
    for (const name of ["c1", "c2"]) await boot.engine.createSandbox({ name });
    running = await startApi(boot.engine);
  });
  afterEach(async () => {
    await running[Symbol.asyncDispose]();
    machine[Symbol.dispose]();
  });

  const post = (path: string, body: string): Promise<DockerAnswer> =>
    dockerAsk(running, { method: "POST", path, body, headers: JSON_TYPE });

  test.each([
    ["/networks/create", bodiesLike(network)],
    ["/networks/web/connect", bodiesLike(connection)],
    ["/networks/bridge/disconnect", bodiesLike(disconnection)],
  ])("POST %s: whatever the body, it is done whole or refused and nothing changes", async (path, bodies) => {
    let done = 0;
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const before = pictureOf(machine, boot);
        const answer = await post(path, body);
        if (answer.status >= 400) {
          expect(answer.headers["content-type"]).toBe("application/json");
          const message = errorMessage(answer);
          expect(message).not.toBe("");
          if (answer.status >= 500) expect(message).toMatch(DOCKERS_500);
          expect(pictureOf(machine, boot)).toBe(before);
          return;
        }
        expect([200, 201]).toContain(answer.status);
        done++;
        await takeBack(boot, path, answer);
      }),
      { numRuns: 300 },
    );
    // Not only refusals were seen.
    expect(done).toBeGreaterThan(0);
    expect(await faultsOf(machine, boot)).toEqual([]);
    expect(boot.complaints).toEqual([]);
  });

  test("a thousand requests at once, of every kind, are all answered, and the machine is sound", async () => {
    const before = openDescriptors().length;
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => {
        const name = `n${i % 50}`;
        const asks: readonly (() => Promise<DockerAnswer>)[] = [
          () => post("/networks/create", JSON.stringify({ Name: name })),
          () => post(`/networks/${name}/connect`, JSON.stringify({ Container: i % 2 === 0 ? "c1" : "c2" })),
          () =>
            post(`/networks/${name}/disconnect`, JSON.stringify({ Container: i % 2 === 0 ? "c1" : "c2" })),
          () => dockerAsk(running, { method: "DELETE", path: `/networks/${name}`, headers: CLOSE }),
          () => dockerAsk(running, { path: "/networks", headers: CLOSE }),
        ];
        return (asks[i % asks.length] as () => Promise<DockerAnswer>)();
      }),
    );
    const strange = answers.filter(
      (answer) => answer.status >= 500 && !DOCKERS_500.test(errorMessage(answer)),
    );
    expect(strange).toEqual([]);
    expect(answers.some(({ status }) => status === 201)).toBe(true);
    expect(await faultsOf(machine, boot)).toEqual([]);
    await expect.poll(() => openDescriptors().length).toBeLessThanOrEqual(before);
  });

  test("a half-closed connection has its whole answer, and what it asked is done once", async () => {
    const body = JSON.stringify({ Name: "half" });
    const answer = await sendRaw(
      running.socketPath,
      `POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      { end: true },
    );
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    expect(answer).toContain("\r\napi-version: 1.50\r\n");
    expect(boot.engine.network("half").name).toBe("half");
  });

  test("clients that stop in the middle of a body change nothing and leave nothing open", async () => {
    const before = openDescriptors().length;
    const picture = pictureOf(machine, boot);
    const head =
      "POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n";
    const ended = Array.from({ length: 50 }, (_, i) =>
      // Half of them only end their side, the others are gone.
      i % 2 === 0
        ? sendRaw(running.socketPath, `${head}{"Name":"cut${i}"`, { end: true })
        : leave(`${head}{"Na`),
    );
    await Promise.all(ended);
    await expect.poll(() => openDescriptors().length).toBeLessThanOrEqual(before);
    expect(pictureOf(machine, boot)).toBe(picture);
    expect((await dockerAsk(running, { path: "/_ping" })).text).toBe("OK");
  });

  test("a client that sends a byte at a time is served like any other, and holds up nobody", async () => {
    const body = JSON.stringify({ Name: "slow" });
    const request = `POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
    const socket = connect({ path: running.socketPath });
    const answer = Promise.withResolvers<string>();
    let text = "";
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.on("end", () => answer.resolve(text));
    for (const byte of request) {
      await new Promise<void>((resolve) => {
        socket.write(byte, () => resolve());
      });
      // Somebody else's request in between is answered at once.
      if (byte === "\n") expect((await dockerAsk(running, { path: "/_ping" })).status).toBe(200);
    }
    expect(await answer.promise).toMatch(/^HTTP\/1\.1 201 /);
    expect(boot.engine.network("slow").name).toBe("slow");
  });

  function leave(bytes: string): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ path: running.socketPath });
      socket.once("close", () => resolve());
      socket.write(bytes, () => socket.destroy());
    });
  }
});

test("a follower of events that reads nothing is cut off, and the others go on", async () => {
  await using running = await startApi();
  const deaf = connect({ path: running.socketPath });
  const gone = new Promise((resolve) => deaf.once("close", resolve));
  deaf.on("error", () => undefined);
  deaf.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  await expect.poll(() => running.engine.subscribers).toBe(1);
  deaf.pause();
  const attributes = { name: "x".repeat(1000), driver: "bridge" };
  for (let i = 0; i < 3000; i++) running.engine.emit({ action: "create", attributes });
  await expect.poll(() => running.engine.subscribers).toBe(0);
  expect((await dockerAsk(running, { path: "/_ping" })).text).toBe("OK");
  deaf.resume();
  await gone;
});

/** So that the next body finds the machine as this one did. */
async function takeBack(boot: Boot, path: string, answer: DockerAnswer): Promise<void> {
  const { engine } = boot;
  if (path.endsWith("/create")) {
    await engine.removeNetwork((JSON.parse(answer.text) as { readonly Id: string }).Id);
    return;
  }
  const network = path.split("/")[2] as string;
  const changed = path.endsWith("/disconnect");
  for (const { id, endpoints } of engine.sandboxes()) {
    const isOn = endpoints.some(({ networkName }) => networkName === network);
    if (changed && !isOn) await engine.connect(id, { network });
    if (!changed && isOn) await engine.disconnect(id, network);
  }
}
