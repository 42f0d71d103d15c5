import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeCli, startFakeCli } from "../testkit/fake-cli.ts";

let cli: FakeCli;

beforeEach(async () => {
  cli = await startFakeCli();
  const publish = ["8080:80", "127.0.0.1:8081:80", "9000-9009:9000-9009/udp"];
  await cli.api.client.createSandbox({ name: "web", publish });
});
afterEach(() => cli[Symbol.asyncDispose]());

const ROWS = [
  { hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp", count: 1 },
  { hostIp: "127.0.0.1", hostPort: 8081, containerPort: 80, protocol: "tcp", count: 1 },
  { hostIp: "0.0.0.0", hostPort: 9000, containerPort: 9000, protocol: "udp", count: 10 },
];

test.each([
  [
    "port ls web",
    "PORT            HOST                FROM\n80/tcp          0.0.0.0:8080        all\n80/tcp          127.0.0.1:8081      all\n",
  ],
  ["port web", "9000-9009/udp   0.0.0.0:9000-9009   all\n"],
  ["port web 80", "0.0.0.0:8080\n127.0.0.1:8081\n"],
  ["port ls web 9003/udp", "0.0.0.0:9003\n"],
])("netdock %s", async (line, text) => {
  const { code, stdout } = await cli.run(...line.split(" "));
  expect([code, stdout]).toEqual([0, expect.stringContaining(text)]);
});

test("--json gives the rows that ps --json has", async () => {
  const { stdout } = await cli.run("port", "ls", "--json", "web");
  expect(JSON.parse(stdout)).toEqual(ROWS);
  const { stdout: one } = await cli.run("port", "web", "9003/udp", "--json");
  expect(JSON.parse(one)).toEqual([{ ...ROWS[2], hostPort: 9003, containerPort: 9003, count: 1 }]);
});

test.each([
  ["port web 81", 3, "sandbox web does not publish its port 81/tcp"],
  ["port web 9003", 3, "sandbox web does not publish its port 9003/tcp"],
  ["port web http", 2, 'PORT: "http" is not valid: write a port of the sandbox, like 80 or 53/udp'],
  ["port add web", 2, "missing required argument 'PORTS'\n  see: netdock port add --help"],
])("netdock %s is refused", async (line, code, message) => {
  expect(await cli.run(...line.split(" "))).toEqual({ code, stdout: "", stderr: `netdock: ${message}\n` });
});

test.each([
  ["add", "publish"],
  ["rm", "unpublish"],
  ["allow", "allow"],
])("netdock port %s hands the ports on as they are", async (command, method) => {
  const { code, stdout } = await cli.run("port", command, "web", "8080:80", "53/udp", "--json");
  expect([code, JSON.parse(stdout)]).toEqual([0, []]);
  const asked = cli.api.engine.calls.filter(([called]) => called === method);
  expect(asked).toEqual([[method, "web", ["8080:80", "53/udp"]]]);
});
