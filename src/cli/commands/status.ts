import { isNetError, NetError } from "../../base/errors.ts";
import type { DaemonInfo, NetworkView, SandboxView } from "../client.ts";
import { LABEL } from "../compose/labels.ts";
import { EXIT } from "../exit-codes.ts";
import type { Call } from "../spec.ts";
import { didYouMean } from "../text/nearest.ts";
import { formatElapsed } from "../text/duration.ts";
import { printJson, printLine } from "../view/output.ts";
import { inOrder, projectTable, serviceRow } from "../view/report.ts";

export async function runStatus(call: Call): Promise<number> {
  const { context, client, flags, args } = call;
  const info = await client.info().catch((error: unknown) => {
    if (isNetError(error, "unavailable")) return error;
    throw error;
  });
  if (isNetError(info)) {
    if (flags.has("json")) printJson(context, { daemon: null, projects: [] });
    else printLine(context, `daemon: none answers (${info.message})`);
    return EXIT.unavailable;
  }
  const [sandboxes, networks] = await Promise.all([client.sandboxes(), client.networks()]);
  const names = projectNames(sandboxes, networks, args[0]);
  if (flags.has("json")) {
    const projects = names.map((name) => ({
      name,
      networks: networks.filter(of(name)).map((network) => network.name),
      services: inOrder(sandboxes.filter(of(name))).map(serviceRow),
    }));
    printJson(context, { daemon: info, projects });
    return EXIT.ok;
  }
  const age = formatElapsed(context.now() - Date.parse(info.startedAt));
  const memory = Math.round(info.memoryBytes / 1024 / 1024);
  printLine(
    context,
    `daemon ${info.version}, pid ${info.pid}, up for ${age}, ${memory} MiB, at ${info.socket}`,
  );
  printLine(
    context,
    `${count(info.networks, "network")}, ${count(info.sandboxes.total, "sandbox", "sandboxes")} (${info.sandboxes.running} running)`,
  );
  printLine(context, dnsLine(info.dns));
  for (const name of names) {
    printLine(context, `\nproject ${name}`);
    context.stdout.write(projectTable(name, sandboxes.filter(of(name))));
  }
  return EXIT.ok;
}

/** Where the answers of the embedded resolver came from. */
function dnsLine({
  queries,
  local,
  cacheHits,
  forwarded,
  denied,
  refused,
  malformed,
  failed,
}: DaemonInfo["dns"]): string {
  const shares = [
    [local, "own names"],
    [forwarded, "asked outside"],
    [cacheHits, "known from before"],
    [denied, "not for the outside"],
    [refused + malformed, "refused"],
    [failed, "failed"],
  ] as const;
  const parts = shares.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return `dns: ${count(queries, "question")}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}`;
}

function of(project: string): (thing: { readonly labels: Readonly<Record<string, string>> }) => boolean {
  return ({ labels }) => labels[LABEL.project] === project;
}

function projectNames(
  sandboxes: readonly SandboxView[],
  networks: readonly NetworkView[],
  wanted: string | undefined,
): string[] {
  const labels = [...sandboxes, ...networks].map((thing) => thing.labels[LABEL.project]);
  const names = [...new Set(labels.filter((name) => name !== undefined))].toSorted();
  if (wanted === undefined) return names;
  if (names.includes(wanted)) return [wanted];
  throw new NetError("not_found", "status", {
    message: `there is no project ${JSON.stringify(wanted)}${didYouMean(wanted, names)}`,
    subject: wanted,
  });
}

function count(number: number, one: string, many: string = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
