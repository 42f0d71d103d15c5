import { NetError } from "../base/errors.ts";
import { shortId, type SandboxId } from "../model/ids.ts";
import type { Network } from "../model/network.ts";
import { HOST_NETNS } from "../model/ops.ts";
import type { Sandbox, SandboxRequest } from "../model/sandbox.ts";
import type { Core } from "./core.ts";
import { newId, newName } from "./ids.ts";
import { checkSysctls } from "./netns.ts";
import { checkHostname, checkName, parseSandboxParts } from "./parse.ts";
import { hostGateway } from "./traffic.ts";

const OP = "sandbox.create";

/**
 * The sandbox that a request asks for, with nothing made yet. `first`: the network it joins first; `container`: whose it is, if
 * any.
 */
export function describeSandbox(
  core: Core,
  request: SandboxRequest,
  first: Network | undefined,
  container: SandboxId | undefined,
): Sandbox {
  const id = container ?? newId<SandboxId>();
  const name = request.name ?? newName((n) => core.state.holderOf(n) !== undefined);
  checkName(name, "name", OP);
  refuseTakenName(core, { name, id, op: OP });
  const parts = parseSandboxParts(request, () => hostGateway(core));
  const onHost = first?.driver === "host";
  if (onHost && parts.netns.kind !== "own") {
    throw new NetError("invalid", OP, {
      message: "netns: a sandbox on the host network has no namespace of its own to adopt",
      field: "netns",
      remedy: "leave it out, or choose another network",
    });
  }
  const sandbox: Sandbox = {
    ...parts,
    id,
    name,
    hostname: request.hostname === undefined ? shortId(id) : checkHostname(request.hostname, "hostname"),
    created: new Date(core.clock.now()).toISOString(),
    netns: onHost ? { kind: "host" } : parts.netns,
    netnsPath: core.host.netnsPath(onHost ? HOST_NETNS : id),
    bindings: [],
    state: "created",
    autoRemove: request.autoRemove ?? false,
  };
  checkSysctls(sandbox);
  return sandbox;
}

/** Sandboxes and containers share their names. */
export function refuseTakenName(
  core: Core,
  { name, id, op }: { readonly name: string; readonly id: SandboxId; readonly op: string },
): void {
  const other = core.state.holderOf(name);
  if (other === undefined || other.id === id) return;
  const remedy = "choose another name, or remove that sandbox";
  throw new NetError("conflict", op, {
    message: `name: "${name}" is already in use by sandbox ${shortId(other.id)}: ${remedy}`,
    subject: name,
    field: "name",
    value: name,
    remedy,
  });
}
