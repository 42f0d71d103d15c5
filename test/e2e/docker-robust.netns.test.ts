import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { type DockerAnswer, dockerAsk, errorMessage } from "../../src/testkit/docker-api.ts";
import { World } from "./world.ts";

/** What the docker client waits for longest: networks are made and removed one after the other. */
const PATIENCE_MS = 180_000;

// No connection is kept for later, so that descriptors can be counted.
const CLOSE = { connection: "close" };

test(
  "a real daemon under a thousand requests at once, and clients that stop halfway, loses and leaks nothing",
  async () => {
    await using world = await World.start();
    const daemon = await world.startDaemon();
    const pid = daemon.pid as number;
    // The socket as the host sees it.
    const socketPath = `/proc/${world.host.pid}/root/run/netdock/netdock.sock`;
    for (const name of ["c1", "c2"])
      await world.netdockOk("run", "-d", "--name", name, "--", "sleep", "1000");
    const ask = (method: string, path: string, body?: object): Promise<DockerAnswer> =>
      dockerAsk({ socketPath }, { method, path, body, headers: CLOSE });

    // Once round, so that what is opened once and kept is open.
    await ask("POST", "/networks/create", { Name: "once" });
    await ask("POST", "/networks/once/connect", { Container: "c1" });
    await ask("POST", "/networks/once/disconnect", { Container: "c1" });
    await ask("DELETE", "/networks/once");
    const descriptors = (): number => readdirSync(`/proc/${pid}/fd`).length;
    const before = descriptors();
    const links = (): Promise<string> => world.host.sh("ip -br link | cut -d' ' -f1 | sort");
    const linksBefore = await links();

    // Clients that are slow or stop in the middle of a body, all the while.
    const head =
      "POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n";
    const halves = Array.from({ length: 100 }, (_, i) => {
      const socket = connect({ path: socketPath, allowHalfOpen: true });
      socket.on("error", () => undefined);
      socket.write(`${head}{"Name":"half${i}`);
      // A third of them end their side only, the others hold the connection open until the end.
      if (i % 3 === 0) socket.end();
      return socket;
    });

    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => {
        const name = `n${i % 20}`;
        const Container = i % 2 === 0 ? "c1" : "c2";
        const asks: readonly (() => Promise<DockerAnswer>)[] = [
          () => ask("POST", "/networks/create", { Name: name }),
          () => ask("POST", `/networks/${name}/connect`, { Container }),
          () => ask("POST", `/networks/${name}/disconnect`, { Container }),
          () => ask("DELETE", `/networks/${name}`),
          () => ask("GET", "/networks"),
        ];
        return (asks[i % asks.length] as () => Promise<DockerAnswer>)();
      }),
    );
    const faults = answers
      .filter(({ status }) => status >= 500)
      .map((answer) => errorMessage(answer))
      .filter((message) => !message.includes("is not connected to"));
    expect(faults).toEqual([]);
    for (const socket of halves) socket.destroy();

    // What is left is whole: it can all be taken away, and then nothing is there.
    const reconciled = await ask("POST", "/netdock/v1/reconcile", { dryRun: true });
    expect(JSON.parse(reconciled.text)).toMatchObject({ differences: [] });
    const left = JSON.parse((await ask("GET", '/networks?filters={"type":["custom"]}')).text) as {
      Name: string;
    }[];
    for (const { Name } of left) {
      for (const Container of ["c1", "c2"]) await ask("POST", `/networks/${Name}/disconnect`, { Container });
      expect((await ask("DELETE", `/networks/${Name}`)).status).toBe(204);
    }
    expect(left.some(({ Name }) => Name.startsWith("half"))).toBe(false);
    expect(await links()).toBe(linksBefore);
    await expect.poll(descriptors, { timeout: 20_000 }).toBeLessThanOrEqual(before);
    expect(daemon.exitCode).toBeNull();
  },
  PATIENCE_MS,
);
