/**
 * The rules tested themselves: each must fire on what it forbids and keep quiet on what it allows, or the layers are
 * only a wish. The linter and the compiler run with the project's own configuration over files written for the
 * purpose, laid out as src/ is.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../scripts/install.mjs";
import { guardedPackages, rooms } from "../../scripts/rooms.ts";

const bin = (name: string): string => join(root, "node_modules", ".bin", name);
const names = Object.keys(rooms);
const pureRooms = names.filter((name) => rooms[name]?.pure);

let box: string;

beforeAll(() => {
  // Outside the checkout, whose .gitignore would hide it from the linter.
  box = mkdtempSync(join(tmpdir(), "netdock-house-"));
  symlinkSync(join(root, "node_modules"), join(box, "node_modules"));
  const shared = [
    "package.json",
    "oxlint.config.ts",
    "tsconfig.json",
    "tsconfig.base.json",
    "tsconfig.test.json",
    "scripts/rooms.ts",
    "src/pure.d.ts",
  ];
  for (const file of shared) cpSync(join(root, file), join(box, file));
  for (const name of names) {
    cpSync(join(root, "src", name, "tsconfig.json"), join(box, "src", name, "tsconfig.json"));
  }
});

afterAll(() => rmSync(box, { recursive: true }));

function write(file: string, source: string): void {
  const path = join(box, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, source);
}

/** One import, and whether the room whose file it stands in may write it. */
interface Line {
  readonly text: string;
  readonly allowed: boolean;
}

/** The files that try every import from one room: one import a line, so that a report names the import by its line. */
function importFiles(name: string): Record<string, readonly Line[]> {
  const room = rooms[name]!;
  const others = names.filter((other) => other !== name);
  const mayImport = (other: string): boolean => room.imports.includes(other);
  const mayName = (other: string): boolean => mayImport(other) || (room.types?.includes(other) ?? false);
  const line = (from: string, allowed: boolean): Line => ({ text: `import "${from}";`, allowed });
  return {
    "value.ts": others.map((other) => line(`../${other}/x.ts`, mayImport(other))),
    "deep/value.ts": others.map((other) => line(`../../${other}/deep/x.ts`, mayImport(other))),
    "lazy.ts": others.map((other) => ({
      text: `await import("../${other}/x.ts");`,
      allowed: mayImport(other),
    })),
    "types.ts": others.map((other) => ({
      text: `export type { X as X_${other} } from "../${other}/x.ts";`,
      allowed: mayName(other),
    })),
    "value.test.ts": others.map((other) => line(`../${other}/x.ts`, mayImport(other) || other === "testkit")),
    "packages.ts": guardedPackages.map((guarded) =>
      line(guarded.startsWith("@") ? `${guarded}/part` : guarded, room.packages?.includes(guarded) ?? false),
    ),
    "deep/own.ts": [
      line("./x.ts", true),
      line("../x.ts", true),
      line("node:fs", !room.pure),
      line("pino", !room.pure),
      line("../../../src/base/x.ts", false),
      line("../../../scripts/rooms.ts", false),
    ],
    "packages.test.ts": [line("vitest", true), line("fast-check", true), line("node:fs", true)],
  };
}

/** What the linter is for beside the layers: one file a rule, and one that breaks none. */
const ruleCases: readonly {
  readonly rule: string | undefined;
  readonly file: string;
  readonly source: string;
}[] = [
  {
    rule: "typescript(no-floating-promises)",
    file: "src/engine/floating.ts",
    source: "async function f(): Promise<void> {}\nexport function g(): void {\n  f();\n}\n",
  },
  {
    // Tests stand outside their room's project, and must not be outside the type-aware rules for it.
    rule: "typescript(no-floating-promises)",
    file: "src/base/floating.test.ts",
    source: 'import { it } from "vitest";\nit("does", () => {\n  Promise.resolve(1);\n});\n',
  },
  {
    rule: "typescript(no-misused-promises)",
    file: "src/engine/misused.ts",
    source: "export const f = (go: () => Promise<boolean>): number => (go() ? 1 : 2);\n",
  },
  {
    rule: "typescript(no-explicit-any)",
    file: "src/engine/any.ts",
    source: "export const x: any = 1;\n",
  },
  {
    rule: "import(no-default-export)",
    file: "src/engine/default.ts",
    source: "const x = 1;\nexport default x;\n",
  },
  {
    rule: "typescript(no-namespace)",
    file: "src/engine/namespace.ts",
    source: "export namespace N {\n  export const x = 1;\n}\n",
  },
  {
    rule: "typescript(switch-exhaustiveness-check)",
    file: "src/engine/switch.ts",
    source: 'export function f(x: "a" | "b"): void {\n  switch (x) {\n    case "a":\n  }\n}\n',
  },
  {
    rule: "eslint(no-console)",
    file: "src/engine/console.ts",
    source: 'console.log("x");\nexport const x = 1;\n',
  },
  {
    rule: "vitest(no-disabled-tests)",
    file: "src/base/skip.test.ts",
    source: 'import { it } from "vitest";\nit.skip("does", () => {});\n',
  },
  {
    rule: undefined,
    file: "src/engine/fine.ts",
    source: "export const f = (go: () => Promise<number>): Promise<number> => go();\n",
  },
];

describe("the linter", () => {
  interface Diagnostic {
    readonly code: string;
    readonly filename: string;
    readonly labels: readonly { readonly span: { readonly line: number } }[];
  }
  let found: readonly Diagnostic[];

  beforeAll(() => {
    for (const name of names) {
      for (const [file, lines] of Object.entries(importFiles(name))) {
        write(`src/${name}/${file}`, lines.map(({ text }) => `${text}\n`).join(""));
      }
    }
    for (const { file, source } of ruleCases) write(file, source);
    const done = spawnSync(bin("oxlint"), ["-c", "oxlint.config.ts", "-f", "json", "src"], {
      cwd: box,
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    found = (JSON.parse(done.stdout) as { diagnostics: Diagnostic[] }).diagnostics;
  });

  it.for(names)("keeps %s/ in its layer", (name) => {
    for (const [file, lines] of Object.entries(importFiles(name))) {
      const reported = new Set(
        found
          .filter(
            ({ code, filename }) =>
              code === "eslint(no-restricted-imports)" && filename === `src/${name}/${file}`,
          )
          .map(({ labels }) => labels[0]?.span.line),
      );
      const actual = lines.map(({ text }, index) => ({ text, allowed: !reported.has(index + 1) }));
      expect(actual, `src/${name}/${file}`).toEqual(lines);
    }
  });

  it.for(ruleCases)("reports in $file: $rule", ({ rule, file }) => {
    const codes = found.filter(({ filename }) => filename === file).map(({ code }) => code);
    expect(codes).toEqual(rule === undefined ? [] : [rule]);
  });
});

describe("the compiler", () => {
  let output: string;

  beforeAll(() => {
    for (const file of readdirSync(join(box, "src"), { recursive: true, encoding: "utf8" })) {
      if (file.endsWith(".ts") && file !== "pure.d.ts") rmSync(join(box, "src", file));
    }
    for (const name of pureRooms) {
      write(`src/${name}/global.ts`, "export const pid: number = process.pid;\n");
      write(`src/${name}/module.ts`, 'import * as fs from "node:fs";\nexport const r: unknown = fs;\n');
      write(`src/${name}/timer.ts`, "setTimeout(() => {}, 1);\nexport const x = 1;\n");
      write(`src/${name}/fine.ts`, 'export const b: Uint8Array = new TextEncoder().encode("a");\n');
    }
    // A room that is not referenced is out of reach, however the import is written.
    write("src/base/up.ts", 'export const x: unknown = await import("../model/fine.ts");\n');
    const paths = pureRooms.map((name) => join("src", name));
    output = spawnSync(bin("tsc"), ["-b", ...paths, "--pretty", "false"], {
      cwd: box,
      encoding: "utf8",
    }).stdout;
  });

  const errorsIn = (file: string): number =>
    output.split("\n").filter((line) => line.startsWith(`${file}(`)).length;

  it.for(pureRooms)("lets %s/ name nothing of the runtime's", (name) => {
    expect(errorsIn(`src/${name}/global.ts`), output).toBe(1);
    expect(errorsIn(`src/${name}/module.ts`), output).toBe(1);
    expect(errorsIn(`src/${name}/timer.ts`), output).toBe(1);
    expect(errorsIn(`src/${name}/fine.ts`), output).toBe(0);
  });

  it("reaches no room that is not referenced", () => {
    expect(output).toMatch(/^src\/base\/up\.ts\S+ error TS6307/m);
  });
});

describe("the rooms", () => {
  it("are the folders of src/, each in the table and in tsconfig.json", () => {
    const folders = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(folders.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
    const projects = readFileSync(join(root, "tsconfig.json"), "utf8").matchAll(/"src\/([^"]+)"/g);
    expect([...projects].map(([, name = ""]) => name).toSorted()).toEqual(names.toSorted());
  });

  it.for(names)("let the compiler see from %s/ what the linter lets it import", (name) => {
    const room = rooms[name]!;
    const config = readFileSync(join(root, "src", name, "tsconfig.json"), "utf8");
    const references = [...config.matchAll(/"path": "\.\.\/([^"]+)"/g)].map(([, path = ""]) => path);
    expect(references.toSorted()).toEqual([...room.imports, ...(room.types ?? [])].toSorted());
  });

  it("have no subfolder named like a room, which import rules could not tell apart", () => {
    const clashes = names.flatMap((name) =>
      readdirSync(join(root, "src", name), { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isDirectory() && names.includes(entry.name))
        .map((entry) => join(entry.parentPath, entry.name)),
    );
    expect(clashes).toEqual([]);
  });
});
