// Adds to package-lock.json the optional packages that npm left out. npm drops from the lock file an optional package
// (a native binary for some other platform) that the registry in use did not have when the lock was made, and then
// `npm ci` refuses the lock for missing it. Run after adding or updating a dependency; test/house/lock.test.ts says
// when it is needed.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";

interface Locked {
  readonly version?: string;
  readonly dev?: boolean;
  readonly license?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const operatingSystems = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const processors = ["arm", "arm64", "ia32", "ppc64", "riscv64", "s390x", "x64"];

const file = join(root, "package-lock.json");
const lock = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, Locked> };

for (const [path, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (`node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages) continue;
    // The platform is in the name: @scope/binding-linux-arm64-gnu. With it npm never fetches what would not run here.
    const words = name.split(/[/-]/);
    const os = words.filter((word) => operatingSystems.includes(word));
    const cpu = words.filter((word) => processors.includes(word));
    if (os.length !== 1 || cpu.length !== 1)
      throw new Error(`${name} does not tell its platform by its name`);
    const { dev, license, engines } = parent;
    const libc = words.some((word) => word.startsWith("musl")) ? "musl" : "glibc";
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu,
      ...(dev ? { dev } : {}),
      ...(os[0] === "linux" ? { libc: [libc] } : {}),
      ...(license === undefined ? {} : { license }),
      optional: true,
      os,
      ...(engines === undefined ? {} : { engines }),
    } as Locked;
    console.log(`added ${name}@${version}`);
  }
}

lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
