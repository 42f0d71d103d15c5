import { badFlag } from "../flags.ts";
import type { DaemonOptions } from "../context.ts";
import type { Call } from "../spec.ts";
import { tlsFlags } from "../tls-flags.ts";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

export function runDaemon(call: Call): Promise<number> {
  const { context, flags, host } = call;
  const level = flags.text("logLevel");
  if (level !== undefined && !LEVELS.includes(level))
    throw badFlag("--log-level", level, `write one of ${LEVELS.join(", ")}`);
  if (host !== undefined && /^tcp:/i.test(host))
    throw badFlag("--host", host, "a daemon answers there with --listen");
  // A client's address names the same socket: `netdock -H /tmp/n.sock daemon` does what it says.
  const socket = flags.text("socket") ?? host?.replace(/^unix:\/\//, "");
  const stateDir = flags.text("stateDir");
  const runDir = flags.text("runDir");
  const listen = listenOptions(call);
  return context.runDaemon({
    ...(listen === undefined ? {} : { listen }),
    ...(socket === undefined ? {} : { socket }),
    ...(stateDir === undefined ? {} : { stateDir }),
    ...(runDir === undefined ? {} : { runDir }),
    ...(level === undefined ? {} : { logLevel: level }),
    autoStarted: flags.has("autoStarted"),
  });
}

/** Nobody may reach the daemon over TCP without a certificate: who can talk to it can change the host's network. */
function listenOptions({ context, flags }: Call): DaemonOptions["listen"] {
  const address = flags.text("listen");
  const tls = tlsFlags(flags, context);
  if (address === undefined) {
    if (tls === undefined) return undefined;
    throw badFlag("--tlscacert", tls.tlscacert, "it goes with --listen tcp://HOST:PORT");
  }
  if (tls !== undefined) return { address, tls };
  throw badFlag(
    "--listen",
    address,
    "it needs --tlscacert, --tlscert and --tlskey: TCP is served with mutual TLS only",
  );
}
