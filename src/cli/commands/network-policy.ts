import type { NetworkView } from "../client.ts";
import { badFlag } from "../flags.ts";
import type { Call } from "../spec.ts";
import { printJson, printLine } from "../view/output.ts";

/** Shows the policy; with rules or a default it replaces it, with `--clear` it takes it away. */
export async function runNetworkPolicy(call: Call): Promise<number> {
  const { client, flags, args } = call;
  const [network, ...rules] = args as [string, ...string[]];
  const sandbox = flags.text("sandbox");
  const of = sandbox === undefined ? {} : { sandbox };
  const fallback = flags.text("default");
  if (fallback !== undefined && fallback !== "allow" && fallback !== "deny") {
    throw badFlag("--default", fallback, "write allow or deny");
  }
  if (flags.has("clear")) {
    if (rules.length > 0 || fallback !== undefined) {
      throw badFlag("--clear", rules[0] ?? fallback ?? "", "give rules or --clear, not both");
    }
    await client.clearPolicy(network, of);
    return 0;
  }
  if (rules.length > 0 || fallback !== undefined) {
    await client.setPolicy(network, { ...of, default: fallback ?? "allow", rules });
    return 0;
  }
  return show(call, await client.network(network), sandbox);
}

function show({ context, flags }: Call, network: NetworkView, sandbox: string | undefined): number {
  const shown = network.policies.filter((one) => sandbox === undefined || one.sandbox === sandbox);
  if (flags.has("json")) printJson(context, shown);
  else {
    for (const { sandbox: whose, default: fallback, rules } of shown) {
      printLine(context, whose === undefined ? `network ${network.name}` : `sandbox ${whose}`);
      for (const rule of rules) printLine(context, `  ${rule}`);
      printLine(context, `  ${fallback}=any`);
    }
  }
  return 0;
}
