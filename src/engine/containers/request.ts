import { NetError } from "../../base/errors.ts";
import type { Container } from "../../model/container.ts";
import { shortId } from "../../model/ids.ts";
import type { SandboxRequest } from "../../model/sandbox.ts";
import type { Core } from "../core.ts";
import { parseProcess, parseSandboxParts } from "../parse.ts";
import { hostGateway } from "../traffic.ts";

/** The sandbox in which a container runs. */
export function sandboxRequest(core: Core, { id, name, spec }: Container): SandboxRequest {
  const { network } = spec;
  const common = {
    name,
    hostname: spec.hostname,
    domainname: spec.domainname,
    labels: spec.labels,
    dns: spec.dns,
    extraHosts: spec.extraHosts,
    sysctls: spec.sysctls,
    process: {
      command: spec.command,
      env: environment(spec.env, spec.hostname ?? shortId(id)),
      workingDir: spec.workingDir ?? "/",
    },
    // When its command has ended the stack is taken down; the container stays.
    autoRemove: true,
  };
  if (network.kind === "container") {
    return { ...common, networks: [], netns: { path: sharedSandbox(core, network.id).netnsPath } };
  }
  return {
    ...common,
    networks: network.networks.length > 0 ? network.networks : [{ network: "none" }],
    publish: spec.publish,
    expose: spec.expose,
    publishAll: spec.publishAll,
  };
}

/** As in Docker, `HOSTNAME` says who one is, unless the user says something else. */
function environment(env: readonly string[], hostname: string): readonly string[] {
  return env.some((line) => line.startsWith("HOSTNAME=")) ? env : [...env, `HOSTNAME=${hostname}`];
}

/** The sandbox whose stack another container shares. */
export function sharedSandbox(core: Core, id: string): { readonly id: string; readonly netnsPath: string } {
  const sandbox = [...core.state.sandboxes.values()].find((one) => one.id === id);
  if (sandbox !== undefined && sandbox.state !== "exited") return sandbox;
  const other = [...core.state.containers.values()].find((one) => one.id === id);
  if (sandbox === undefined && other === undefined) {
    throw new NetError("not_found", "container.start", {
      message: `No such container: ${id}`,
      subject: id,
      field: "network",
    });
  }
  throw new NetError("conflict", "container.start", {
    message: `cannot join network namespace of a non running container: container ${other?.name ?? id} is not running`,
    subject: id,
    field: "network",
  });
}

/** Everything of a request that can be wrong without a look at what there is now. */
export function checkSpec(core: Core, { spec }: Container): void {
  parseProcess({ command: spec.command, env: spec.env, workingDir: spec.workingDir ?? "/" }, "process");
  parseSandboxParts(
    {
      hostname: spec.hostname,
      domainname: spec.domainname,
      dns: spec.dns,
      extraHosts: spec.extraHosts,
      sysctls: spec.sysctls,
      publish: spec.publish,
      expose: spec.expose,
      publishAll: spec.publishAll,
    },
    () => hostGateway(core),
  );
}
