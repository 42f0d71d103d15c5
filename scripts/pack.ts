// Makes the package to publish, netdock-<version>.tgz, out of dist/ (`npm run build` first, which `npm run pack` does).
// It is packed from a folder of its own with a package.json of its own: in the checkout the exports name TypeScript,
// which Node runs as it is; in the package they must name JavaScript, since Node strips no types under node_modules.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";

interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly [field: string]: unknown;
}

const stage = join(root, ".cache", "package");
rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
const { scripts: _scripts, devDependencies: _devDependencies, private: _private, ...kept } = manifest;
const built = (source: string, extension: string): string => {
  const path = source.replace("./src/", "./dist/").replace(/\.ts$/, extension);
  if (!existsSync(join(root, path))) throw new Error(`${path} is exported and was not built`);
  return path;
};
const exports = Object.fromEntries(
  Object.entries(manifest.exports).map(([name, source]) => [
    name,
    { types: built(source, ".d.ts"), default: built(source, ".js") },
  ]),
);
writeFileSync(join(stage, "package.json"), `${JSON.stringify({ ...kept, exports }, null, 2)}\n`);

// npm adds these two of itself, listed or not.
for (const entry of [...manifest.files, "README.md", "LICENSE"]) {
  if (existsSync(join(root, entry))) cpSync(join(root, entry), join(stage, entry), { recursive: true });
}
execFileSync("npm", ["pack", "--pack-destination", root, ...process.argv.slice(2)], {
  cwd: stage,
  stdio: "inherit",
});
