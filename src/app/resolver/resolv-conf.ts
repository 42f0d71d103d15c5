import { readFileSync } from "node:fs";
import { parseResolvConf, type ResolvConf } from "../../plan/files/resolv-conf.ts";

export function readResolvConf(path: string): ResolvConf {
  try {
    return parseResolvConf(readFileSync(path, "utf8"));
  } catch {
    // No file: no servers, no domains.
    return parseResolvConf("");
  }
}
