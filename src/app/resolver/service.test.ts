import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseCidr } from "../../base/cidr.ts";
import type { Ip } from "../../base/ip.ts";
import { State } from "../../engine/state.ts";
import type { EndpointId, NetworkId, SandboxId } from "../../model/ids.ts";
import type { ResolverService } from "../../model/resolver.ts";
import { queryBytes } from "../../testkit/dns-message.ts";
import { openLoopbackSockets, socketsHere } from "../../testkit/loopback-sockets.ts";
import { anEndpoint, aNetwork, aSandbox } from "../../testkit/nouns.ts";
import { decodeMessage, RCODE, TYPE, type DnsMessage } from "../../wire/dns/index.ts";
import { startResolver } from "./service.ts";

const loopback = "127.0.0.1" as Ip;
const id = "web-0123456789ab" as SandboxId;
const networkId = "front" as NetworkId;

let state: State;
let service: ResolverService;
let warnings: string[];
const clients = new Set<() => void>();

function begin(): void {
  service = startResolver({
    names: state,
    sockets: {
      openUdp: (_netns, family) => socketsHere.udp(family),
      openTcp: (_netns, family) => socketsHere.tcp(family),
    },
    resolvConfPath: "/dev/null",
    log: { info: () => undefined, error: () => undefined, warn: (_facts, text) => void warnings.push(text) },
  });
}

beforeEach(() => {
  warnings = [];
  state = new State();
});

afterEach(async () => {
  for (const close of clients) close();
  clients.clear();
  await service.close();
});

function populate(): void {
  state.putNetwork(aNetwork({ id: networkId, name: "front" }));
  state.putSandbox(aSandbox({ id, name: "web" }));
  join("web", "10.0.0.2/24");
}

function join(alias: string, address: string): void {
  state.putEndpoint(
    anEndpoint({
      ...{ id: `${alias}-front` as EndpointId, networkId, sandboxId: id },
      ...{ aliases: [alias], ipv4: parseCidr(address) },
    }),
  );
}

async function ask(port: number, name: string, type: number = TYPE.A): Promise<DnsMessage> {
  const socket = createSocket("udp4");
  clients.add(() => socket.close());
  const reply = once(socket, "message");
  socket.send(queryBytes(name, type), port, loopback);
  const [bytes] = (await reply) as [Buffer];
  return decodeMessage(bytes);
}

/** Nobody holds the port, by UDP or TCP. */
async function isFree(port: number): Promise<void> {
  const [udp, tcp] = [createSocket("udp4"), createServer()];
  udp.bind(port, loopback);
  tcp.listen(port, loopback);
  await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  udp.close();
  tcp.close();
}

const addresses = ({ answers }: DnsMessage): unknown =>
  answers.map(({ data }) => "address" in data && data.address);

test("names are known as the state has them when the question comes, from before the start and from after it", async () => {
  begin();
  populate();
  const { port, ...sockets } = openLoopbackSockets();
  join("early", "10.0.0.3/24");
  service.start(id, sockets);
  expect(addresses(await ask(port, "early"))).toEqual(["10.0.0.3"]);
  for (let n = 10; n < 60; n++) {
    join("late", `10.0.0.${n}/24`);
    expect(addresses(await ask(port, "late"))).toEqual([`10.0.0.${n}`]);
  }
  state.deleteEndpoint("late-front" as EndpointId);
  expect((await ask(port, "late")).rcode).toBe(RCODE.NXDOMAIN);
  expect(service.metricsOf(id)).toMatchObject({ queries: 52, local: 51, denied: 1 });
});

test("stop() frees the port; what was counted stays in the sum and is nobody else's", async () => {
  begin();
  populate();
  const first = openLoopbackSockets();
  service.start(id, first);
  await ask(first.port, "web");
  const stopping = service.stop(id);
  await Promise.all([stopping, service.stop(id)]);
  await isFree(first.port);
  expect(service.metricsOf(id)).toBeUndefined();
  const second = openLoopbackSockets();
  service.start(id, second);
  expect(service.metricsOf(id)).toMatchObject({ queries: 0 });
  await ask(second.port, "web");
  expect([service.metrics().queries, service.metricsOf(id)?.queries]).toEqual([2, 1]);
  await service.stop("never started" as SandboxId);
});

test("a sandbox that runs is refused, and what was given closed", async () => {
  begin();
  service.start(id, openLoopbackSockets());
  const again = openLoopbackSockets();
  expect(() => service.start(id, again)).toThrow(/runs already: stop it first/);
  await isFree(again.port);
});

test("a thread that waits for questions holds up no end of the process, asked for or not", () => {
  const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  /** The exit code, or what ended it. */
  const run = (body: string): number | string => {
    const script = `
      import { NameState } from ${url("../../engine/name-state.ts")};
      import { startResolver } from ${url("service.ts")};
      const service = startResolver({ names: new NameState(), sockets: {}, resolvConfPath: "/dev/null", log: console });
      ${body}`;
    const argv = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "-e", script];
    const { status, signal, error } = spawnSync(process.execPath, argv, {
      timeout: 20_000,
      stdio: "inherit",
    });
    return status ?? `${signal ?? ""} ${error?.message ?? ""}`;
  };
  expect(run("setTimeout(() => process.exit(3), 300);")).toBe(3);
  expect(run("setTimeout(() => { throw new Error('expected by a test'); }, 300);")).toBe(1);
  expect(run("setTimeout(() => undefined, 300);")).toBe(0);
  expect(run("")).toBe(0);
  expect(run("await service.close();")).toBe(0);
  begin();
});
