import { invalid, NetError } from "../base/errors.ts";
import { parseIp, type Ip } from "../base/ip.ts";
import type { NetworkRequest } from "../model/network.ts";
import type { ProcessSpec } from "../model/process.ts";
import type { NetnsSource, Sandbox, SandboxRequest } from "../model/sandbox.ts";
import { EMBEDDED_RESOLVER } from "../plan/files/resolv-conf.ts";
import { exposedMappings } from "./expose.ts";
import { parsePublish } from "./publish.ts";

/** Docker's grammar for names of networks and containers (daemon/names). */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;
const NAME_RIGHT = "write 1 to 128 letters, digits, '_', '.' or '-', a letter or digit first";

export function checkName(name: string, field: string, op: string): string {
  if (!NAME.test(name)) throw invalid(field, name, NAME_RIGHT, op);
  return name;
}

/** Docker lets networks have any name that is not blank; spaces, slashes and control characters would only mislead. */
const NETWORK_NAME = /^[^\s/\p{Cc}]{1,128}$/u;

export function checkNetworkName({ name }: NetworkRequest): void {
  if (NETWORK_NAME.test(name)) return;
  const right = "write 1 to 128 characters without spaces, slashes and control characters";
  throw invalid("name", name, right, "network.create");
}

/** RFC 1123 host name, 64 bytes at most (HOST_NAME_MAX). */
export function checkHostname(name: string, field: string): string {
  const label = /^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;
  if (name.length > 64 || !name.split(".").every((part) => label.test(part))) {
    throw invalid(
      field,
      name,
      "write labels of letters, digits and '-', 64 characters at most",
      "sandbox.create",
    );
  }
  return name;
}

/** A DNS alias of an endpoint: what a resolver can be asked. */
export function checkAlias(name: string, field: string): string {
  if (!/^[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,251}[a-zA-Z0-9_])?$/.test(name)) {
    throw invalid(field, name, "write letters, digits, '_', '-' and dots", "endpoint.attach");
  }
  return name;
}

export function parseProcess(process: ProcessSpec, field: string): ProcessSpec {
  const op = "sandbox.process";
  if (process.command.length === 0 || process.command[0] === "") {
    throw invalid(
      `${field}.command`,
      process.command,
      "write the program and its arguments, at least one",
      op,
    );
  }
  const bad = process.command.find((arg) => arg.includes("\0"));
  if (bad !== undefined) throw invalid(`${field}.command`, bad, "an argument cannot hold a NUL byte", op);
  process.env.forEach((entry, i) => {
    if (!/^[^=\0]+=[^\0]*$/.test(entry)) throw invalid(`${field}.env[${i}]`, entry, "write NAME=value", op);
  });
  if (process.workingDir !== undefined && !process.workingDir.startsWith("/")) {
    throw invalid(`${field}.workingDir`, process.workingDir, "write an absolute path", op);
  }
  return process;
}

/** The parts of a sandbox that come straight from the request; throws `invalid` for the first one that is wrong. */
export function parseSandboxParts(
  request: SandboxRequest,
  hostGateway: () => Ip | undefined,
): Pick<Sandbox, "labels" | "ports" | "dns" | "extraHosts" | "sysctls" | "netns"> & { domainname: string } {
  const op = "sandbox.create";
  const domainname = request.domainname ?? "";
  if (domainname !== "") checkHostname(domainname, "domainname");
  const wishes = (request.publish ?? []).map((text, i) => parsePublish(text, `publish[${i}]`));
  return {
    domainname,
    labels: { ...request.labels },
    netns: parseNetns(request),
    ports: [...wishes, ...exposedMappings(request, wishes)],
    dns: {
      servers: (request.dns?.servers ?? []).map((text, i) => parseNameServer(text, `dns.servers[${i}]`, op)),
      search: (request.dns?.search ?? []).map((text, i) => {
        if (text !== "." && !/^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_.])?$/.test(text)) {
          throw invalid(`dns.search[${i}]`, text, "write a domain name, or '.' for none", op);
        }
        return text;
      }),
      options: (request.dns?.options ?? []).map((text, i) => {
        if (!/^[a-z0-9-]+(:\d+)?$/.test(text)) {
          throw invalid(`dns.options[${i}]`, text, "write an option of resolv.conf(5) such as ndots:1", op);
        }
        return text;
      }),
    },
    extraHosts: (request.extraHosts ?? []).map((text, i) =>
      parseExtraHost(text, `extraHosts[${i}]`, hostGateway),
    ),
    sysctls: parseSysctls(request.sysctls ?? {}),
  };
}

/** Asked from inside the sandbox, where the embedded resolver would be asking itself. */
function parseNameServer(text: string, field: string, op: string): Ip {
  const ip = parseIp(text, field, op);
  if (ip !== EMBEDDED_RESOLVER) return ip;
  throw invalid(field, text, "that is the embedded resolver itself; write the server that it is to ask", op);
}

function parseNetns(request: SandboxRequest): NetnsSource {
  if (request.netns === undefined) return { kind: "own" };
  if ("pid" in request.netns) {
    const { pid } = request.netns;
    if (!Number.isInteger(pid) || pid < 1)
      throw invalid("netns.pid", pid, "write the id of a process", "sandbox.create");
    return { kind: "pid", pid };
  }
  const { path } = request.netns;
  if (!path.startsWith("/")) {
    throw invalid("netns.path", path, "write an absolute path such as /run/netns/NAME", "sandbox.create");
  }
  return { kind: "path", path };
}

function parseExtraHost(
  text: string,
  field: string,
  hostGateway: () => Ip | undefined,
): { name: string; ip: Ip } {
  // Docker takes "name:ip" and "name=ip"; an IPv6 address may stand in brackets.
  const match = /^([^:=\s#;]+)[:=](.+)$/.exec(text);
  if (match === null) throw invalid(field, text, "write NAME:IP, or NAME:host-gateway", "sandbox.create");
  const [, name, target] = match as unknown as [string, string, string];
  if (target === "host-gateway") {
    const ip = hostGateway();
    if (ip === undefined) {
      throw invalid(
        field,
        text,
        "the host has no address on the bridge network; write an IP",
        "sandbox.create",
      );
    }
    return { name, ip };
  }
  return { name, ip: parseIp(target.replace(/^\[(.*)\]$/, "$1"), field, "sandbox.create") };
}

function parseSysctls(sysctls: Readonly<Record<string, string>>): Record<string, string> {
  for (const [key, value] of Object.entries(sysctls)) {
    const field = `sysctls.${key}`;
    if (!/^net\.[a-zA-Z0-9_./-]+$/.test(key) || key.includes("..")) {
      throw invalid(field, key, "only sysctls of the network namespace (net.…) can be set", "sandbox.create");
    }
    if (value.includes("\n")) throw invalid(field, value, "write one line", "sandbox.create");
  }
  return { ...sysctls };
}

/** Docker's rule: `host` and `none` stand alone. */
export function checkExclusive(names: readonly string[], drivers: readonly string[]): void {
  const at = drivers.findIndex((driver) => driver === "host" || driver === "none");
  if (at < 0 || drivers.length === 1) return;
  throw new NetError("invalid", "sandbox.create", {
    message: `networks[${at}]: "${names[at]}" cannot be combined with other networks: a sandbox on it has no others`,
    field: `networks[${at}]`,
    value: names[at] ?? "",
    remedy: "leave out the others",
  });
}
