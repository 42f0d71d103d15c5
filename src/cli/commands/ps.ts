import type { SandboxView } from "../client.ts";
import type { Call } from "../spec.ts";
import { formatTable } from "../text/table.ts";
import { printJson, printLine } from "../view/output.ts";
import {
  bindingTexts,
  commandText,
  cut,
  endpointText,
  sandboxRow,
  shortId,
  stateText,
} from "../view/sandbox.ts";
import { hasLabel, isWhole, parseFilters } from "./network-ls.ts";

const HEADINGS = ["SANDBOX ID", "NAME", "STATE", "PID", "COMMAND", "NETWORKS", "PORTS"];

export async function runPs({ context, client, flags }: Call): Promise<number> {
  const filters = parseFilters(flags.list("filter"), Object.keys(FILTERS));
  // Asking for a state is asking for all sandboxes in it, as in Docker.
  const all = flags.has("all") || filters.has("state");
  const views = await client.sandboxes();
  const shown = views.filter((view) => (all || view.state !== "exited") && matches(view, filters));
  const id = (view: SandboxView): string => (isWhole(flags) ? view.id : shortId(view.id));
  if (flags.has("json")) printJson(context, shown.map(sandboxRow));
  else if (flags.has("quiet")) for (const view of shown) printLine(context, id(view));
  else
    context.stdout.write(
      formatTable(
        HEADINGS,
        shown.map((view) => row(view, id(view), isWhole(flags))),
      ),
    );
  return 0;
}

function row(view: SandboxView, id: string, isLong: boolean): string[] {
  const command = view.process === undefined ? "" : commandText(view.process.command);
  const pid = view.state === "running" ? String(view.status?.pid ?? "") : "";
  const networks = view.endpoints.map((endpoint) => endpointText(endpoint, endpoint.networkName));
  return [
    id,
    view.name,
    stateText(view),
    pid,
    isLong ? command : cut(command, 30),
    networks.join("\n"),
    bindingTexts(view.bindings).join("\n"),
  ];
}

const FILTERS: Readonly<Record<string, (view: SandboxView, value: string) => boolean>> = {
  name: (view, value) => view.name.includes(value),
  id: (view, value) => view.id.startsWith(value),
  label: (view, value) => hasLabel(view.labels, value),
  state: (view, value) => view.state === value,
  network: (view, value) =>
    view.endpoints.some(({ networkName, networkId }) => value === networkName || value === networkId),
};

function matches(view: SandboxView, filters: ReadonlyMap<string, readonly string[]>): boolean {
  return [...filters].every(([key, values]) => {
    const test = (value: string): boolean => FILTERS[key]?.(view, value) === true;
    return key === "label" ? values.every(test) : values.some(test);
  });
}
