import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isNetError } from "../../base/errors.ts";
import { type Desired, desiredState } from "./desired.ts";
import { LABEL } from "./labels.ts";
import { parseCompose } from "./parse.ts";
import { type ExistingNetwork, type ExistingSandbox, planUp, type UpPlan } from "./plan.ts";

interface World {
  readonly networks: readonly ExistingNetwork[];
  readonly sandboxes: readonly ExistingSandbox[];
}

const NOTHING: World = { networks: [], sandboxes: [] };

function desired(text: string, baseEnv: ReadonlyMap<string, string> = new Map([["PATH", "/bin"]])): Desired {
  const input = { file: "c.yaml", directory: "/p", env: {}, profiles: [], scale: new Map<string, number>() };
  const { project, warnings } = parseCompose({ ...input, text, ignoreUnsupported: false });
  const environments = new Map(
    project.services.map(({ name, environment }) => [
      name,
      new Map([...environment].map(([key, value]) => [key, value ?? ""])),
    ]),
  );
  return desiredState({ project, path: "/p/c.yaml", warnings, environments }, baseEnv);
}

/** The world after a plan was carried out, as the daemon would leave it. */
function carriedOut(plan: UpPlan, world: World): World {
  const networks = plan.networks.reduce<readonly ExistingNetwork[]>((before, { kind, network }) => {
    if (kind === "keep") return before;
    const rest = before.filter(({ name }) => name !== network.name);
    return [...rest, { id: `n-${network.name}`, name: network.name, labels: network.request.labels ?? {} }];
  }, world.networks);
  const gone = new Set(plan.surplus.map(({ name }) => name));
  const sandboxes = plan.replicas.reduce<readonly ExistingSandbox[]>(
    (before, { replica }) => {
      const labels = replica.request.labels ?? {};
      const rest = before.filter(({ name }) => name !== replica.name);
      return [...rest, { id: `s-${replica.name}`, name: replica.name, state: "running", labels }];
    },
    world.sandboxes.filter(({ name }) => !gone.has(name)),
  );
  return { networks, sandboxes };
}

function steps(plan: UpPlan): string[] {
  return [
    ...plan.networks.map(({ kind, network }) => `${kind} ${network.name}`),
    ...plan.replicas.map(({ kind, replica }) => `${kind} ${replica.name}`),
    ...plan.surplus.map(({ name }) => `surplus ${name}`),
    ...plan.orphans.map(({ name }) => `orphan ${name}`),
  ];
}

const SHOP = `
services:
  web: {command: run web, scale: 2, networks: [front]}
  api: {command: run api, networks: [front, back]}
networks: {front: , back: }`;

describe("planUp()", () => {
  const up = carriedOut(planUp(desired(SHOP), NOTHING), NOTHING);
  const edit = (...changes: readonly (readonly [string, string])[]): Desired =>
    desired(changes.reduce((text, [from, to]) => text.replace(from, to), SHOP));

  test("makes everything where there is nothing", () => {
    expect(steps(planUp(desired(SHOP), NOTHING))).toEqual([
      "create p_front",
      "create p_back",
      "create p-web-1",
      "create p-web-2",
      "create p-api-1",
    ]);
  });

  test("leaves what is as it should be, also when started from another terminal", () => {
    const all = ["keep p_front", "keep p_back", "keep p-web-1", "keep p-web-2", "keep p-api-1"];
    expect(steps(planUp(desired(SHOP), up))).toEqual(all);
    expect(steps(planUp(desired(SHOP, new Map([["PATH", "/other"]])), up))).toEqual(all);
  });

  test.each<[string, Desired, string[]]>([
    ["a command", edit(["run api", "run other"]), ["recreate p-api-1"]],
    ["an environment", edit(["run api", "run api, environment: {A: b}"]), ["recreate p-api-1"]],
    [
      "the order of keys",
      edit(["command: run api, networks: [front, back]", "networks: [front, back], command: run api"]),
      [],
    ],
    ["the order of starting", edit(["run web", "run web, depends_on: [api]"]), []],
    ["a health check", edit(["run api", "run api, healthcheck: {test: x}"]), []],
    ["a network", edit(["back: }", "back: {internal: true}}"]), ["recreate p_back", "recreate p-api-1"]],
    ["more replicas", edit(["scale: 2", "scale: 4"]), ["create p-web-3", "create p-web-4"]],
    ["fewer replicas", edit(["scale: 2", "scale: 1"]), ["surplus p-web-2"]],
    ["no replicas", edit(["scale: 2", "scale: 0"]), ["surplus p-web-1", "surplus p-web-2"]],
    [
      "a service less",
      edit(["  api: {command: run api, networks: [front, back]}\n", ""]),
      ["orphan p-api-1"],
    ],
    ["a service's name", edit(["  api:", "  app:"]), ["create p-app-1", "orphan p-api-1"]],
    [
      "a container_name",
      edit(["run api", "run api, container_name: the-api"]),
      ["create the-api", "surplus p-api-1"],
    ],
  ])("changes what is needed for %s", (_, wanted, changes) => {
    expect(steps(planUp(wanted, up)).filter((step) => !step.startsWith("keep"))).toEqual(changes);
  });

  test("starts again what ended", () => {
    const sandboxes = up.sandboxes.map((sandbox) => ({ ...sandbox, state: "exited" as const }));
    expect(steps(planUp(desired(SHOP), { ...up, sandboxes })).slice(2)).toEqual([
      "start p-web-1",
      "start p-web-2",
      "start p-api-1",
    ]);
  });

  test("takes no notice of other projects", () => {
    const other = {
      id: "x",
      name: "q-web-1",
      state: "running" as const,
      labels: { [LABEL.project]: "q", [LABEL.service]: "web" },
    };
    expect(planUp(desired(SHOP), { ...up, sandboxes: [...up.sandboxes, other] }).surplus).toEqual([]);
  });

  test("an external network is taken as it is, or missed", () => {
    const text = "services: {a: {command: x, networks: [n]}}\nnetworks: {n: {external: true, name: theirs}}";
    const theirs = { id: "t", name: "theirs", labels: {} };
    expect(steps(planUp(desired(text), { ...NOTHING, networks: [theirs] }))).toEqual([
      "keep theirs",
      "create p-a-1",
    ]);
    expect(refusal(() => planUp(desired(text), NOTHING))).toEqual([
      "not_found",
      "the external network theirs does not exist",
      "make it first: netdock network create theirs",
    ]);
  });

  test("a name that is somebody else's is refused", () => {
    const network = { id: "t", name: "p_front", labels: {} };
    expect(refusal(() => planUp(desired(SHOP), { ...NOTHING, networks: [network] }))).toEqual([
      "conflict",
      "the network p_front exists and does not belong to the project p",
      "remove it (netdock network rm p_front), or declare it with external: true, or take another project name (-p)",
    ]);
    const sandbox = { id: "t", name: "p-web-1", state: "running" as const, labels: {} };
    expect(refusal(() => planUp(desired(SHOP), { ...NOTHING, sandboxes: [sandbox] }))).toEqual([
      "conflict",
      "the sandbox p-web-1 exists and does not belong to the project p",
      "remove it (netdock rm p-web-1), or take another project name (-p)",
    ]);
  });

  test("from any state to any other, one plan is enough and the next changes nothing", () => {
    fc.assert(
      fc.property(
        fc.array(anyFile, { minLength: 1, maxLength: 5 }),
        fc.infiniteStream(fc.boolean()),
        (files, dice) => {
          let world = NOTHING;
          for (const file of files) {
            const wanted = desired(file);
            world = carriedOut(planUp(wanted, world), world);
            const again = planUp(wanted, world);
            expect(again.surplus).toEqual([]);
            expect([...again.networks, ...again.replicas].every(({ kind }) => kind === "keep")).toBe(true);
            // Between two ups, some processes end.
            const sandboxes = world.sandboxes.map((sandbox) =>
              dice.next().value === true ? { ...sandbox, state: "exited" as const } : sandbox,
            );
            world = { ...world, sandboxes };
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** A file of up to three services on up to two networks. */
const anyFile: fc.Arbitrary<string> = fc
  .record({
    services: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom("a", "b", "c"),
        command: fc.constantFrom("one", "two"),
        scale: fc.nat({ max: 3 }),
        networks: fc.uniqueArray(fc.constantFrom("m", "n"), { minLength: 1 }),
      }),
      { selector: ({ name }) => name },
    ),
    isInternal: fc.boolean(),
  })
  .map(({ services, isInternal }) =>
    JSON.stringify({
      services: Object.fromEntries(services.map(({ name, ...service }) => [name, service])),
      networks: { m: { internal: isInternal }, n: {} },
    }),
  );

function refusal(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    if (isNetError(error)) return [error.code, error.message, error.remedy];
    throw error;
  }
  return "nothing was refused";
}
