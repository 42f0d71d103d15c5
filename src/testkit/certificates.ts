import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TlsFiles } from "../api/tls-files.ts";

/** What is missing to make certificates, in words that end a test's title; empty when all is there. */
export const LACKING_OPENSSL: string =
  spawnSync("openssl", ["version"]).status === 0 ? "" : ": there is no openssl command";

/** An authority of its own, in a folder. */
export class Authority {
  readonly #folder: string;
  readonly certificate: string;
  readonly #key: string;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.certificate = join(folder, "ca.pem");
    this.#key = join(folder, "ca-key.pem");
    make(this.certificate, this.#key, ["-subj", "/CN=authority"]);
  }

  /** A certificate for a side of a connection; `names` as openssl writes them: `IP:192.0.2.1`, `DNS:lab`. */
  issue(name: string, names: readonly string[]): TlsFiles {
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    const [tlscert, tlskey] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    make(tlscert, tlskey, [
      ...["-CA", this.certificate, "-CAkey", this.#key, "-subj", `/CN=${name}`],
      ...["-addext", "basicConstraints=critical,CA:false"],
      ...(names.length === 0 ? [] : ["-addext", `subjectAltName=${names.join(",")}`]),
    ]);
    return { tlscacert: this.certificate, tlscert, tlskey };
  }
}

function make(certificate: string, key: string, more: readonly string[]): void {
  const argv = [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"],
    ...["-days", "2", "-out", certificate, "-keyout", key, ...more],
  ];
  const { status, stderr } = spawnSync("openssl", argv, { encoding: "utf8" });
  if (status !== 0) throw new Error(`openssl ${argv.join(" ")}: ${stderr}`);
}
