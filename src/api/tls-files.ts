import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { errorText, NetError } from "../base/errors.ts";

/** Where the three parts of mutual TLS are kept, PEM files, under Docker's names of its flags. */
export interface TlsFiles {
  /** Certificates of the authority that the other side's certificate must be of. */
  readonly tlscacert: string;
  readonly tlscert: string;
  readonly tlskey: string;
}

/** The same, read; options of node's TLS. */
export interface TlsIdentity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Throws `invalid`, naming the flag whose file cannot be read, or certificate and key when they do not belong together. */
export function readTlsFiles(files: TlsFiles): TlsIdentity {
  const identity = {
    ca: read("--tlscacert", files.tlscacert),
    cert: read("--tlscert", files.tlscert),
    key: read("--tlskey", files.tlskey),
  };
  check("--tlscacert", files.tlscacert, { ca: identity.ca });
  check("--tlscert", files.tlscert, { cert: identity.cert });
  check("--tlskey", files.tlskey, { cert: identity.cert, key: identity.key });
  return identity;
}

function read(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw refusal(flag, file, `it cannot be read (${errorText(error)})`, error);
  }
}

function check(flag: string, file: string, part: Partial<TlsIdentity>): void {
  try {
    // An authority that cannot be read as PEM is silently ignored, which would trust nobody.
    if (part.ca !== undefined && !part.ca.includes("-----BEGIN CERTIFICATE-----"))
      throw new Error("no PEM certificate in it");
    createSecureContext(part);
  } catch (error) {
    throw refusal(flag, file, `TLS cannot use it (${errorText(error)})`, error);
  }
}

function refusal(flag: string, file: string, why: string, cause: unknown): NetError {
  const message = `${flag}: ${file}: ${why}`;
  return new NetError("invalid", "tls.read", { message, field: flag, value: file, cause });
}
