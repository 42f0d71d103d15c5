import { writeSync } from "node:fs";
import { NetError } from "../base/errors.ts";
import { memfdCreate } from "./libc-files.ts";

/**
 * The first program of a new pid namespace. A proc file system shows the pid namespace of who mounts it, so it can only be
 * mounted from within; posix_spawn(3) cannot do that between fork and exec, and no program of the machine's is needed for it.
 * These are its instructions: mark descriptor 3 close-on-exec, mount /proc, execute argv[1] with argv[2…] and the environment
 * as it is. When it cannot, it writes the errno to descriptor 3 (int32) and exits with 126; so whoever reads 3 learns either
 * why, or by its end that the program runs. It takes half a millisecond, where a Node process would take 80.
 */
const PROGRAMS: Readonly<Record<string, { readonly machine: number; readonly text: string }>> = {
  x64: {
    machine: 62,
    text: `
      4989e4                        mov r12, rsp
      b848000000                    mov eax, 72                 fcntl
      bf03000000                    mov edi, 3
      be02000000                    mov esi, 2                  F_SETFD
      ba01000000                    mov edx, 1                  FD_CLOEXEC
      0f05                          syscall
      b8a5000000                    mov eax, 165                mount
      488d3d57000000                lea rdi, "proc"
      488d354f000000                lea rsi, "/proc"
      4889fa                        mov rdx, rdi
      41ba0e000000                  mov r10d, 14                MS_NOSUID | MS_NODEV | MS_NOEXEC
      4531c0                        xor r8d, r8d
      0f05                          syscall
      85c0                          test eax, eax
      781a                          js fail
      498b0424                      mov rax, [r12]              argc
      498b7c2410                    mov rdi, [r12 + 16]         argv[1]
      498d742418                    lea rsi, [r12 + 24]         argv + 2
      498d54c410                    lea rdx, [r12 + rax*8 + 16] envp
      b83b000000                    mov eax, 59                 execve
      0f05                          syscall
      f7d8                    fail: neg eax
      50                            push rax
      bf03000000                    mov edi, 3
      4889e6                        mov rsi, rsp
      ba04000000                    mov edx, 4
      b801000000                    mov eax, 1                  write
      0f05                          syscall
      bf7e000000                    mov edi, 126
      b8e7000000                    mov eax, 231                exit_group
      0f05                          syscall
      2f70726f6300                  "/proc\\0"`,
  },
  arm64: {
    machine: 183,
    text: `
      f3030091                      mov x19, sp
      600080d2                      mov x0, 3
      410080d2                      mov x1, 2                   F_SETFD
      220080d2                      mov x2, 1                   FD_CLOEXEC
      280380d2                      mov x8, 25                  fcntl
      010000d4                      svc 0
      20030030                      adr x0, "proc"
      01030010                      adr x1, "/proc"
      e20300aa                      mov x2, x0
      c30180d2                      mov x3, 14                  MS_NOSUID | MS_NODEV | MS_NOEXEC
      040080d2                      mov x4, 0
      080580d2                      mov x8, 40                  mount
      010000d4                      svc 0
      0001f837                      tbnz w0, 31, fail
      690240f9                      ldr x9, [x19]               argc
      600a40f9                      ldr x0, [x19, 16]           argv[1]
      61620091                      add x1, x19, 24             argv + 2
      620e098b                      add x2, x19, x9, lsl 3
      42400091                      add x2, x2, 16              envp
      a81b80d2                      mov x8, 221                 execve
      010000d4                      svc 0
      e003004b                fail: neg w0, w0
      e00f1ff8                      str x0, [sp, -16]!
      600080d2                      mov x0, 3
      e1030091                      mov x1, sp
      820080d2                      mov x2, 4
      080880d2                      mov x8, 64                  write
      010000d4                      svc 0
      c00f80d2                      mov x0, 126
      c80b80d2                      mov x8, 94                  exit_group
      010000d4                      svc 0
      2f70726f6300                  "/proc\\0"`,
  },
};

/** A descriptor of the program, in memory; /proc/self/fd/N is a file that can be executed. The caller's to close. */
export function openPid1Program(): number {
  const bytes = pid1Elf(process.arch);
  const fd = memfdCreate("netdock-pid1");
  writeSync(fd, bytes);
  return fd;
}

/** The whole file, for a processor in Node's name. */
export function pid1Elf(arch: string): Uint8Array {
  const known = PROGRAMS[arch];
  if (known === undefined) {
    throw new NetError("unsupported", "process.start", {
      message: `a pid namespace of its own cannot be given to a process on ${arch}: there is x64 and arm64`,
    });
  }
  return elf(known.machine, instructions(known.text));
}

function instructions(text: string): Uint8Array {
  const hex = text
    .split("\n")
    .map((line) => line.trim().split(" ", 1)[0])
    .join("");
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

/** Where the kernel likes to put a program that does not move. */
const BASE = 0x40_0000n;
const [ELF_HEADER, PROGRAM_HEADER] = [64, 56];

/** elf(5): a 64-bit little-endian executable of one segment, which is the file itself, readable and executable. */
function elf(machine: number, code: Uint8Array): Uint8Array {
  const start = ELF_HEADER + PROGRAM_HEADER;
  const size = start + code.length;
  const bytes = new Uint8Array(size);
  const out = new DataView(bytes.buffer);
  // 0x7f "ELF", 64 bits, little-endian, version 1.
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  out.setUint16(16, 2, true); // ET_EXEC
  out.setUint16(18, machine, true);
  out.setUint32(20, 1, true);
  out.setBigUint64(24, BASE + BigInt(start), true); // e_entry
  out.setBigUint64(32, BigInt(ELF_HEADER), true); // e_phoff
  out.setUint16(52, ELF_HEADER, true);
  out.setUint16(54, PROGRAM_HEADER, true);
  out.setUint16(56, 1, true); // e_phnum
  out.setUint32(64, 1, true); // PT_LOAD
  out.setUint32(68, 5, true); // PF_R | PF_X
  out.setBigUint64(80, BASE, true); // p_vaddr
  out.setBigUint64(88, BASE, true); // p_paddr
  out.setBigUint64(96, BigInt(size), true); // p_filesz
  out.setBigUint64(104, BigInt(size), true); // p_memsz
  out.setBigUint64(112, 0x1_0000n, true); // p_align: the largest page of arm64
  bytes.set(code, start);
  return bytes;
}
