import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createEngine, type NetworkEngine, type SandboxHandle } from "../index.ts";

/** Longer than any answer within one machine takes, and shorter than TCP's first retransmission after it (200 ms). */
const QUIET_MS = 150;

let net: NetworkEngine;
beforeEach(async () => {
  net = await createEngine();
});
afterEach(() => net.close());

/** A node played by this process: it sends back what it gets. */
async function node(
  name: string,
  networks: readonly string[],
  publish: readonly string[] = [],
): Promise<SandboxHandle> {
  const sandbox = await net.createSandbox({ name, networks, publish });
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  return sandbox.listen(server, { port: 80 }).then(() => sandbox);
}

interface Dialer {
  readonly dial: SandboxHandle["dial"];
}

/**
 * A new connection comes about. That may take a second after a cut: who asked for a MAC address (ARP) in vain asks again
 * once a second.
 */
async function reaches(from: Dialer, host: string, port = 80): Promise<void> {
  (await from.dial({ host, port, signal: AbortSignal.timeout(10_000) })).destroy();
}

/** A new connection does not come about, and nobody says why. */
async function loses(from: Dialer, host: string, port = 80): Promise<void> {
  const signal = AbortSignal.timeout(QUIET_MS);
  await expect(from.dial({ host, port, signal })).rejects.toMatchObject({ code: "cancelled" });
}

/** Exactly these reach each other: `a>b`. */
async function expectPaths(nodes: readonly SandboxHandle[], open: readonly string[]): Promise<void> {
  const pairs = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => ({ from, to })));
  await Promise.all(
    pairs.map(({ from, to }) =>
      open.includes(`${from.name}>${to.name}`) ? reaches(from, to.ip()) : loses(from, to.ip()),
    ),
  );
}

function quiet(ms: number): Promise<"quiet"> {
  return new Promise((resolve) => setTimeout(resolve, ms, "quiet"));
}

describe("a link that is cut", () => {
  it("stalls a running exchange, which goes on when it is healed", async () => {
    await net.createNetwork("front");
    const [web] = await Promise.all([node("web", ["front"]), node("db", ["front"])]);
    const socket: Socket = await web.dial({ host: "db", port: 80 });
    const errors: unknown[] = [];
    socket.on("error", (error) => errors.push(error));
    socket.write("one");
    expect(String((await once(socket, "data"))[0])).toBe("one");
    const carrier = async (): Promise<string> =>
      (await web.exec(["cat", "/sys/class/net/eth0/carrier", "/sys/class/net/eth0/carrier_changes"])).stdout;
    const before = await carrier();

    await web.cut("front");
    socket.write("two");
    const answer = once(socket, "data");
    expect(await Promise.race([answer, quiet(QUIET_MS)])).toBe("quiet");
    expect(await carrier()).toBe(before);

    await web.heal("front");
    expect(String((await answer)[0])).toBe("two");
    expect(errors).toEqual([]);
    socket.destroy();
  });

  it("is cut to the host too, for published ports and the gateway", async () => {
    const network = await net.createNetwork("front");
    const web = await node("web", ["front"], ["8080:80"]);
    const gateway = network.view().ipam.pools[0]?.gateway?.split("/")[0] as string;
    await net.listen(createServer(), { port: 99 });
    await reaches(net, "localhost", 8080);
    await reaches(web, gateway, 99);

    await web.cut();
    await loses(net, "localhost", 8080);
    await loses(net, web.ip());
    await loses(web, gateway, 99);
    await web.heal();
    await reaches(net, "localhost", 8080);
  });

  it("leaves the sandbox's other networks alone", async () => {
    await Promise.all([net.createNetwork("front"), net.createNetwork("back")]);
    const [web, api, db] = await Promise.all([
      node("web", ["front"]),
      node("api", ["front", "back"]),
      node("db", ["back"]),
    ]);
    await api.cut("front");
    await loses(web, api.ip("front"));
    await reaches(api, db.ip());
    await api.cut();
    await loses(api, db.ip());
  });

  it("stays cut through a reconcile and a restart of the link inside, and is told as an event", async () => {
    await net.createNetwork("front");
    const [web, db] = await Promise.all([node("web", ["front"]), node("db", ["front"])]);
    const events = net.events();
    await db.cut("front");
    await db.cut("front");
    await db.exec(["sh", "-c", "ip link set eth0 down; ip link set eth0 up"]);
    await loses(web, db.ip());
    await net.heal();
    await net.heal();
    await reaches(web, db.ip());
    const told: unknown[] = [];
    for await (const { type, action, attributes } of events) {
      // The link that went down took the default route along, which was put back, and that was told too.
      if (type !== "network") continue;
      if (told.push([type, action, attributes["sandbox"]]) === 2) break;
    }
    expect(told).toEqual([
      ["network", "cut", "db"],
      ["network", "heal", "db"],
    ]);
  });

  it("is refused where there is none", async () => {
    await net.createNetwork("front");
    const web = await node("web", ["front"]);
    await expect(web.cut("bridge")).rejects.toMatchObject({ code: "not_found", field: "network" });
    await expect(web.cut("nowhere")).rejects.toMatchObject({ code: "not_found" });
    const lonely = await net.createSandbox({ name: "lonely", networks: ["none"] });
    await expect(lonely.cut("none")).rejects.toMatchObject({
      code: "unsupported",
      remedy: "cut a link to a bridge network",
    });
  });
});

describe("a partition", () => {
  const ALL = ["a>b", "a>c", "a>d", "b>a", "b>c", "b>d", "c>a", "c>b", "c>d", "d>a", "d>b", "d>c"];
  let nodes: SandboxHandle[];
  beforeEach(async () => {
    await net.createNetwork("ring");
    nodes = await Promise.all(["a", "b", "c", "d"].map((name) => node(name, ["ring"])));
  });

  it("keeps groups apart, and nobody within one, until it is healed", async () => {
    await expectPaths(nodes, ALL);
    await net.partition([["a", "b"], [nodes[2] as SandboxHandle]]);
    // `d` is in no group and reaches everybody.
    const kept = new Set(["a>c", "b>c", "c>a", "c>b"]);
    await expectPaths(
      nodes,
      ALL.filter((path) => !kept.has(path)),
    );
    await net.heal();
    await expectPaths(nodes, ALL);
  });

  it("gives way to the next one, and leaves cut links cut", async () => {
    await nodes[3]?.cut();
    await net.partition([["a"], ["b", "c"]]);
    await net.partition([["a", "b"], ["c"]]);
    await expectPaths(nodes, ["a>b", "b>a"]);
    await net.partition([]);
    await expectPaths(nodes, ["a>b", "a>c", "b>a", "b>c", "c>a", "c>b"]);
  });

  it("holds by way of the host as well: for published ports, and for networks that are joined later", async () => {
    await net.createNetwork("other");
    const e = await node("e", ["ring"], ["8080:80"]);
    const gateway = await nodes[0]?.exec(["sh", "-c", "ip route show default | cut -d' ' -f3"]);
    const host = gateway?.stdout.trim() as string;
    const [a, b] = nodes as [SandboxHandle, SandboxHandle];
    await reaches(a, host, 8080);
    await net.partition([["a"], ["e"]]);
    await loses(a, host, 8080);
    await reaches(b, host, 8080);
    await Promise.all([a.connect("other"), e.connect("other")]);
    await loses(a, e.ip("other"));
    await net.heal();
    await reaches(a, e.ip("other"));
  });

  it("outlives its members, and is refused when it makes no sense", async () => {
    await net.partition([["a"], ["b", "c"]]);
    await nodes[1]?.remove();
    await loses(nodes[0] as SandboxHandle, (nodes[2] as SandboxHandle).ip());
    const refused = { code: "invalid", field: "groups" };
    await expect(net.partition([["a"]])).rejects.toMatchObject(refused);
    await expect(net.partition([["a"], ["a", "c"]])).rejects.toMatchObject(refused);
    await expect(net.partition([["a"], ["nobody"]])).rejects.toMatchObject({ code: "not_found" });
    // What was refused changed nothing.
    await loses(nodes[0] as SandboxHandle, (nodes[2] as SandboxHandle).ip());
  });
});
