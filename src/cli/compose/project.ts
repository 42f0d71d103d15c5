import type { Place } from "./field.ts";

/** A Compose file as netdock understands it: checked, defaults filled in, nothing left to parse. */
export interface Project {
  readonly name: string;
  /** The file's name as messages show it. */
  readonly file: string;
  /** Absolute; relative paths of the file start here. */
  readonly directory: string;
  /** Services in the order of the file, without those of inactive profiles. */
  readonly services: readonly Service[];
  /** Only networks that a service uses, as Compose does. */
  readonly networks: readonly ProjectNetwork[];
}

export interface ProjectNetwork {
  /** Key under `networks:`. */
  readonly key: string;
  /** Name of the network itself: `<project>_<key>` unless the file says otherwise. */
  readonly name: string;
  /** Made by somebody else: it must exist, and is never changed or removed. */
  readonly external: boolean;
  readonly driver?: string;
  readonly internal: boolean;
  readonly enableIPv4?: boolean;
  readonly enableIPv6?: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ipam?: {
    readonly driver?: string;
    readonly options: Readonly<Record<string, string>>;
    readonly config: readonly {
      readonly subnet?: string;
      readonly ipRange?: string;
      readonly gateway?: string;
      readonly auxAddresses?: Readonly<Record<string, string>>;
    }[];
  };
  readonly place: Place;
}

export interface ServiceNetwork {
  /** Key of a `ProjectNetwork`. */
  readonly key: string;
  readonly aliases: readonly string[];
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac?: string;
  readonly gwPriority?: number;
  /** 0. Networks of higher priority are joined first. */
  readonly priority: number;
  readonly interfaceName?: string;
  readonly options: Readonly<Record<string, string>>;
  readonly place: Place;
}

export interface PortRange {
  readonly first: number;
  readonly count: number;
}

export interface ServicePort {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly target: PortRange;
  /** Absent: a free port is taken. A range with a single target: one port of it for each replica, in order. */
  readonly published?: PortRange;
  readonly hostIp?: string;
  /** `http`: what speaks there, for showing a URL. */
  readonly appProtocol?: string;
  readonly place: Place;
}

/** When a service that depends on another may start. */
export type Condition = "service_started" | "service_healthy" | "service_completed_successfully";

export interface Dependency {
  readonly service: string;
  readonly condition: Condition;
}

export interface Healthcheck {
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly startPeriodMs: number;
}

export interface EnvFile {
  /** As written; relative to the project's directory. */
  readonly path: string;
  readonly required: boolean;
  /** `raw`: values are taken as they are, without quotes and variables. */
  readonly raw: boolean;
  readonly place: Place;
}

export interface Service {
  readonly name: string;
  readonly containerName?: string;
  /** Entrypoint and command together; at least one word. */
  readonly command: readonly string[];
  /** null: the value comes from the caller's environment, if it has one. */
  readonly environment: ReadonlyMap<string, string | null>;
  readonly envFiles: readonly EnvFile[];
  /** As written; relative to the project's directory. */
  readonly workingDir?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  /** A network of the project each, in joining order; empty with `networkMode`. */
  readonly networks: readonly ServiceNetwork[];
  readonly networkMode?: "none" | "host" | "bridge";
  readonly ports: readonly ServicePort[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `name:ip` each. */
  readonly extraHosts: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly dependsOn: readonly Dependency[];
  readonly replicas: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly stopGraceMs?: number;
  readonly healthcheck?: Healthcheck;
  readonly place: Place;
}
