import { expect, test } from "vitest";
import { pid1Elf } from "./pid1-program.ts";

test("the program is a whole ELF file of the processor asked for", () => {
  // `as pid1.s && objcopy -O binary -j .text`: 129 bytes for x86-64, 130 for AArch64.
  for (const [arch, machine, size] of [
    ["x64", 62, 129],
    ["arm64", 183, 130],
  ] as const) {
    const bytes = pid1Elf(arch);
    const view = new DataView(bytes.buffer);
    expect(Buffer.from(bytes.subarray(0, 7)).toString("latin1")).toBe("\x7fELF\x02\x01\x01");
    expect(view.getUint16(18, true)).toBe(machine);
    expect(bytes.length).toBe(64 + 56 + size);
    // What is loaded is the file, and it starts behind the headers.
    expect(view.getBigUint64(96, true)).toBe(BigInt(bytes.length));
    expect(view.getBigUint64(24, true) - view.getBigUint64(80, true)).toBe(120n);
    expect(Buffer.from(bytes.subarray(-6)).toString("latin1")).toBe("/proc\0");
  }
});

test("other processors are refused by name", () => {
  expect(() => pid1Elf("riscv64")).toThrow("on riscv64: there is x64 and arm64");
});
