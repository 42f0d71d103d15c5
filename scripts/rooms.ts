/**
 * The rooms under src/ and what each may import: the layer table of ARCHITECTURE.md as data. The linter's import
 * rules are made from it (oxlint.config.ts) and each room's tsconfig must agree with it (test/house/layers.test.ts).
 *
 * To add a room: make src/<room>/tsconfig.json (copy a neighbour's), list it in tsconfig.json, add a row here.
 */
export interface Room {
  /** Rooms it may import anything from. */
  readonly imports: readonly string[];
  /** Rooms it may import types from, and nothing that exists at run time. */
  readonly types?: readonly string[];
  /** Guarded packages (see `guardedPackages`) this room is the home of. */
  readonly packages?: readonly string[];
  /** A pure room computes: no package, no `node:` module, no global of the runtime. */
  readonly pure?: true;
}

export const rooms: Readonly<Record<string, Room>> = {
  base: { imports: [], pure: true },
  wire: { imports: ["base"], pure: true },
  model: { imports: ["base"], pure: true },
  ipam: { imports: ["base", "model"], pure: true },
  plan: { imports: ["base", "model"], pure: true },
  kernel: { imports: ["base", "wire", "model", "plan"], packages: ["koffi"] },
  store: { imports: ["base", "model"], packages: ["node:sqlite"] },
  services: { imports: ["base", "wire", "model"], packages: ["dbus-native"] },
  drivers: { imports: ["base", "model", "plan"] },
  engine: { imports: ["base", "model", "plan", "ipam"] },
  api: { imports: ["base", "model", "engine"], packages: ["fastify", "@fastify"] },
  adapters: { imports: ["base", "model"], types: ["api"] },
  cli: { imports: ["base"], types: ["api"], packages: ["commander", "yaml", "node:child_process"] },
  web: { imports: ["base"], types: ["api"] },
  app: {
    imports: [
      "base",
      "wire",
      "model",
      "ipam",
      "plan",
      "kernel",
      "store",
      "services",
      "drivers",
      "engine",
      "api",
      "adapters",
      "cli",
      "web",
    ],
    packages: ["fastify", "@fastify", "node:child_process"],
  },
  testkit: {
    imports: [
      "base",
      "wire",
      "model",
      "ipam",
      "plan",
      "kernel",
      "store",
      "services",
      "drivers",
      "engine",
      "api",
      "adapters",
      "cli",
      "web",
    ],
    packages: ["node:child_process", "vitest", "fast-check"],
  },
};

/**
 * Packages with a home: a room not listed as such may not import them. `node:child_process` is here because nothing
 * that makes or changes a network may start a process; `vitest` and `fast-check` because only tests may need them.
 */
export const guardedPackages: readonly string[] = [
  "koffi",
  "dbus-native",
  "node:sqlite",
  "node:child_process",
  "fastify",
  "@fastify",
  "commander",
  "yaml",
  "vitest",
  "fast-check",
];
