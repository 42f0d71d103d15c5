import { NetError } from "../../base/errors.ts";
import type { PortBinding, SandboxView } from "../client.ts";
import { badFlag } from "../flags.ts";
import type { Call } from "../spec.ts";
import { formatTable } from "../text/table.ts";
import { printJson, printLine } from "../view/output.ts";
import { hostAddressText, portRow, targetText } from "../view/sandbox.ts";

export async function runPortLs({ context, client, flags, args }: Call): Promise<number> {
  const [ref, port] = args as [string, string | undefined];
  const sandbox = await client.sandbox(ref);
  const bindings = port === undefined ? sandbox.bindings : only(sandbox, port);
  if (flags.has("json")) printJson(context, bindings.map(portRow));
  // Docker's `port CONTAINER PORT`: where to connect to, and nothing else.
  else if (port !== undefined) for (const text of bindings.map(hostAddressText)) printLine(context, text);
  else context.stdout.write(formatTable(HEADINGS, bindings.map(row)));
  return 0;
}

export async function runPortAdd(call: Call): Promise<number> {
  const [ref, ...ports] = call.args as [string, ...string[]];
  return show(call, await call.client.publish(ref, ports));
}

export async function runPortRm(call: Call): Promise<number> {
  const [ref, ...ports] = call.args as [string, ...string[]];
  return show(call, await call.client.unpublish(ref, ports));
}

export async function runPortAllow(call: Call): Promise<number> {
  const [ref, ...ports] = call.args as [string, ...string[]];
  return show(call, await call.client.allow(ref, ports));
}

const HEADINGS = ["PORT", "HOST", "FROM"];

function row(binding: PortBinding): string[] {
  return [targetText(binding), hostAddressText(binding), binding.from?.join(", ") ?? "all"];
}

/** For programs, what is published now. */
function show({ context, flags }: Call, sandbox: SandboxView): number {
  if (flags.has("json")) printJson(context, sandbox.bindings.map(portRow));
  return 0;
}

/** Bindings that lead to one port of the sandbox; `80`, `80/udp`. */
function only(sandbox: SandboxView, text: string): PortBinding[] {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (match === null) throw badFlag("PORT", text, "write a port of the sandbox, like 80 or 53/udp");
  const [wanted, protocol] = [Number(match[1]), match[2] ?? "tcp"];
  const found = sandbox.bindings.flatMap((binding): PortBinding[] => {
    const at = wanted - binding.containerPort;
    if (binding.protocol !== protocol || at < 0 || at >= binding.count) return [];
    return [{ ...binding, containerPort: wanted, hostPort: binding.hostPort + at, count: 1 }];
  });
  if (found.length > 0) return found;
  throw new NetError("not_found", "port.ls", {
    message: `sandbox ${sandbox.name} does not publish its port ${wanted}/${protocol}`,
    subject: sandbox.name,
    field: "PORT",
    value: text,
  });
}
