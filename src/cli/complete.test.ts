import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../testkit/api-server.ts";
import { startFakeCli } from "../testkit/fake-cli.ts";
import { complete } from "./complete.ts";
import { COMPLETION_SCRIPTS } from "./completion-scripts.ts";

describe("complete()", () => {
  const words = (...line: string[]): string[] => complete(line).words.map(({ word }) => word);

  test("commands, groups and their commands", () => {
    expect(words("")).toEqual(expect.arrayContaining(["up", "down", "run", "network", "completion"]));
    expect(words("")).not.toContain("__complete");
    expect(words("s")).toEqual(["status", "stop"]);
    expect(words("network", "")).toEqual([
      "create",
      "ls",
      "inspect",
      "rm",
      "connect",
      "disconnect",
      "cut",
      "heal",
      "prune",
      "peer",
      "unpeer",
      "policy",
    ]);
    expect(words("-H", "/x.sock", "network", "c")).toEqual(["create", "connect", "cut"]);
    expect(words("nope", "")).toEqual([]);
  });

  test("flags, in their long spelling, without hidden ones", () => {
    expect(words("ps", "--")).toEqual([
      "--all",
      "--filter",
      "--quiet",
      "--no-trunc",
      "--json",
      "--host",
      "--help",
    ]);
    expect(words("run", "-")).not.toContain("--tty");
    expect(words("--v")).toEqual(["--version"]);
  });

  test.each<[string[], ReturnType<typeof complete>["more"]]>([
    [["rm", ""], "sandbox"],
    [["rm", "a", "-f", ""], "sandbox"],
    [["network", "connect", "-d", ""], "network"],
    [["network", "connect", "--ip", "1.2.3.4", "front", ""], "sandbox"],
    [["network", "connect", "front", "web", ""], undefined],
    [["run", "--network", ""], "network"],
    [["run", "-w", ""], "directory"],
    [["run", "--rm", "-e", "A=b", "cat", ""], undefined],
    [["exec", "web", "cat", "--"], undefined],
    [["up", ""], "file"],
    [["-H", ""], "file"],
    [["ps", "--host", ""], "file"],
    [["daemon", "--state-dir", ""], "directory"],
  ])("%j asks for %s", (line, more) => {
    expect(complete(line)).toEqual({ words: [], more });
  });

  test("fixed values of flags and arguments", () => {
    expect(words("network", "create", "-d", "mac")).toEqual(["macvlan"]);
    expect(words("completion", "")).toEqual(["bash", "zsh", "fish"]);
    expect(words("network", "ls", "--filter", "type=")).toEqual(["type=custom", "type=builtin"]);
  });
});

describe("netdock __complete", () => {
  test("asks the daemon for names, and stays silent without one", async () => {
    await using cli = await startFakeCli();
    await cli.run("network", "create", "front");
    await cli.run("run", "-d", "--name", "web", "x");
    expect((await cli.run("__complete", "--", "network", "rm", "fr")).stdout).toBe("front\n");
    expect((await cli.run("__complete", "--", "rm", "")).stdout).toBe("web\n");
    expect((await cli.run("__complete", "--", "up", "")).stdout).toBe(":file\n");
    expect((await cli.run("__complete", "--", "sto")).stdout).toBe("stop\tEnd the command of sandboxes\n");
    expect((await cli.run("__complete", "--", "-H", "/x.sock", "rm", "--f")).stdout).toMatch(/^--force\t/);
    cli.isDaemonUp = false;
    expect(await cli.run("__complete", "--", "rm", "")).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

describe("the scripts", () => {
  test.each(Object.entries(COMPLETION_SCRIPTS))(
    "%s is printed as it is, and the shell can read it",
    async (shell, script) => {
      await using cli = await startFakeCli();
      expect(await cli.run("completion", shell)).toEqual({ code: 0, stdout: script, stderr: "" });
      const check = spawnSync(shell, ["-n"], { input: script, encoding: "utf8" });
      // A shell that is not installed here cannot be asked; bash always is.
      if (check.error === undefined) expect(check).toMatchObject({ status: 0, stderr: "" });
      else expect(shell).not.toBe("bash");
    },
  );

  test("bash completes with it", () => {
    using folder = temporaryDirectory();
    const program = join(folder.path, "netdock");
    // Stands for netdock: says what it was asked, and gives a candidate with an explanation.
    writeFileSync(
      program,
      `#!/bin/sh\nprintf '%s|' "$@" > ${folder.path}/asked\nprintf 'front\\ta network\\nfruit\\n'\n`,
    );
    chmodSync(program, 0o755);
    const script = `${COMPLETION_SCRIPTS["bash"]}
COMP_WORDS=(netdock network rm fr); COMP_CWORD=3
_netdock
printf '%s,' "\${COMPREPLY[@]}"`;
    const env = { PATH: `${folder.path}:${process.env["PATH"]}` };
    expect(execFileSync("bash", ["--norc", "-c", script], { env, encoding: "utf8" })).toBe("front,fruit,");
    expect(execFileSync("cat", [join(folder.path, "asked")], { encoding: "utf8" })).toBe(
      "__complete|--|network|rm|fr|",
    );
  });
});
