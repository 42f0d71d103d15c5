// Around `npm pack` and `npm publish`: in the checkout package.json's exports name TypeScript, which Node runs as it
// is; in the package they must name the JavaScript of dist/, since Node strips no types under node_modules.
// `prepack` builds and runs this with "dist", `postpack` with "src".
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";

type Target = string | { readonly types: string; readonly default: string };

const file = join(root, "package.json");
const to = process.argv[2];
if (to !== "dist" && to !== "src") throw new Error("usage: publish-exports.ts dist|src");

function rewritten(target: Target): Target {
  const path = typeof target === "string" ? target : target.default;
  const stem = path.replace(/^\.\/(src|dist)\//, "").replace(/\.(ts|js)$/, "");
  return to === "src" ? `./src/${stem}.ts` : { types: `./dist/${stem}.d.ts`, default: `./dist/${stem}.js` };
}

const manifest = JSON.parse(readFileSync(file, "utf8")) as { exports: Record<string, Target> };
for (const [name, target] of Object.entries(manifest.exports)) manifest.exports[name] = rewritten(target);
writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
