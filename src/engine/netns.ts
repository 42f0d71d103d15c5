import { NetError } from "../base/errors.ts";
import type { Host } from "../model/host.ts";
import type { Op } from "../model/ops.ts";
import type { Sandbox } from "../model/sandbox.ts";

/** Makes or pins the namespace of a sandbox; one on the host's network has none. */
export function makeNetns(host: Host, sandbox: Sandbox): void {
  const { netns, id } = sandbox;
  switch (netns.kind) {
    case "own":
      host.createNetns(id);
      break;
    case "path":
      host.adoptNetns(id, { path: netns.path });
      break;
    case "pid":
      host.adoptNetns(id, { pid: netns.pid });
      break;
    case "host":
      break;
  }
}

/** What is set in a namespace before links come into it, since links take their defaults from it. */
export function sysctlOps(sandbox: Sandbox): Op[] {
  const ops: Op[] = Object.entries(sandbox.sysctls).map(([key, value]) => ({
    op: "sysctl.set",
    netns: sandbox.id,
    key,
    value,
  }));
  // The embedded resolver listens on loopback, which is down in a namespace fresh from `ip netns add`.
  if (sandbox.netns.kind === "path" || sandbox.netns.kind === "pid") {
    ops.push({ op: "link.set", netns: sandbox.id, name: "lo", set: { up: true } });
  }
  return ops;
}

/** A sandbox on the host's network would set the host's own values. */
export function checkSysctls(sandbox: Sandbox): void {
  const [key] = Object.keys(sandbox.sysctls);
  if (key === undefined || sandbox.netns.kind !== "host") return;
  const remedy = "leave the sysctls out, or choose another network";
  throw new NetError("forbidden", "sandbox.create", {
    message: `sysctls.${key}: a sandbox on the host network would change the host's own settings: ${remedy}`,
    field: `sysctls.${key}`,
    value: sandbox.sysctls[key] ?? "",
    remedy,
  });
}
