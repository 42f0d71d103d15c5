import { readFileSync } from "node:fs";
import { NetError } from "../../base/errors.ts";
import { foreignNamespaces } from "../../kernel/home.ts";

/** linux/capability.h */
const NEEDED = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

/** Throws `unsupported` on other systems, and `forbidden` without the rights to make namespaces and links, before anything is made. */
export function requirePrivileges(): void {
  if (process.platform !== "linux") {
    throw new NetError("unsupported", "engine.create", {
      message: `networks of sandboxes are made by the Linux kernel, and this is ${process.platform}`,
    });
  }
  const text = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/thread-self/status", "latin1"))?.[1] ?? "0";
  const held = BigInt(`0x${text}`);
  const missing = Object.entries(NEEDED).filter(([, bit]) => ((held >> bit) & 1n) === 0n);
  const foreign = missing.length === 0 ? foreignNamespaces() : [];
  if (missing.length === 0 && foreign.length === 0) return;
  const lacks =
    missing.length > 0
      ? `lacks ${missing.map(([name]) => name).join(" and ")}, without which no network can be made`
      : `is root of a user namespace that does not own its ${foreign.join(", ")} namespaces, and could not come back to them`;
  throw new NetError("forbidden", "engine.create", {
    message: `this process (uid ${process.geteuid?.()}) ${lacks}`,
    remedy:
      "run it as root, or as root of a user namespace: unshare --map-root-user --net --mount --uts COMMAND",
  });
}
