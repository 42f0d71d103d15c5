import { afterAll, beforeAll, expect, test } from "vitest";
import { isNetError, type ErrorCode, type NetError } from "../base/errors.ts";
import type { Engine } from "../engine/contract.ts";
import { parseIp } from "../base/ip.ts";
import { Machine, type Boot } from "./machine.ts";
import { populate } from "./operations.ts";
import { faultsOf, pictureOf } from "./soundness.ts";

/** What a refusal says; `message` and `remedy` are parts of what is found there. */
interface Refusal {
  readonly code: ErrorCode;
  readonly field?: string;
  readonly value?: string;
  readonly message: string;
  readonly remedy?: string;
}

export type RefusalRow = readonly [what: string, run: (engine: Engine) => Promise<unknown>, refusal: Refusal];

/**
 * Asks for what cannot be had, on the populated machine and beside it: network `plan` (10.5.0.0/24) with sandbox `holder`
 * at 10.5.0.9, `alone` on none, `hosted` on host, and another process at UDP port 53. Each must be refused in these words
 * and change nothing at all.
 */
export function testRefusals(rows: readonly RefusalRow[]): void {
  let machine: Machine;
  let boot: Boot;
  let before: string;

  beforeAll(async () => {
    machine = new Machine();
    boot = await machine.boot();
    await populate(boot.engine);
    await boot.engine.createNetwork({ name: "plan", ipam: { config: [{ subnet: "10.5.0.0/24" }] } });
    await boot.engine.createSandbox({ name: "alone", networks: [{ network: "none" }] });
    await boot.engine.createSandbox({ name: "hosted", networks: [{ network: "host" }] });
    await boot.engine.createSandbox({ name: "holder", networks: [{ network: "plan", ipv4: "10.5.0.9" }] });
    boot.host.busyPorts.push({ ip: parseIp("0.0.0.0"), port: 53, protocol: "udp" });
    before = pictureOf(machine, boot);
  });

  afterAll(() => machine[Symbol.dispose]());

  test.each(rows)("%s is refused, clearly, and nothing changes", async (_what, run, refusal) => {
    const error = await run(boot.engine).then(
      () => expect.unreachable("it was accepted"),
      (reason: unknown) => reason,
    );
    expect(error).toSatisfy((e) => isNetError(e));
    const { code, field, value, message, remedy } = error as NetError;
    expect({ code, field }).toEqual({ code: refusal.code, field: refusal.field });
    expect(message).toContain(refusal.message);
    if (refusal.value !== undefined) expect(value).toBe(refusal.value);
    expect(remedy ?? "").toContain(refusal.remedy ?? "");
    expect(pictureOf(machine, boot)).toBe(before);
  });

  test("after all these refusals the machine is sound, and nothing was complained of", async () => {
    expect(await faultsOf(machine, boot)).toEqual([]);
    expect(boot.complaints).toEqual([]);
  });
}
