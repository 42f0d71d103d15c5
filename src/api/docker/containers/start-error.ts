import { isNetError, NetError } from "../../../base/errors.ts";

/** Why a container could not be started, in Docker's words where it has some: its clients choose their exit code by them. */
export function startError(
  error: unknown,
  { name, id }: { readonly name: string; readonly id: string },
): unknown {
  if (!isNetError(error)) return error;
  const words = commandWords(error);
  if (words !== undefined) return reworded(error, `failed to create task for container: ${words}`);
  const why = networkWords(error, { name, id });
  if (why === undefined) return error;
  // Docker's ports are its driver's to fail at, with 500; an address that is taken is 403.
  const code =
    error.code !== "conflict" ? error.code : error.op.startsWith("port.") ? "internal" : "forbidden";
  return new NetError(code, "container.start", {
    message: `failed to set up container networking: ${why}`,
    cause: error,
  });
}

/** As Go's os/exec has it: docker's command exits with 127 or 126 by these words. */
export function commandWords({ field, value = "", errno, message }: NetError): string | undefined {
  if (field === "workingDir")
    return `chdir to cwd (${value}) set in config.json failed: no such file or directory`;
  if (field !== "command") return undefined;
  const name = value.startsWith('"') ? (JSON.parse(value) as string) : value;
  const exec = `exec: ${JSON.stringify(name)}`;
  if (errno === "ENOENT") {
    return name.includes("/")
      ? `${exec}: stat ${name}: no such file or directory`
      : `${exec}: executable file not found in $PATH`;
  }
  if (errno === "EACCES") {
    return `${exec}: ${message.endsWith("it is not a file") ? "is a directory: " : ""}permission denied`;
  }
  return errno === "ENOEXEC" ? `exec ${name}: exec format error` : message;
}

function networkWords(
  error: NetError,
  { name, id }: { readonly name: string; readonly id: string },
): string | undefined {
  const { code, op, field = "", value, subject } = error;
  if (code === "not_found" && /(^|\.)network$/.test(field)) return `network ${value ?? subject} not found`;
  if (code === "conflict" && op.startsWith("lease.")) return "Address already in use";
  if (code === "conflict" && op.startsWith("port.")) {
    const why = `Bind for ${value} failed: port is already allocated`;
    return `driver failed programming external connectivity on endpoint ${name} (${id}): ${why}`;
  }
  return undefined;
}

function reworded(error: NetError, message: string): NetError {
  const { code: _code, op: _op, ...facts } = error.toJSON();
  return new NetError(error.code, error.op, { ...facts, message, cause: error });
}
