import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { docker, LACKING_DOCKER } from "./docker-cli.ts";
import { World } from "./world.ts";

describe.skipIf(LACKING_DOCKER !== "")(`the docker command${LACKING_DOCKER}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
    await world.startDaemon();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test("`docker version` names netdock's server and the version both speak", async () => {
    const format = "{{.Server.Os}} {{.Client.APIVersion}}";
    expect(await docker(world, ["version", "--format", format])).toEqual({
      code: 0,
      stdout: "linux 1.50\n",
      stderr: "",
    });
  });

  test("`docker network ls` shows the networks that docker has from the beginning", async () => {
    const format = "{{.Name}} {{.Driver}} {{.Scope}}";
    expect(await docker(world, ["network", "ls", "--format", format])).toEqual({
      code: 0,
      stdout: "bridge bridge local\nhost host local\nnone null local\n",
      stderr: "",
    });
  });

  test("what docker cannot find exits with 1 and docker's words", async () => {
    expect(await docker(world, ["network", "inspect", "nowhere"])).toEqual({
      code: 1,
      stdout: "[]\n",
      stderr: "Error response from daemon: network nowhere not found\n",
    });
  });
});
