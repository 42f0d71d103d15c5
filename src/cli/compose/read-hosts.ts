import { tryParseIp } from "../../base/ip.ts";
import { type Field } from "./field.ts";
import type { Notices } from "./keys.ts";

/** `extra_hosts:` as `name:ip`, the IPv6 brackets gone. */
export function readExtraHosts(field: Field): string[] {
  const right = 'write "name:address" like "db:10.5.0.9", or "name:host-gateway" for the host';
  const out: string[] = [];
  const add = (at: Field, name: string, ip: string): void => {
    const bare = ip.startsWith("[") && ip.endsWith("]") ? ip.slice(1, -1) : ip;
    const parsed = bare === "host-gateway" ? bare : tryParseIp(bare);
    if (name === "" || parsed === undefined) throw at.fail(right);
    out.push(`${name}:${parsed}`);
  };
  if (field.tree.kind === "list") {
    for (const item of field.items(right)) {
      const match = /^([^:=]+)[:=](.+)$/.exec(item.name(right));
      if (match === null) throw item.fail(right);
      add(item, match[1] as string, match[2] as string);
    }
    return out;
  }
  for (const [name, value] of field.entries(right)) {
    const list = value.tree.kind === "list" ? value.items(right) : [value];
    for (const item of list) add(item, name, item.name(right));
  }
  return out;
}

/** `sysctls:`; only those of a network namespace can differ between sandboxes. */
export function readSysctls(field: Field, notices: Notices): Record<string, string> {
  const all = field.filledPairs(
    'write a map like net.ipv4.ip_forward: 1, or a list like ["net.ipv4.ip_forward=1"]',
  );
  const out: Record<string, string> = {};
  for (const [key, value] of Object.entries(all)) {
    if (key.startsWith("net.")) out[key] = value;
    else
      notices.refuse(
        field,
        `${key} is no setting of a network (net.…), and a sandbox has no others of its own`,
      );
  }
  return out;
}
