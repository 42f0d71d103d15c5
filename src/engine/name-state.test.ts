import fc from "fast-check";
import { expect, test } from "vitest";
import { parseCidr } from "../base/cidr.ts";
import { parseIp } from "../base/ip.ts";
import type { EndpointId, NetworkId, SandboxId } from "../model/ids.ts";
import { anEndpoint, aNetwork, aSandbox } from "../testkit/nouns.ts";
import { applyNameChange, type NameChange, NameState } from "./name-state.ts";
import { createNameSource } from "./names.ts";
import { State } from "./state.ts";

const conf = { nameservers: [parseIp("192.0.2.53")], search: [], options: [] };
const NAMES = ["a", "b", "c"] as const;
const networkId = (name: string): NetworkId => `${name}-network` as NetworkId;
const sandboxId = (name: string): SandboxId => `${name}-sandbox-0000` as SandboxId;
const endpointId = (sandbox: string, network: string): EndpointId => `${sandbox}-${network}` as EndpointId;

/** Does one thing to a state, as the engine would: members come after, and go before, what they are members of. */
const step = fc.record({
  what: fc.constantFrom("network", "sandbox", "state", "join", "leave", "drop"),
  network: fc.constantFrom(...NAMES),
  sandbox: fc.constantFrom(...NAMES),
  n: fc.integer({ min: 1, max: 4 }),
  flag: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function walk(state: State, { what, network, sandbox, n, flag }: Step): void {
  const known = state.sandboxes.get(sandboxId(sandbox));
  if (what === "network")
    state.putNetwork(aNetwork({ id: networkId(network), name: network, internal: flag }));
  else if (what === "sandbox" && known === undefined)
    state.putSandbox(aSandbox({ id: sandboxId(sandbox), name: sandbox, hostname: `${sandbox}-host` }));
  else if (what === "state" && known !== undefined)
    state.putSandbox({ ...known, state: flag ? "exited" : "running" });
  else if (what === "join" && known !== undefined && state.networks.has(networkId(network)))
    state.putEndpoint(
      anEndpoint({
        id: endpointId(sandbox, network),
        networkId: networkId(network),
        sandboxId: sandboxId(sandbox),
        aliases: flag ? [sandbox, "shared"] : [sandbox],
        ipv4: parseCidr(`10.0.0.${n}/24`),
        gwPriority: n,
      }),
    );
  else if (what === "leave") state.deleteEndpoint(endpointId(sandbox, network));
  else if (what === "drop") {
    for (const one of NAMES) state.deleteEndpoint(endpointId(sandbox, one));
    state.deleteSandbox(sandboxId(sandbox));
  }
}

test("a state that follows another gives the same names for the same questions", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const state = new State();
      const follower = new NameState();
      state.follow((change) => applyNameChange(follower, structuredClone(change)));
      for (const one of steps) walk(state, one);
      const [here, there] = [state, follower].map((one) => createNameSource(one, () => conf));
      for (const who of NAMES.map(sandboxId)) {
        for (const name of [...NAMES, "shared", "a-host", "b.a", "shared.c", "a-sandbox-00"])
          expect(there?.lookup(who, name)).toEqual(here?.lookup(who, name));
        for (const n of [1, 2, 3, 4]) {
          const ip = parseIp(`10.0.0.${n}`);
          expect(there?.reverse(who, ip)).toBe(here?.reverse(who, ip));
        }
        expect(there?.upstreams(who)).toEqual(here?.upstreams(who));
      }
    }),
  );
});

test("only what names depend on is told", () => {
  const told: NameChange[] = [];
  const state = new State();
  state.follow((change) => told.push(change));
  const sandbox = aSandbox({ id: sandboxId("a"), name: "a" });
  state.putSandbox(sandbox);
  state.putSandbox({ ...sandbox, labels: { tier: "front" }, resolverPort: 4053 });
  state.putSandbox({ ...sandbox, state: "exited" });
  state.deleteSandbox(sandbox.id);
  state.deleteSandbox(sandbox.id);
  const { id, hostname, dns } = sandbox;
  expect(told).toEqual([
    { put: "sandbox", value: { id, hostname, dns, state: sandbox.state } },
    { put: "sandbox", value: { id, hostname, dns, state: "exited" } },
    { delete: "sandbox", id },
  ]);
});
