import { type Field, refusal, unknownKey } from "./field.ts";
import { NOTED_SERVICE_KEYS, type Notices, REFUSED_SERVICE_KEYS, SILENT_SERVICE_KEYS } from "./keys.ts";
import { readPort } from "./ports.ts";
import type { Service } from "./project.ts";
import { readExtraHosts, readSysctls } from "./read-hosts.ts";
import { address } from "./read-network.ts";
import { readEnvFiles, readHealthcheck } from "./read-process.ts";
import {
  type LinkAlias,
  MAX_REPLICAS,
  readDependsOn,
  readDeploy,
  readLinks,
  type Scale,
  type Want,
} from "./read-relations.ts";
import { readMac, readNetworkMode, readServiceNetworks } from "./read-service-network.ts";

const PAIRS = 'write a map like NAME: value, or a list like ["NAME=value"]';
const LABELS = 'write a map like team: web, or a list like ["team=web"]';

/** A service while its keys are read: as in the project, with what later passes need beside it. */
export interface ServiceDraft {
  readonly service: { -readonly [K in keyof Service]: Service[K] };
  readonly profiles: readonly string[];
  readonly wants: readonly Want[];
  readonly linkAliases: readonly LinkAlias[];
}

interface Context {
  readonly notices: Notices;
  readonly draft: ServiceDraft["service"];
  entrypoint: readonly string[];
  command: readonly string[];
  mac: string | undefined;
  scale: Scale | undefined;
  readonly profiles: string[];
  readonly wants: Want[];
  readonly linkAliases: LinkAlias[];
}

/** One handler a key. A key of the Compose Specification is here or in one of the tables of keys.ts. */
const HANDLERS: Readonly<Record<string, (field: Field, context: Context) => void>> = {
  command: (field, context) => {
    context.command = field.words();
  },
  entrypoint: (field, context) => {
    context.entrypoint = field.words();
  },
  environment: (field, { draft }) => {
    draft.environment = field.isNull ? new Map() : field.pairs(PAIRS);
  },
  env_file: (field, { draft }) => {
    draft.envFiles = readEnvFiles(field);
  },
  working_dir: (field, { draft }) => {
    draft.workingDir = field.name("write a folder");
  },
  hostname: (field, { draft }) => {
    draft.hostname = field.name("write a host name");
  },
  domainname: (field, { draft }) => {
    draft.domainname = field.name("write a domain name");
  },
  container_name: (field, { draft }) => {
    draft.containerName = field.name("write a name");
  },
  networks: (field, { draft, notices }) => {
    draft.networks = readServiceNetworks(field, notices);
  },
  network_mode: (field, { draft }) => {
    draft.networkMode = readNetworkMode(field);
  },
  ports: (field, { draft }) => {
    draft.ports = field.items('write a list of ports, like ["8080:80"]').map(readPort);
  },
  mac_address: (field, context) => {
    context.mac = readMac(field);
  },
  dns: (field, { draft }) => {
    const right = "write the address of a DNS server, or a list of them";
    const list = field.tree.kind === "list" ? field.items(right) : [field];
    draft.dns = list.map((item) => address(item, right));
  },
  dns_search: (field, { draft }) => {
    draft.dnsSearch = field.texts("write a domain or a list of domains");
  },
  dns_opt: (field, { draft }) => {
    draft.dnsOptions = field.texts('write a list of options, like ["ndots:2"]');
  },
  extra_hosts: (field, { draft }) => {
    draft.extraHosts = readExtraHosts(field);
  },
  sysctls: (field, { draft, notices }) => {
    draft.sysctls = readSysctls(field, notices);
  },
  depends_on: (field, { wants }) => {
    wants.push(...readDependsOn(field));
  },
  links: (field, { wants, linkAliases }) => {
    const links = readLinks(field);
    wants.push(...links.wants);
    linkAliases.push(...links.aliases);
  },
  scale: (field, context) => {
    setScale(context, { value: field.integer(0, MAX_REPLICAS), at: field });
  },
  deploy: (field, context) => {
    setScale(context, readDeploy(field, context.notices));
  },
  labels: (field, { draft }) => {
    draft.labels = field.filledPairs(LABELS);
  },
  profiles: (field, context) => {
    context.profiles.push(
      ...field.items("write a list of profiles").map((item) => item.name("write a profile's name")),
    );
  },
  restart: (field, { notices }) => {
    const policy = field.text("write no, always, on-failure or unless-stopped");
    if (!/^(no|false|always|unless-stopped|on-failure(:\d+)?)$/.test(policy)) {
      throw field.fail("write no, always, on-failure or unless-stopped");
    }
    if (policy !== "no" && policy !== "false") {
      notices.note(field, "a service that ends is started again by the next `netdock up`");
    }
  },
  stop_signal: (field, { draft }) => {
    draft.stopSignal = field.name("write a signal like SIGTERM");
  },
  stop_grace_period: (field, { draft }) => {
    draft.stopGraceMs = field.milliseconds();
  },
  healthcheck: (field, { draft }) => {
    const check = readHealthcheck(field);
    if (check !== undefined) draft.healthcheck = check;
  },
};

const KNOWN_KEYS = [
  ...Object.keys(HANDLERS),
  ...Object.keys(REFUSED_SERVICE_KEYS),
  ...Object.keys(NOTED_SERVICE_KEYS),
  ...SILENT_SERVICE_KEYS,
];

/** One element of `services:`. */
export function readService(field: Field, name: string, notices: Notices): ServiceDraft {
  const draft: ServiceDraft["service"] = {
    name,
    command: [],
    environment: new Map(),
    envFiles: [],
    networks: [],
    ports: [],
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    extraHosts: [],
    sysctls: {},
    dependsOn: [],
    replicas: 1,
    labels: {},
    place: field.place(),
  };
  const context: Context = {
    notices,
    draft,
    entrypoint: [],
    command: [],
    mac: undefined,
    scale: undefined,
    profiles: [],
    wants: [],
    linkAliases: [],
  };
  let hasNetworks = false;
  for (const [key, value] of field.entries('write a map of keys, like command: ["node", "web.mjs"]')) {
    const refused = Object.hasOwn(REFUSED_SERVICE_KEYS, key) ? REFUSED_SERVICE_KEYS[key] : undefined;
    const noted = Object.hasOwn(NOTED_SERVICE_KEYS, key) ? NOTED_SERVICE_KEYS[key] : undefined;
    const handler = Object.hasOwn(HANDLERS, key) ? HANDLERS[key] : undefined;
    if (handler !== undefined) handler(value, context);
    else if (refused !== undefined) notices.refuse(value, refused);
    else if (noted !== undefined) notices.note(value, noted);
    else if (!SILENT_SERVICE_KEYS.includes(key) && !key.startsWith("x-"))
      throw unknownKey(value, key, KNOWN_KEYS);
    if (key === "networks") hasNetworks = true;
  }
  draft.command = [...context.entrypoint, ...context.command];
  if (draft.networkMode !== undefined && hasNetworks) {
    throw refusal(field, undefined, "network_mode and networks exclude each other: keep one");
  }
  if ((draft.networkMode === "host" || draft.networkMode === "none") && draft.ports.length > 0) {
    const why = draft.networkMode === "host" ? "its ports are the host's own" : "it has no network";
    throw refusal(
      field,
      undefined,
      `network_mode ${draft.networkMode} publishes no ports (${why}): remove ports`,
    );
  }
  if (draft.networkMode === undefined && draft.networks.length === 0) {
    draft.networks = [{ key: "default", aliases: [], priority: 0, options: {}, place: field.place() }];
  }
  applyMac(field, context);
  return {
    service: draft,
    profiles: context.profiles,
    wants: context.wants,
    linkAliases: context.linkAliases,
  };
}

/** `scale` and `deploy.replicas` say the same thing; where both are given they must agree. */
function setScale(context: Context, scale: Scale | undefined): void {
  if (scale === undefined) return;
  if (context.scale !== undefined && context.scale.value !== scale.value) {
    throw scale.at.fail(
      `scale and deploy.replicas differ (the other says ${context.scale.value}): keep one of them`,
    );
  }
  context.scale = scale;
  context.draft.replicas = scale.value;
}

/** `mac_address` of the service is that of its first network, unless the network has its own. */
function applyMac(field: Field, { draft, mac }: Context): void {
  if (mac === undefined) return;
  const [first, ...rest] = draft.networks;
  if (first === undefined)
    throw refusal(field, undefined, "mac_address needs a network of the service's own");
  draft.networks = [{ mac, ...first }, ...rest];
}
