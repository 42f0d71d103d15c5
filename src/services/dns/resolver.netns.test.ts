import { createSocket } from "node:dgram";
import { expect, test } from "vitest";
import type { Ip } from "../../base/ip.ts";
import { aRecord } from "../../testkit/dns-message.ts";
import { newSocketIo } from "../../testkit/loopback-sockets.ts";
import { FixedNames } from "../../testkit/names.ts";
import { ResolverSandbox } from "../../testkit/resolver-sandbox.ts";
import { decodeMessage, encodeMessage } from "../../wire/dns/index.ts";
import { createUpstreamDialer } from "./dialer.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { newCounters } from "./metrics.ts";
import { createRandomIds } from "./random.ts";
import { createDnsService } from "./service.ts";
import { systemTimers } from "./timers.ts";

const loopback = "127.0.0.1" as Ip;
const resolvConf = "nameserver 127.0.0.11\nsearch shop.example\noptions ndots:0\n";

test("a sandbox's C library and dig find names at 127.0.0.11, ours and those of a server on the host", async () => {
  await using sandbox = new ResolverSandbox();
  await using cleanup = new AsyncDisposableStack();
  const names = new FixedNames({ web: ["10.0.0.2", "fd00::2"], db: ["10.0.0.3"] }, ["127.0.0.1"]);
  names.names.set(
    "many",
    Array.from({ length: 120 }, (_, i) => `10.1.0.${i}` as never),
  );

  // The server listens in the host's namespace, and is asked from there. Both sockets open at once, since no name is looked up,
  // and stay where they were opened.
  const upstream = sandbox.home.visit(() =>
    createSocket({ type: "udp4", lookup: (address, _options, done) => done(null, address, 4) }).bind(
      0,
      "127.0.0.1",
    ),
  );
  cleanup.defer(() => void upstream.close());
  upstream.on("message", (bytes, from) => {
    const query = decodeMessage(bytes);
    const name = query.questions[0]?.name ?? "";
    const answers = name === "example.com" ? [aRecord(name, 300, "198.51.100.1")] : [];
    const reply = { ...query, response: true, rcode: answers.length === 0 ? 3 : 0, answers };
    upstream.send(encodeMessage(reply), from.port, from.address);
  });

  const io = newSocketIo();
  cleanup.defer(() => io.readiness.close());
  const counters = newCounters();
  const service = createDnsService({
    names,
    ...io,
    dialerIn: (netns) =>
      createUpstreamDialer(
        () => ({ address: loopback, port: upstream.address().port }),
        sandbox.socketsIn(netns),
      ),
    clock: { now: () => Date.now() },
    timers: systemTimers,
    randomId: createRandomIds(),
    limits: DEFAULT_LIMITS,
    log: { warn: () => undefined },
  });
  cleanup.defer(() => service.close());
  service.start(sandbox.id, sandbox.sockets, counters);
  await sandbox.redirect();
  const inside = (...command: string[]): Promise<string> => sandbox.exec(resolvConf, command);

  expect(await inside("getent", "ahostsv4", "web")).toMatch(/^10\.0\.0\.2 +STREAM web$/m);
  expect(await inside("getent", "ahostsv6", "web")).toMatch(/^fd00::2 +STREAM web$/m);
  expect(await inside("getent", "hosts", "DB")).toMatch(/^10\.0\.0\.3 +DB$/m);
  expect(await inside("getent", "hosts", "10.0.0.3")).toMatch(/^10\.0\.0\.3 +db\.net$/m);
  expect(await inside("getent", "hosts", "example.com")).toMatch(/^198\.51\.100\.1 +example\.com$/m);
  await expect(inside("getent", "hosts", "nothing.example")).rejects.toMatchObject({ code: 2 });
  // Too long for UDP: the C library asks again by TCP.
  expect((await inside("getent", "ahostsv4", "many")).match(/STREAM/g)).toHaveLength(120);
  expect(counters.read()).toMatchObject({ malformed: 0, failed: 0, refused: 0 });
});

test("dig reaches the resolver on port 53 by UDP and TCP", async (context) => {
  await using sandbox = new ResolverSandbox();
  await using cleanup = new AsyncDisposableStack();
  const dig = (...args: string[]): Promise<string> =>
    sandbox.exec(resolvConf, ["dig", "+tries=1", "+time=3", ...args]);
  const there = await dig("-v").then(
    () => true,
    () => false,
  );
  if (!there) context.skip("needs the command dig (Debian: bind9-dnsutils)");
  const io = newSocketIo();
  cleanup.defer(() => io.readiness.close());
  const counters = newCounters();
  const service = createDnsService({
    names: new FixedNames({ web: ["10.0.0.2"] }, []),
    ...io,
    dialerIn: (netns) =>
      createUpstreamDialer(() => ({ address: loopback, port: 9 }), sandbox.socketsIn(netns)),
    clock: { now: () => Date.now() },
    timers: systemTimers,
    randomId: createRandomIds(),
    limits: DEFAULT_LIMITS,
    log: { warn: () => undefined },
  });
  cleanup.defer(() => service.close());
  service.start(sandbox.id, sandbox.sockets, counters);
  await sandbox.redirect();
  const full = await dig("web");
  expect(full).toMatch(/^web\.\t+600\tIN\tA\t10\.0\.0\.2$/m);
  expect(full).toMatch(/SERVER: 127\.0\.0\.11#53/);
  expect(await dig("+tcp", "+short", "web")).toBe("10.0.0.2\n");
  expect(await dig("elsewhere")).toMatch(/status: NXDOMAIN/);
});
