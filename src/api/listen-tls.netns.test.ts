import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startApi } from "../testkit/api-server.ts";
import { Authority, LACKING_OPENSSL } from "../testkit/certificates.ts";
import { sampleNetwork } from "../testkit/scripted-engine.ts";
import { connect } from "./client.ts";
import { listenOnTls } from "./listen-tls.ts";
import { readTlsFiles } from "./tls-files.ts";

describe.skipIf(LACKING_OPENSSL !== "")(`listenOnTls()${LACKING_OPENSSL}`, () => {
  test("an answer that is under way when the daemon ends still arrives, and then nothing is open", async () => {
    // A network namespace of a test's own has its loopback down.
    spawnSync("ip", ["link", "set", "lo", "up"]);
    const begun = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    await using running = await startApi({
      createNetwork: async ({ name }) => {
        begun.resolve();
        await finish.promise;
        return sampleNetwork({ name });
      },
    });
    const authority = new Authority(join(running.directory, "ca"));
    const identity = readTlsFiles(authority.issue("server", ["IP:127.0.0.1"]));
    const tls = await listenOnTls(running.api, { host: "127.0.0.1", port: 0, identity });
    using client = connect({ host: `tcp://127.0.0.1:${tls.port}`, tls: authority.issue("client", []) });
    // A second connection, which is idle.
    await client.ping();
    const made = client.createNetwork({ name: "late" });
    await client.ping();
    await begun.promise;

    tls.stop();
    await running.api.close();
    finish.resolve();
    expect(await made).toMatchObject({ name: "late" });
    await tls.ended;
    await expect(client.ping()).rejects.toMatchObject({ code: "unavailable" });
  });
});
