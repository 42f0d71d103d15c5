import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LACKING_DOCKER } from "./docker-cli.ts";
import { perform, readSession } from "./docker-script.ts";
import { ROOT, World } from "./world.ts";

const SESSIONS = readdirSync(join(ROOT, "test", "e2e", "docker-cli")).map((file) =>
  file.replace(/\.txt$/, ""),
);

// Each session has a machine of its own; its commands go on where the one before them ended.
describe.skipIf(LACKING_DOCKER !== "").each(SESSIONS)(`docker's session %s${LACKING_DOCKER}`, (name) => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
    await world.startDaemon();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(readSession(name))("$command", async ({ command, expected }) => {
    expect(await perform(world, command)).toBe(expected);
  });
});
