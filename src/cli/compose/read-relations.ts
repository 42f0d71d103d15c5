import { type Field, unknownKey } from "./field.ts";
import type { Notices } from "./keys.ts";
import type { Condition } from "./project.ts";

/** A service this one waits for, not yet checked against the others. */
export interface Want {
  readonly service: string;
  readonly condition: Condition;
  readonly required: boolean;
  readonly at: Field;
}

/** `links: [db:database]` asks that `database` resolves to the service `db`. */
export interface LinkAlias {
  readonly service: string;
  readonly alias: string;
  readonly at: Field;
}

export const MAX_REPLICAS = 10_000;

/** A number of replicas and where it was said. */
export interface Scale {
  readonly value: number;
  readonly at: Field;
}

/** `depends_on:` */
export function readDependsOn(field: Field): Want[] {
  const wants: Want[] = [];
  const right = 'write a list of services like ["db"], or a map like db: {condition: service_started}';
  if (field.tree.kind === "list") {
    for (const item of field.items(right)) {
      wants.push({ service: item.name(right), condition: "service_started", required: true, at: item });
    }
    return wants;
  }
  for (const [service, value] of field.entries(right)) {
    let condition: Condition = "service_started";
    let required = true;
    for (const [key, inner] of value.isNull
      ? []
      : value.entries("write a map like {condition: service_started}")) {
      if (key === "condition") condition = readCondition(inner);
      else if (key === "required") required = inner.flag();
      // A dependency that is made anew gets new addresses, but names resolve afresh each time.
      else if (key === "restart") inner.flag();
      else throw unknownKey(inner, key, ["condition", "required", "restart"]);
    }
    wants.push({ service, condition, required, at: value });
  }
  return wants;
}

function readCondition(field: Field): Condition {
  const right = "write service_started, service_healthy or service_completed_successfully";
  const text = field.text(right);
  if (text === "service_started" || text === "service_healthy" || text === "service_completed_successfully") {
    return text;
  }
  throw field.fail(right);
}

/** `links:`: a dependency each, and often another name for it. */
export function readLinks(field: Field): {
  readonly wants: readonly Want[];
  readonly aliases: readonly LinkAlias[];
} {
  const wants: Want[] = [];
  const aliases: LinkAlias[] = [];
  const right = 'write a list of services like ["db"], or with another name for one: ["db:database"]';
  for (const item of field.items(right)) {
    const match = /^([^:]+)(?::([^:]+))?$/.exec(item.name(right));
    if (match === null) throw item.fail(right);
    const service = match[1] as string;
    wants.push({ service, condition: "service_started", required: true, at: item });
    if (match[2] !== undefined) aliases.push({ service, alias: match[2], at: item });
  }
  return { wants, aliases };
}

/** `deploy:`, of which the number of replicas counts here. */
export function readDeploy(field: Field, notices: Notices): Scale | undefined {
  let scale: Scale | undefined;
  const refused: Readonly<Record<string, string>> = {
    resources: "netdock does not confine commands",
    placement: "there is one machine",
    endpoint_mode: "names resolve to every replica",
    restart_policy: "a service that ends is started again by the next `netdock up`",
    update_config: "changed replicas are replaced side by side",
    rollback_config: "a failed `netdock up` removes what it made",
    labels: "write them under the service's own labels:",
  };
  for (const [key, value] of field.isNull ? [] : field.entries("write a map like {replicas: 3}")) {
    const why = Object.hasOwn(refused, key) ? refused[key] : undefined;
    if (key === "replicas") {
      scale = { value: value.integer(0, MAX_REPLICAS), at: value };
    } else if (key === "mode") {
      if (value.text("write replicated") !== "replicated")
        throw value.fail("write replicated: there is one machine");
    } else if (why !== undefined) notices.refuse(value, why);
    else if (!key.startsWith("x-"))
      throw unknownKey(value, key, ["replicas", "mode", ...Object.keys(refused)]);
  }
  return scale;
}
