import { join, resolve } from "node:path";
import { NetError } from "../base/errors.ts";
import type { CliContext, TlsFiles } from "./context.ts";
import type { Flags } from "./flags.ts";

const PARTS = ["tlscacert", "tlscert", "tlskey"] as const;

/** The three files, by flags alone; undefined when none was given. Throws `invalid` when one is missing. */
export function tlsFlags(flags: Flags, context: CliContext): TlsFiles | undefined {
  const given = PARTS.filter((part) => flags.text(part) !== undefined);
  if (given.length === 0) return undefined;
  const missing = PARTS.filter((part) => !given.includes(part));
  if (missing.length > 0) throw incomplete(missing.map((part) => `--${part}`));
  const file = (part: (typeof PARTS)[number]): string => resolve(context.cwd, flags.text(part) as string);
  return { tlscacert: file("tlscacert"), tlscert: file("tlscert"), tlskey: file("tlskey") };
}

/** For a client: by flags, else from the folder NETDOCK_CERT_PATH, with the names that Docker's clients look for. */
export function tlsFiles(flags: Flags, context: CliContext): TlsFiles | undefined {
  const given = tlsFlags(flags, context);
  const folder = context.env["NETDOCK_CERT_PATH"] ?? "";
  if (given !== undefined || folder === "") return given;
  const file = (name: string): string => join(resolve(context.cwd, folder), name);
  return { tlscacert: file("ca.pem"), tlscert: file("cert.pem"), tlskey: file("key.pem") };
}

function incomplete(missing: readonly string[]): NetError {
  const remedy = `give --tlscacert, --tlscert and --tlskey together`;
  return new NetError("invalid", "cli.parse", {
    message: `${missing.join(", ")}: missing: ${remedy}`,
    field: missing[0] as string,
    remedy,
  });
}
