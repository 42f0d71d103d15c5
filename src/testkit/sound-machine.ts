import { afterEach, beforeEach, expect } from "vitest";
import { type Boot, Machine } from "./machine.ts";
import { faultsOf } from "./soundness.ts";

/**
 * A machine in memory with an engine on it, new for each test of the file; a test that starts another engine puts that one in
 * its place. After each test both are sound, and the engine complained of nothing.
 */
export function soundMachine(): { readonly machine: Machine; boot: Boot } {
  let machine: Machine;
  let boot: Boot;
  beforeEach(async () => {
    machine = new Machine();
    boot = await machine.boot();
  });
  afterEach(async () => {
    expect(await faultsOf(machine, boot)).toEqual([]);
    expect(boot.complaints).toEqual([]);
    machine[Symbol.dispose]();
  });
  return {
    get machine() {
      return machine;
    },
    get boot() {
      return boot;
    },
    set boot(next) {
      boot = next;
    },
  };
}
