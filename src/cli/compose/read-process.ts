import { type Field, unknownKey } from "./field.ts";
import type { EnvFile, Healthcheck } from "./project.ts";

/** `env_file:`: one name, a list of names, or a list of maps. The files are read later. */
export function readEnvFiles(field: Field): EnvFile[] {
  const right = 'write a file\'s name, or a list like ["web.env"]';
  const list = field.tree.kind === "list" ? field.items(right) : [field];
  return list.map((item) => {
    if (item.tree.kind === "scalar") {
      return { path: item.name(right), required: true, raw: false, place: item.place() };
    }
    let path: string | undefined;
    let required = true;
    let raw = false;
    for (const [key, value] of item.entries(right)) {
      if (key === "path") path = value.name(right);
      else if (key === "required") required = value.flag();
      else if (key === "format") {
        if (value.text("write raw") !== "raw") throw value.fail("write raw, or leave format out");
        raw = true;
      } else throw unknownKey(value, key, ["path", "required", "format"]);
    }
    if (path === undefined) throw item.fail("path is missing");
    return { path, required, raw, place: item.place() };
  });
}

/** `healthcheck:`; undefined where it is switched off. */
export function readHealthcheck(field: Field): Healthcheck | undefined {
  let command: readonly string[] | undefined;
  let disabled = false;
  // The defaults are Docker's.
  let intervalMs = 30_000;
  let timeoutMs = 30_000;
  let retries = 3;
  let startPeriodMs = 0;
  const known = ["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"];
  for (const [key, value] of field.entries('write a map like {test: ["CMD", "true"]}')) {
    if (key === "test") command = readTest(value);
    else if (key === "interval") intervalMs = value.milliseconds();
    else if (key === "timeout") timeoutMs = value.milliseconds();
    else if (key === "start_period") startPeriodMs = value.milliseconds();
    else if (key === "start_interval") value.milliseconds();
    else if (key === "retries") retries = value.integer(1, 1000);
    else if (key === "disable") disabled = value.flag();
    else if (!key.startsWith("x-")) throw unknownKey(value, key, known);
  }
  if (disabled || command?.length === 0) return undefined;
  if (command === undefined) throw field.fail('test is missing, like test: ["CMD", "true"]');
  return { command, intervalMs, timeoutMs, retries, startPeriodMs };
}

/** Words to run; none for `["NONE"]`. */
function readTest(field: Field): string[] {
  const right =
    'write ["CMD", "program", "argument"], ["CMD-SHELL", "a shell line"], ["NONE"], or a shell line';
  if (field.tree.kind !== "list") return ["/bin/sh", "-c", field.name(right)];
  const [kind, ...words] = field.items(right).map((item) => item.text(right));
  if (kind === "NONE" && words.length === 0) return [];
  if (kind === "CMD" && words.length > 0) return words;
  if (kind === "CMD-SHELL" && words.length === 1) return ["/bin/sh", "-c", words[0] as string];
  throw field.fail(right);
}
