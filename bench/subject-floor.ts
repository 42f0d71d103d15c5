// The floor: the kernel objects the engine makes, by bare messages. Bytes are encoded before the clock starts; nothing is
// checked but the kernel's answer, nothing is stored, planned, undone or told to anybody. README.md lists what counts.
import { closeSync, mkdirSync, openSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cidr } from "../src/base/cidr.ts";
import type { Ip } from "../src/base/ip.ts";
import { errnoError } from "../src/kernel/errno.ts";
import {
  AF,
  bindSocket,
  CLONE,
  close,
  listen,
  mount,
  MNT_DETACH,
  MS,
  receive,
  send,
  setns,
  setSocketOption,
  SO,
  SOCK,
  socket,
  SOL,
  unmount,
  unshare,
} from "../src/kernel/libc.ts";
import { sockaddr } from "../src/kernel/sockaddr.ts";
import { ONE_BY_ONE } from "../src/kernel/socket-batch.ts";
import { SocketFilters } from "../src/kernel/socket-filter.ts";
import { NETLINK } from "../src/wire/netlink/numbers.ts";
import {
  type AttachMessages,
  attachMessages,
  HOST_TABLE,
  LOOPBACK_UP,
  networkMessages,
  RESOLVER_PORT,
  RESOLVER_TABLE,
} from "./lib/floor-messages.ts";
import {
  MEMBERS,
  ROW,
  serve,
  type Memory,
  type Population,
  type Sample,
  type Subject,
} from "./lib/subject.ts";
import { LinkWatch, memoryOf, refuseMachine, Stopwatch } from "./lib/timing.ts";

const [machine, runDir = ""] = process.argv.slice(2);
refuseMachine(machine);

const RESOLVER = sockaddr("127.0.0.11" as Ip, RESOLVER_PORT);
/** Of a row's sandboxes, past all others: addresses and host ports follow from it. */
const ROW_NUMBERS = 5000;
const ANY = "0.0.0.0" as Ip;
/** Room for the kernel's answer to a batch. */
const answer = new Uint8Array(0x1_0000);
const answerView = new DataView(answer.buffer);

/** One send, one answer. The first answer is the first failure, or the acknowledgement of all. */
function tell(fd: number, bytes: Uint8Array): void {
  send(fd, bytes);
  receive(fd, answer, 0);
  const errno = answerView.getInt32(16, true);
  if (errno !== 0) throw errnoError("floor", `message type ${answerView.getUint16(24, true)}`, -errno);
}

const home = openSync("/proc/thread-self/ns/net", "r");
const host = socket(AF.NETLINK, SOCK.RAW, NETLINK.ROUTE);
const hostTables = socket(AF.NETLINK, SOCK.RAW, NETLINK.NETFILTER);

/** A sandbox and, when attached, its endpoint. */
interface Sandbox {
  readonly path: string;
  readonly netns: number;
  route: number;
  udp: number;
  tcp: number;
  port: number;
}

function createSandbox(path: string): Sandbox {
  unshare(CLONE.NEWNET);
  closeSync(openSync(path, "w", 0o444));
  mount("/proc/thread-self/ns/net", path, null, MS.BIND);
  const netns = openSync(path, "r");
  const route = socket(AF.NETLINK, SOCK.RAW, NETLINK.ROUTE);
  tell(route, LOOPBACK_UP);
  setns(home, CLONE.NEWNET);
  return { path, netns, route, udp: -1, tcp: -1, port: -1 };
}

function deleteSandbox(sandbox: Sandbox): void {
  if (sandbox.route >= 0) close(sandbox.route);
  for (const fd of [sandbox.udp, sandbox.tcp, sandbox.port]) if (fd >= 0) close(fd);
  closeSync(sandbox.netns);
  unmount(sandbox.path, MNT_DETACH);
  unlinkSync(sandbox.path);
}

/** The veth pair, addressed and routed. */
function makeLink(sandbox: Sandbox, messages: AttachMessages): void {
  tell(host, messages.pair);
  tell(host, messages.finish);
  // Open since the namespace was made.
  tell(sandbox.route, messages.inside);
  close(sandbox.route);
  sandbox.route = -1;
}

/** The embedded resolver's place: two sockets in the sandbox, and the table that leads port 53 to them. */
function makeResolver(sandbox: Sandbox): void {
  setns(sandbox.netns, CLONE.NEWNET);
  sandbox.udp = socket(AF.INET, SOCK.DGRAM | SOCK.NONBLOCK, 0);
  bindSocket(sandbox.udp, RESOLVER, "udp");
  sandbox.tcp = socket(AF.INET, SOCK.STREAM | SOCK.NONBLOCK, 0);
  bindSocket(sandbox.tcp, RESOLVER, "tcp");
  listen(sandbox.tcp, 128);
  const tables = socket(AF.NETLINK, SOCK.RAW, NETLINK.NETFILTER);
  setns(home, CLONE.NEWNET);
  tell(tables, RESOLVER_TABLE);
  close(tables);
}

const filters = new SocketFilters();

/** The host's port, held as the engine holds it: see holdPorts in kernel/port-reservation.ts. */
function holdPort(sandbox: Sandbox, hostPort: number): void {
  sandbox.port = socket(AF.INET, SOCK.STREAM | SOCK.NONBLOCK, 0);
  filters.attach([sandbox.port], "nothing", ONE_BY_ONE);
  bindSocket(sandbox.port, sockaddr(ANY, hostPort), "port");
  listen(sandbox.port, 511);
}

class Floor implements Subject {
  readonly #links = new LinkWatch();
  #watch = new Stopwatch({ rests: true });
  readonly #filled = { here: 0, elsewhere: 0 };
  /** Indexes given to bridges so far. */
  #lastIndex = 10_000;
  /** The network that timed sandboxes join. */
  readonly #bridge: number;
  /** The network that others fill. */
  #other = 0;

  constructor() {
    tell(host, LOOPBACK_UP);
    setSocketOption(hostTables, SOL.SOCKET, SO.SNDBUFFORCE, 0x2_0000);
    tell(hostTables, HOST_TABLE);
    writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
    mkdirSync(runDir, { recursive: true });
    this.#bridge = this.#makeNetwork("10.77.0.1/16" as Cidr);
  }

  fill({ here, elsewhere }: Population): Promise<void> {
    const filled = this.#filled;
    for (; filled.here < here; filled.here++) this.#settle(this.#bridge);
    for (; filled.elsewhere < elsewhere; filled.elsewhere++) {
      const network = Math.floor(filled.elsewhere / MEMBERS);
      if (filled.elsewhere % MEMBERS === 0) this.#other = this.#makeNetwork(`10.78.${network}.1/24` as Cidr);
      this.#settle(this.#other);
    }
    return Promise.resolve();
  }

  /** One sandbox that stays. */
  #settle(bridge: number): void {
    const number = this.#filled.here + this.#filled.elsewhere + 3;
    const sandbox = createSandbox(join(runDir, `filled-${number}`));
    const messages = this.#messages(sandbox, bridge, number, `ndvfill${number}`);
    makeLink(sandbox, messages);
    makeResolver(sandbox);
    holdPort(sandbox, 20_000 + number);
    tell(hostTables, messages.publish);
  }

  async warm(rounds: number): Promise<void> {
    const real = this.#watch;
    this.#watch = new Stopwatch({ rests: false });
    for (let i = 0; i < rounds; i++) await this.#lives();
    this.#watch = real;
  }

  async round(): Promise<Sample[]> {
    await this.#lives();
    return this.#watch.take();
  }

  async #lives(): Promise<void> {
    await this.#life(true);
    await this.#life(false);
    await this.#row();
    await this.#network();
  }

  async #life(detaches: boolean): Promise<void> {
    const path = join(runDir, "sandbox");
    const link = "ndvfloor";
    const sandbox = await this.#watch.time("sandbox create", () => createSandbox(path));
    const messages = this.#messages(sandbox, this.#bridge, 2, link);
    await this.#watch.time("attach", () => {
      const start = performance.now();
      makeLink(sandbox, messages);
      const linked = performance.now();
      makeResolver(sandbox);
      const resolved = performance.now();
      holdPort(sandbox, 20_002);
      const held = performance.now();
      tell(hostTables, messages.publish);
      const published = performance.now();
      this.#watch.add("attach", "link", linked - start);
      this.#watch.add("attach", "resolver", resolved - linked);
      this.#watch.add("attach", "port", held - resolved);
      this.#watch.add("attach", "publish", published - held);
    });
    if (detaches) {
      await this.#watch.time("detach", () => {
        tell(hostTables, messages.unpublish);
        tell(host, messages.deletePair);
        close(sandbox.port);
        sandbox.port = -1;
      });
      await this.#watch.time("delete", () => deleteSandbox(sandbox));
    } else {
      await this.#watch.time("delete, attached", () => {
        tell(hostTables, messages.unpublish);
        deleteSandbox(sandbox);
      });
      await this.#links.gone(link);
    }
  }

  async #row(): Promise<void> {
    const sandboxes = Array.from({ length: ROW }, (_, i) => {
      const sandbox = createSandbox(join(runDir, `row-${i}`));
      const [number, link] = [ROW_NUMBERS + i, `ndvrow${i}`];
      return { sandbox, number, link, messages: this.#messages(sandbox, this.#bridge, number, link) };
    });
    await this.#watch.rest();
    for (const { sandbox, number, messages } of sandboxes) {
      await this.#watch.timeInRow("attach, in a row", () => {
        makeLink(sandbox, messages);
        makeResolver(sandbox);
        holdPort(sandbox, 20_000 + number);
        tell(hostTables, messages.publish);
      });
    }
    await this.#watch.rest();
    for (const { sandbox, messages } of sandboxes) {
      tell(hostTables, messages.unpublish);
      deleteSandbox(sandbox);
    }
    await this.#links.gone(...sandboxes.map(({ link }) => link));
  }

  async #network(): Promise<void> {
    const index = ++this.#lastIndex;
    const name = `nd-floor${index}`;
    const messages = networkMessages({ name, index, address: "10.99.0.1/24" as Cidr });
    const localnet = `/proc/sys/net/ipv4/conf/${name}/route_localnet`;
    await this.#watch.time("network create", () => {
      tell(host, messages.bridge);
      writeFileSync(localnet, "1");
      tell(hostTables, messages.elements);
    });
    await this.#watch.time("network delete", () => {
      tell(hostTables, messages.removeElements);
      tell(host, messages.deleteBridge);
    });
  }

  #makeNetwork(address: Cidr): number {
    const index = ++this.#lastIndex;
    const messages = networkMessages({ name: `nd-floor${index}`, index, address });
    tell(host, messages.bridge);
    tell(hostTables, messages.elements);
    return index;
  }

  #messages(sandbox: Sandbox, bridgeIndex: number, number: number, hostLink: string): AttachMessages {
    const { netns } = sandbox;
    return attachMessages({ number, hostLink, hostPort: 20_000 + number, netnsFd: netns, bridgeIndex });
  }

  memory(): Promise<Memory> {
    return Promise.resolve(memoryOf(process.pid));
  }

  garbage(): ReturnType<Subject["garbage"]> {
    return Promise.resolve(this.#watch.garbage());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

serve(new Floor());
