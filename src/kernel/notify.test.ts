import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AF, bindSocket, close, MSG, receive, SOCK, socket } from "./libc.ts";
import { notifySupervisor } from "./notify.ts";

/** A service manager's socket; `name` as it stands in struct sockaddr_un. */
function listenAt(name: string): number {
  const fd = socket(AF.UNIX, SOCK.DGRAM, 0);
  const header = new Uint8Array(new Uint16Array([AF.UNIX]).buffer);
  bindSocket(fd, Uint8Array.of(...header, ...new TextEncoder().encode(name)), name);
  return fd;
}

function received(fd: number): string | undefined {
  const buffer = new Uint8Array(256);
  const size = receive(fd, buffer, MSG.DONTWAIT);
  return size < 0 ? undefined : new TextDecoder().decode(buffer.subarray(0, size));
}

test("the service manager is told, by path and by abstract name", () => {
  const dir = mkdtempSync(join(tmpdir(), "netdock-notify-"));
  const path = join(dir, "notify");
  const abstract = `netdock-test-${process.pid}`;
  for (const [name, address] of [
    [path, path],
    [`\0${abstract}`, `@${abstract}`],
  ] as const) {
    const fd = listenAt(name);
    notifySupervisor(address, "READY=1\nMAINPID=7");
    expect(received(fd), address).toBe("READY=1\nMAINPID=7");
    close(fd);
  }
  rmSync(dir, { recursive: true });
});

test("without a service manager, or with one that is gone, nothing happens", () => {
  for (const address of [undefined, "", "@", "relative", "/nonexistent/socket", `/${"x".repeat(200)}`]) {
    expect(() => {
      notifySupervisor(address, "READY=1");
    }).not.toThrow();
  }
});
