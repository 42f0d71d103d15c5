// The embedded resolver's thread: it waits for questions in epoll_wait(2) and answers them, whatever else the daemon does.
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { errorText } from "../../base/errors.ts";
import { HostResolvConf } from "../../engine/host-resolv-conf.ts";
import { applyNameChange, NameState } from "../../engine/name-state.ts";
import { createNameSource } from "../../engine/names.ts";
import { Datagrams } from "../../kernel/datagrams.ts";
import { streams } from "../../kernel/streams.ts";
import { ThreadLoop } from "../../kernel/thread-loop.ts";
import type { SandboxId } from "../../model/ids.ts";
import {
  Counters,
  createDnsService,
  createRandomIds,
  DEFAULT_LIMITS,
  RemoteDialer,
} from "../../services/dns/index.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";
import { readResolvConf } from "./resolv-conf.ts";

const { port, wake, signalled, resolvConfPath } = workerData as ThreadData;
const send = (message: FromThread): void => port.postMessage(message);
const warn = (facts: object, message: string): void => send({ warning: { facts, message } });

const clock = { now: () => Date.now() };
const hostConf = new HostResolvConf(() => readResolvConf(resolvConfPath), clock);
const state = new NameState();
const counting = new Map<SandboxId, Counters>();
const loop = new ThreadLoop(wake, readMail);
const dialer = new RemoteDialer((dial) => send({ dial }));
let open = true;

const service = createDnsService({
  names: createNameSource(state, () => hostConf.get()),
  dialerIn: (netns) => dialer.in(netns),
  readiness: loop,
  datagrams: new Datagrams(),
  streams,
  clock,
  timers: loop,
  randomId: createRandomIds(),
  limits: DEFAULT_LIMITS,
  log: { warn },
});

function readMail(): void {
  // Before the mail is read: what comes in meanwhile is either read now or signalled.
  Atomics.store(signalled, 0, 0);
  for (let mail = receiveMessageOnPort(port); mail !== undefined; mail = receiveMessageOnPort(port)) {
    take(mail.message as ToThread);
  }
}

function take(message: ToThread): void {
  if ("names" in message) for (const change of message.names) applyNameChange(state, change);
  else if ("start" in message) start(message);
  else if ("stop" in message) stop(message.stop);
  else if ("upstream" in message) dialer.hear(message.upstream);
  else open = false;
}

function start({ start: sandbox, udpFd, tcpFd, cells }: Extract<ToThread, { start: unknown }>): void {
  const counters = new Counters(cells);
  try {
    service.start(sandbox, { udpFd, tcpFd }, counters);
    counting.set(sandbox, counters);
  } catch (error) {
    warn({ part: "dns", sandbox, error: errorText(error) }, "the resolver of a sandbox could not be started");
  }
}

function stop(sandbox: SandboxId): void {
  service.stop(sandbox);
  // What is still asked outside for it is counted where nobody looks.
  counting.get(sandbox)?.leave();
  counting.delete(sandbox);
  send({ stopped: sandbox });
}

/** Turns until there is mail; then Node's own loop gets a turn too, for what it does on the side. */
function run(): void {
  let turns = 0;
  while (open && turns++ < 1000) loop.turn();
  if (open) {
    setImmediate(run);
    return;
  }
  service.close();
  loop.close();
  port.close();
}

run();
