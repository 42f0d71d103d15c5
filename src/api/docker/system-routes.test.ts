import { expect, test } from "vitest";
import { type RunningApi, startApi } from "../../testkit/api-server.ts";
import { dockerAsk, errorMessage, openEvents } from "../../testkit/docker-api.ts";

/** How long something may take that is on its way, on a machine with much else to do. */
const PATIENT = { timeout: 20_000 };

test.each([
  ["GET", "/images/alpine/json", 404, "No such image: alpine"],
  ["GET", "/images/quay.io/some/thing:1/json", 404, "No such image: quay.io/some/thing:1"],
  ["GET", "/volumes/data", 404, "get data: no such volume"],
  ["GET", "/plugins/x/json", 404, 'plugin "x" not found'],
  ["GET", "/images/json", 501, /^netdock has no images/],
  ["POST", "/images/create?fromImage=alpine", 501, /^netdock has no images/],
  ["POST", "/build", 501, /^netdock builds no images/],
  ["GET", "/volumes", 501, /^netdock has no volumes/],
  ["POST", "/volumes/create", 501, /^netdock has no volumes/],
  ["GET", "/plugins", 501, /^netdock has no plugins/],
  ["GET", "/system/df", 501, /^netdock keeps no images/],
  ["GET", "/swarm", 503, /^This node is not a swarm manager/],
  ["GET", "/services", 503, /^This node is not a swarm manager/],
  ["POST", "/swarm/init", 501, /^netdock makes no swarms/],
])("%s %s is not netdock's business", async (method, path, status, message) => {
  await using running = await startApi();
  for (const version of ["", "/v1.50"]) {
    const answer = await dockerAsk(running, { method, path: `${version}${path}` });
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(errorMessage(answer)).toMatch(message);
  }
});

test("info has what the docker client shows", async () => {
  await using running = await startApi({}, { addressPools: [{ base: "172.17.0.0/16", size: 16 }] });
  const info = JSON.parse((await dockerAsk(running, { path: "/info" })).text) as object;
  expect(info).toMatchObject({
    Containers: 1,
    ContainersRunning: 0,
    ContainersStopped: 1,
    ServerVersion: "0.0.0-test",
    OSType: "linux",
    Plugins: { Network: ["bridge", "host", "null"] },
    Swarm: { LocalNodeState: "inactive" },
    DefaultAddressPools: [{ Base: "172.17.0.0/16", Size: 16 }],
    DockerRootDir: running.directory,
  });
});

const at = (time: string): string => `2026-01-31T12:00:0${time}Z`;

/** Three events a second apart, from 2026-01-31T12:00:01Z on. */
function happen({ engine }: RunningApi): void {
  const attributes = { name: "web", driver: "bridge" };
  engine.emit({ time: at("1"), action: "create", attributes });
  engine.emit({ time: at("2"), action: "connect", attributes: { ...attributes, sandboxId: "c".repeat(64) } });
  engine.emit({ time: at("3"), type: "sandbox", action: "start", attributes: { name: "c1" } });
  engine.emit({ time: at("4"), action: "policy", attributes });
}

test("past events, in Docker's shape and with its keys in order", async () => {
  await using running = await startApi();
  happen(running);
  const { text, headers } = await dockerAsk(running, { path: "/events?since=0&until=1770000000" });
  expect(headers["content-type"]).toBe("application/json");
  const id = `${"a".repeat(63)}1`;
  expect(text.trim().split("\n")).toEqual([
    `{"Type":"network","Action":"create","Actor":{"ID":"${id}","Attributes":{"name":"web","type":"bridge"}},"scope":"local","time":1769860801,"timeNano":1769860801000000000}`,
    `{"Type":"network","Action":"connect","Actor":{"ID":"${id}","Attributes":{"container":"${"c".repeat(64)}","name":"web","type":"bridge"}},"scope":"local","time":1769860802,"timeNano":1769860802000000000}`,
    `{"status":"start","id":"${id}","from":"host","Type":"container","Action":"start","Actor":{"ID":"${id}","Attributes":{"image":"host","name":"c1"}},"scope":"local","time":1769860803,"timeNano":1769860803000000000}`,
  ]);
});

test.each([
  [{ since: "1769860802" }, "connect start"],
  [{ since: "1769860801.001" }, "connect start"],
  [{ since: "0", until: "1769860802" }, "create connect"],
  [{ until: "1769860801" }, "create"],
  [{ since: "0", filters: { type: ["network"] } }, "create connect"],
  [{ since: "0", filters: { event: ["connect", "start"] } }, "connect start"],
  [{ since: "0", filters: { network: ["we"] } }, "create connect"],
  [{ since: "0", filters: { container: ["c1"] } }, "start"],
  [{ since: "0", filters: { network: ["web"], container: ["c1"] } }, ""],
  [{ since: "0", filters: { label: ["type=bridge"] } }, "create connect"],
  [{ since: "0", filters: { scope: ["swarm"] } }, ""],
])("events by %j", async (asked: { since?: string; until?: string; filters?: object }, actions) => {
  const { filters, ...moments } = asked;
  await using running = await startApi();
  happen(running);
  const query = new URLSearchParams({
    until: "1770000000",
    ...moments,
    ...(filters === undefined ? {} : { filters: JSON.stringify(filters) }),
  });
  const { text } = await dockerAsk(running, { path: `/events?${query.toString()}` });
  const lines = text.split("\n").filter((line) => line !== "");
  expect(lines.map((line) => (JSON.parse(line) as { Action: string }).Action).join(" ")).toBe(actions);
});

test("a stream's head comes at once, events as they happen, and none of before", async () => {
  await using running = await startApi();
  happen(running);
  await using stream = await openEvents(running, "/events");
  expect(stream.status).toBe(200);
  running.engine.emit({ action: "destroy", attributes: { name: "web", driver: "bridge" } });
  expect(await stream.next()).toMatchObject({ Type: "network", Action: "destroy" });
});

test("a client that leaves is forgotten, and one that stays ends with the server", async () => {
  const running = await startApi();
  const left = await openEvents(running, "/events");
  const stays = await openEvents(running, "/events");
  expect(running.engine.subscribers).toBe(2);
  await left[Symbol.asyncDispose]();
  await expect.poll(() => running.engine.subscribers, PATIENT).toBe(1);
  await running[Symbol.asyncDispose]();
  expect(await stays.next()).toBeUndefined();
  expect(running.engine.subscribers).toBe(0);
});

test("an until to come ends the stream then", async () => {
  await using running = await startApi();
  const until = (Date.now() + 300) / 1000;
  await using stream = await openEvents(running, `/events?until=${until.toFixed(3)}`);
  expect(await stream.next()).toBeUndefined();
  // The client may hear of the end before the server hears that all is sent.
  await expect.poll(() => running.engine.subscribers, PATIENT).toBe(0);
});

test("since cannot be after until", async () => {
  await using running = await startApi();
  const answer = await dockerAsk(running, { path: "/events?since=20&until=10" });
  expect([answer.status, errorMessage(answer)]).toEqual([
    400,
    "`since` time (20) cannot be after `until` time (10)",
  ]);
});
