import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressOn, idle, untilLogged } from "./serve.ts";
import { type Machine, ROOT, World } from "./world.ts";

const DNS_SERVER = join(ROOT, "test", "e2e", "dns-server.mjs");
const nameServer = (address: string, answer: string): string[] => [
  process.execPath,
  DNS_SERVER,
  address,
  answer,
];

/** Asks for the AAAA record of `b6` by a UDP socket of IPv6; prints who answers, and the end of what. */
const ASK_BY_IPV6_SOCKET = `
  const socket = require("node:dgram").createSocket("udp6");
  socket.on("message", (bytes, { address, port }) => {
    const [count, end] = [bytes.readUInt16BE(6), bytes.subarray(-1).toString("hex")];
    console.log(address + " port " + port + ": " + count + " answer, ..." + end);
    socket.close();
  });
  socket.send(Buffer.from("000101000001000000000000026236" + "00001c0001", "hex"), 53, "::ffff:127.0.0.11");
`;

let world: World;

/** What dig prints of an answer's records, and the code of the reply. */
async function dig(sandbox: string, ...args: string[]): Promise<{ status: string; answers: string[] }> {
  const { stdout } = await world.exec(sandbox, ["dig", "+tries=1", "+time=5", ...args]);
  const answers = /;; ANSWER SECTION:\n([^]*?)\n\n/.exec(stdout)?.[1]?.split("\n") ?? [];
  return {
    status: /status: ([A-Z]+)/.exec(stdout)?.[1] ?? stdout,
    answers: answers.map((line) => line.split(/\s+/).slice(3).join(" ")),
  };
}

/** A name server on a machine, and what it was asked. */
async function serveOn(machine: Machine, address: string, answer: string): Promise<string[]> {
  const asked: string[] = [];
  const child = machine.spawn(nameServer(address, answer));
  await new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split("\n").filter(Boolean)) {
        if (line === "ready") resolve();
        else asked.push(line);
      }
    });
    child.once("exit", (code) => reject(new Error(`name server at ${address}: exit ${code}`)));
  });
  return asked;
}

let onHost: string[];

beforeAll(async () => {
  world = await World.start();
  await world.host.sh("printf 'nameserver 127.0.0.1\\nsearch shop.example\\n' > /etc/resolv.conf");
  onHost = await serveOn(world.host, "127.0.0.1", "198.51.100.1");
  await world.startDaemon();
  await world.netdockOk("network", "create", "--subnet", "10.90.1.0/24", "front");
  await world.netdockOk("network", "create", "--subnet", "10.90.2.0/24", "back.end");
  await world.netdockOk("network", "create", "--internal", "--subnet", "10.90.3.0/24", "vault");
  // A name server of the users' own, which only the members of its network reach.
  await world.netdockOk(
    ...["run", "-d", "--name", "ns", "--network", "vault", "--ip", "10.90.3.53", "--"],
    ...nameServer("10.90.3.53", "198.51.100.3"),
  );
  await untilLogged(world, "ns", 1);
  await idle(world, "web", "--network", "front", "--network", "back.end");
  await idle(world, "guard", "--network", "vault");
  await idle(world, "own", "--network", "vault", "--dns", "10.90.3.53");
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

describe("upstream servers", () => {
  test("of the host are asked from the host's namespace, by UDP and TCP", async () => {
    expect(await dig("web", "who.example")).toEqual({ status: "NOERROR", answers: ["A 127.0.0.1"] });
    expect(await dig("web", "+tcp", "other.example")).toEqual({
      status: "NOERROR",
      answers: ["A 198.51.100.1"],
    });
  });

  test("of --dns are asked from the sandbox's, by UDP and TCP", async () => {
    const own = await addressOn(world, "own", "vault");
    expect(await dig("own", "who.example")).toEqual({ status: "NOERROR", answers: [`A ${own}`] });
    expect(await dig("own", "+tcp", "who.example")).toEqual({ status: "NOERROR", answers: [`A ${own}`] });
  });

  test("are never the host's for a sandbox on internal networks only, also after it was outside", async () => {
    const { length } = onHost;
    expect((await dig("guard", "leak.example")).status).toBe("NXDOMAIN");
    expect(onHost).toHaveLength(length);
    await world.netdockOk("network", "connect", "front", "guard");
    expect((await dig("guard", "out.example")).answers).toEqual(["A 198.51.100.1"]);
    await world.netdockOk("network", "disconnect", "front", "guard");
    expect((await dig("guard", "leak.example")).status).toBe("NXDOMAIN");
    expect(onHost.filter((line) => line.startsWith("leak"))).toEqual([]);
    // Names of the internal network itself are no matter of the outside.
    expect((await dig("guard", "own")).answers).toEqual([`A ${await addressOn(world, "own", "vault")}`]);
  });

  test("that refuse leave SERVFAIL when there is no other", async () => {
    expect((await dig("web", "refused.example")).status).toBe("SERVFAIL");
  });

  test("--dns 127.0.0.11 is refused: the resolver would ask itself", async () => {
    const { code, stderr } = await world.netdock(["attach", "--pid", "1", "--dns", "127.0.0.11"]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("dns.servers[0]");
  });
});

describe("names of sandboxes", () => {
  test("with every network behind them, by link, by short id, and back from the address", async () => {
    await idle(
      world,
      "db",
      "--network",
      "name=front,link=web:www",
      "--network-alias",
      "store",
      "--hostname",
      "db1",
    );
    const web = await addressOn(world, "web", "front");
    const db = await addressOn(world, "db", "front");
    const [{ id }] = JSON.parse(await world.netdockOk("inspect", "db")) as [{ id: string }];
    const script = ["db", "DB1", "store", "db.front", "web.back.end", "www", id.slice(0, 12), "nobody.front"]
      .map((name) => `getent ahostsv4 ${name} | grep STREAM || echo none`)
      .join("; ");
    const found = async (sandbox: string): Promise<string[]> =>
      (await world.exec(sandbox, ["sh", "-c", script])).stdout
        .split("\n")
        .map((line) => line.split(" ")[0] ?? "");
    const backEnd = await addressOn(world, "web", "back.end");
    // What nobody here is called is the outside's: the host's server has an address for everything.
    const outside = "198.51.100.1";
    expect(await found("web")).toEqual([db, db, db, db, backEnd, outside, db, outside, ""]);
    expect(await found("db")).toEqual([db, db, db, db, outside, web, db, outside, ""]);
    expect((await dig("web", "-x", db)).answers).toEqual(["PTR db.front."]);
    expect(await dig("web", "db", "MX")).toEqual({ status: "NOERROR", answers: [] });
  });

  test("in a sandbox with IPv6 alone; its servers outside are asked all the same", async () => {
    await world.netdockOk(
      ...["network", "create", "--ipv4=false", "--ipv6", "--subnet", "fd00:90::/64", "six"],
    );
    await idle(world, "a6", "--network", "six");
    await idle(world, "b6", "--network", "six", "--ip6", "fd00:90::b6");
    const { stdout } = await world.exec("a6", ["getent", "ahostsv6", "b6"]);
    expect(stdout).toMatch(/^fd00:90::b6 /);
    expect((await dig("a6", "who.example")).answers).toEqual(["A 127.0.0.1"]);
    // A program that knows sockets of IPv6 only, too: RFC 4291 section 2.5.5.2.
    const { stdout: heard } = await world.exec("a6", [process.execPath, "-e", ASK_BY_IPV6_SOCKET]);
    expect(heard).toBe("::ffff:127.0.0.11 port 53: 1 answer, ...b6\n");
  });

  test("are counted in `netdock status`, and for each sandbox in `netdock inspect`", async () => {
    const counted = async (name: string): Promise<{ queries: number; local: number; denied: number }> => {
      const [view] = JSON.parse(await world.netdockOk("inspect", name)) as [
        { resolver: { queries: number; local: number; denied: number } },
      ];
      return view.resolver;
    };
    await idle(world, "counted", "--network", "vault");
    await idle(world, "silent", "--network", "vault");
    await dig("counted", "guard");
    await dig("counted", "+tcp", "guard");
    await dig("counted", "nobody.example");
    expect(await counted("counted")).toMatchObject({ queries: 3, local: 2, denied: 1 });
    expect(await counted("silent")).toMatchObject({ queries: 0, local: 0, denied: 0 });
    expect((await dig("web", "counted.example")).status).toBe("NOERROR");
    const line = /^dns: (\d+) questions: .*\d+ own names.*\d+ asked outside/m;
    expect(await world.netdockOk("status")).toMatch(line);
  });
});

describe("names of one label that nobody knows", () => {
  test("are asked outside, unless the user has set ndots", async () => {
    expect((await dig("web", "unknown")).answers).toEqual(["A 198.51.100.1"]);
    await idle(world, "dotted", "--network", "front", "--dns-option", "ndots:1");
    expect(await dig("dotted", "unknown")).toEqual({ status: "NOERROR", answers: [] });
    expect((await dig("dotted", "unknown.shop.example")).answers).toEqual(["A 198.51.100.1"]);
    // The C library asks with the search domain first, and gets there.
    const { stdout } = await world.exec("dotted", ["getent", "ahostsv4", "elsewhere"]);
    expect(stdout).toMatch(/^198\.51\.100\.1 /);
  });
});
