import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TlsFiles } from "../../src/api/tls-files.ts";
import { Authority, LACKING_OPENSSL } from "../../src/testkit/certificates.ts";
import { dockerOn, LACKING_DOCKER } from "./docker-cli.ts";
import { netdockOn, type Outcome, World } from "./world.ts";

const ADDRESS = "tcp://192.0.2.1:2376";

/** A file that holds no certificate. */
const PAPER = join(import.meta.dirname, "tls.netns.test.ts");

const flagsOf = ({ tlscacert, tlscert, tlskey }: TlsFiles): string[] => [
  ...["--tlscacert", tlscacert],
  ...["--tlscert", tlscert],
  ...["--tlskey", tlskey],
];

/** A daemon that is asked from another machine. */
describe.skipIf(LACKING_OPENSSL !== "")(`the API over TCP${LACKING_OPENSSL}`, () => {
  let world: World;
  let server: TlsFiles;
  let client: TlsFiles;
  let stranger: TlsFiles;

  beforeAll(async () => {
    world = await World.start();
    const authority = new Authority(join(world.scratch, "ours"));
    server = authority.issue("server", ["IP:192.0.2.1", "IP:127.0.0.1"]);
    client = authority.issue("client", []);
    const other = new Authority(join(world.scratch, "theirs"));
    stranger = { ...other.issue("client", []), tlscacert: client.tlscacert };
    await world.startDaemon({}, ["--listen", ADDRESS, ...flagsOf(server)]);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const netdock = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
    netdockOn(world.outside, args, { env });

  test("netdock commands work from another machine, with certificates by flags", async () => {
    const created = await netdock(["-H", ADDRESS, ...flagsOf(client), "network", "create", "far"]);
    expect(created).toMatchObject({ code: 0, stderr: "" });
    expect(await world.netdockOk("network", "ls")).toContain("far");
    const removed = await netdock(["network", "rm", "far", "-H", ADDRESS, ...flagsOf(client)]);
    expect(removed).toMatchObject({ code: 0, stderr: "" });
  });

  test("or from a folder with Docker's names for them", async () => {
    const folder = join(world.scratch, "folder");
    mkdirSync(folder);
    copyFileSync(client.tlscacert, join(folder, "ca.pem"));
    copyFileSync(client.tlscert, join(folder, "cert.pem"));
    copyFileSync(client.tlskey, join(folder, "key.pem"));
    const listed = await netdock(["network", "ls"], { NETDOCK_HOST: ADDRESS, NETDOCK_CERT_PATH: folder });
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    expect(listed.stdout).toContain("bridge");
  });

  test.skipIf(LACKING_DOCKER !== "")(`docker --tlsverify works${LACKING_DOCKER}`, async () => {
    const docker = (args: readonly string[]): Promise<Outcome> =>
      dockerOn(world, world.outside, ["-H", ADDRESS, "--tlsverify", ...flagsOf(client), ...args], {});
    expect(await docker(["network", "create", "afar"])).toMatchObject({ code: 0, stderr: "" });
    expect((await docker(["network", "ls", "-q", "--filter", "name=afar"])).stdout).toMatch(
      /^[0-9a-f]{12}\n$/,
    );
    expect(await docker(["network", "rm", "afar"])).toEqual({ code: 0, stdout: "afar\n", stderr: "" });
  });

  test("a certificate of another authority is refused", async () => {
    const refused = await netdock(["-H", ADDRESS, ...flagsOf(stranger), "network", "ls"]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("use a certificate of the authority that the daemon was given");
  });

  test("a client without a certificate is refused", async () => {
    const script = `import { connect } from "node:tls";
      import { readFileSync } from "node:fs";
      const socket = connect({ host: "192.0.2.1", port: 2376, ca: readFileSync(${JSON.stringify(client.tlscacert)}) });
      socket.on("data", (bytes) => console.log("answered", String(bytes)));
      socket.on("error", (error) => console.log("refused", error.code));
      socket.write("GET /_ping HTTP/1.1\\r\\nhost: d\\r\\n\\r\\n");`;
    const { stdout } = await world.outside.run([process.execPath, "--input-type=module", "-e", script]);
    expect(stdout).toBe("refused ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED\n");
  });

  test("a client without TLS is refused, and the daemon goes on", async () => {
    const script = `import { connect } from "node:net";
      const socket = connect({ host: "192.0.2.1", port: 2376 });
      socket.on("data", (bytes) => console.log("answered", String(bytes).slice(0, 4)));
      socket.on("close", () => console.log("closed"));
      socket.on("error", () => undefined);
      socket.write("GET /_ping HTTP/1.1\\r\\nhost: d\\r\\n\\r\\n");`;
    const { stdout } = await world.outside.run([process.execPath, "--input-type=module", "-e", script]);
    expect(stdout.endsWith("closed\n")).toBe(true);
    expect(stdout).not.toContain("HTTP");
    expect(await world.netdockOk("network", "ls")).toContain("bridge");
  });

  test("a daemon that another authority vouches for is not believed", async () => {
    const doubtful = { ...client, tlscacert: join(world.scratch, "theirs", "ca.pem") };
    const refused = await netdock(["-H", ADDRESS, ...flagsOf(doubtful), "network", "ls"]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(`the daemon at ${ADDRESS} could not be verified`);
  });

  test("tcp:// without certificates is refused before anything is sent", async () => {
    expect(await netdock(["-H", ADDRESS, "network", "ls"])).toEqual({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining(`host: ${ADDRESS} is reached with mutual TLS only`) as string,
    });
  });

  test("what needs the daemon's machine says so", async () => {
    const remote = ["-H", ADDRESS, ...flagsOf(client)];
    const refused = await netdock([...remote, "run", "--rm", "true"]);
    expect(refused.stderr).toContain("this needs its machine: start it in the background with -d");
    expect((await netdock([...remote, "ps", "--json"])).stdout).toBe("[]\n");
  });
});

test("netdock daemon --listen is refused with one line where TLS is not whole, and nothing is made", async () => {
  await using world = await World.start();
  const daemon = async (flags: readonly string[], words: string): Promise<void> => {
    const { code, stdout, stderr } = await world.netdock(["daemon", ...flags]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(words);
  };
  const listen = ["--listen", ADDRESS];
  const files = (tlscacert: string): string[] => flagsOf({ tlscacert, tlscert: "/cert", tlskey: "/key" });
  await daemon(listen, "it needs --tlscacert, --tlscert and --tlskey");
  await daemon([...listen, ...files("/ca").slice(0, 4)], "--tlskey: missing");
  await daemon(files("/ca"), "it goes with --listen");
  await daemon([...listen, ...files("/no")], "--tlscacert: /no: it cannot be read");
  await daemon(
    [...listen, ...flagsOf({ tlscacert: PAPER, tlscert: PAPER, tlskey: PAPER })],
    "TLS cannot use it",
  );
  expect(await world.host.ok(["ls", "/run"])).not.toContain("netdock");
});
