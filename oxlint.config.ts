// The linter's configuration. In TypeScript and not JSON, so that the layers below are made from one table.
import { guardedPackages, type Room, rooms } from "./scripts/rooms.ts";

interface Pattern {
  readonly regex: string;
  readonly message: string;
  readonly allowTypeImports?: true;
}

const escaped = (text: string): string => text.replaceAll(/[/.]/g, "\\$&");

/** Matches a relative import, from any depth, of one of the rooms named. */
const intoRoom = (names: readonly string[]): string => `^(\\.\\.\\/)+(${names.join("|")})(\\/|$)`;

/** Matches a package or any path within it. */
const ofPackage = (names: readonly string[]): string => `^(${names.map(escaped).join("|")})(\\/|$)`;

function importPatterns(name: string, room: Room, test: boolean): readonly Pattern[] {
  const testOnly = test ? ["testkit"] : [];
  const allowed = new Set([name, ...room.imports, ...testOnly]);
  const typesOnly = room.types ?? [];
  const forbidden = Object.keys(rooms).filter((other) => !allowed.has(other) && !typesOnly.includes(other));
  const may = [...room.imports, ...typesOnly.map((other) => `types of ${other}`), ...testOnly].join(", ");
  const patterns: Pattern[] = [
    { regex: intoRoom(forbidden), message: `${name}/ may import: ${may || "nothing"}.` },
    // One's own room is named by a short relative path, and files outside src/ are not there once published.
    {
      regex: "^(\\.\\.\\/)+(src|test|bench|scripts|dist)(\\/|$)",
      message: "Import within src/, by the room.",
    },
    { regex: "^(node:)?module$", message: "No loading behind the linter's back." },
  ];
  if (typesOnly.length > 0) {
    patterns.push({
      regex: intoRoom(typesOnly),
      message: `${name}/ may import only types from ${typesOnly.join(", ")}.`,
      allowTypeImports: true,
    });
  }
  if (test) return patterns;
  if (room.pure) {
    patterns.push({
      regex: "^[^.]",
      message: `${name}/ is pure: it imports no package and no node: module.`,
    });
  } else {
    const away = guardedPackages.filter((guarded) => !room.packages?.includes(guarded));
    patterns.push({ regex: ofPackage(away), message: `Not in ${name}/: see scripts/rooms.ts for its home.` });
  }
  return patterns;
}

const layer = (files: string[], excludeFiles: string[], patterns: readonly Pattern[]): object => ({
  files,
  excludeFiles,
  rules: { "no-restricted-imports": ["error", { patterns }] },
});

const layers = Object.entries(rooms).flatMap(([name, room]) => [
  layer([`src/${name}/**/*.ts`], ["**/*.test.ts"], importPatterns(name, room, false)),
  layer([`src/${name}/**/*.test.ts`], [], importPatterns(name, room, true)),
]);

export default {
  plugins: ["typescript", "unicorn", "oxc", "import", "promise", "node", "vitest"],
  options: { typeAware: true, reportUnusedDisableDirectives: "error" },
  categories: { correctness: "error" },
  env: { builtin: true, es2026: true },
  ignorePatterns: [
    "dist/**",
    ".cache/**",
    "**/*.generated.ts",
    // Plain JavaScript for whatever Node a machine has, without types to lint by.
    "examples/**/*.mjs",
    "test/e2e/*.mjs",
  ],
  rules: {
    // Promises: the rules this linter is here for.
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/await-thenable": "error",
    "typescript/return-await": ["error", "error-handling-correctness-only"],
    "typescript/only-throw-error": "error",
    "typescript/prefer-promise-reject-errors": "error",
    "typescript/use-unknown-in-catch-callback-variable": "error",

    // Types say what is meant.
    "typescript/no-explicit-any": "error",
    "typescript/no-unsafe-argument": "error",
    "typescript/no-unsafe-assignment": "error",
    "typescript/no-unsafe-call": "error",
    "typescript/no-unsafe-member-access": "error",
    "typescript/no-unsafe-return": "error",
    "typescript/no-unsafe-function-type": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/no-unnecessary-type-assertion": "error",
    "typescript/no-namespace": "error",
    "typescript/switch-exhaustiveness-check": [
      "error",
      { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
    ],
    "typescript/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
    "typescript/ban-ts-comment": "error",
    "typescript/no-deprecated": "error",
    // Ids are branded strings and bigints: a template prints them as meant.
    "typescript/restrict-template-expressions": [
      "error",
      { allowNumber: true, allowBoolean: true, allowNever: true },
    ],
    // Says no to String(x) of an unknown x too; templates are covered by the rule above.
    "typescript/no-base-to-string": "off",
    // A method handed over as a value loses its object; vitest's `expect(x.method)` is excused in tests below.
    "typescript/unbound-method": "error",

    // House rules.
    // Awaits that follow one another cost a round trip each: where they must, the line above says why.
    "no-await-in-loop": "error",
    "import/no-default-export": "error",
    "import/no-cycle": "error",
    "import/no-duplicates": "error",
    "unicorn/prefer-node-protocol": "error",
    eqeqeq: "error",
    "no-var": "error",
    "prefer-const": "error",
    "no-console": "error",
    "no-eval": "error",
    "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "all" }],
    "no-self-compare": "error",
    "no-empty": ["error", { allowEmptyCatch: false }],
    "no-unused-expressions": "error",
    // Copying a map's keys before deleting from it is no useless spread.
    "unicorn/no-useless-spread": "off",
    // Byte codecs mask and shift control characters for a living.
    "no-control-regex": "off",

    "vitest/no-focused-tests": "error",
    "vitest/no-identical-title": "error",
    // The second argument is what a failure says.
    "vitest/valid-expect": ["error", { maxArgs: 2 }],
    // A skip must come from a probe that names what is missing (`ctx.skip(reason)`), never be left in a file.
    "vitest/no-disabled-tests": "error",
    // Compliance suites and property tests assert inside helpers.
    "vitest/expect-expect": "off",
    "vitest/no-conditional-expect": "off",
    "vitest/no-standalone-expect": "off",
  },
  overrides: [
    ...layers,
    {
      // These print: it is what they are for.
      files: ["src/cli/**", "src/app/main.ts", "bench/**", "scripts/**", "src/testkit/**", "examples/**"],
      rules: { "no-console": "off" },
    },
    {
      // Of the runner's own `test`, which keeps the promise it returns.
      files: ["examples/**"],
      rules: { "typescript/no-floating-promises": "off", "no-await-in-loop": "off" },
    },
    {
      // Their readers ask for a default export.
      files: ["*.config.ts", "scripts/count-reporter.ts"],
      rules: { "import/no-default-export": "off" },
    },
    {
      files: ["scripts/**", "bench/**", "src/testkit/**", "**/*.test.ts"],
      rules: { "no-await-in-loop": "off" },
    },
    {
      files: ["**/*.test.ts"],
      rules: {
        "typescript/no-non-null-assertion": "off",
        "typescript/unbound-method": "off",
      },
    },
  ],
};
