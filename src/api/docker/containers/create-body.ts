import {
  anything,
  bool,
  type Decoded,
  int,
  int64,
  listOf,
  mapOf,
  pointer,
  string,
  struct,
  type TypedDecoder,
} from "../decode.ts";
import { endpointSettings } from "../endpoint-settings.ts";

/** A list, or one text in its place, as Docker's clients of old sent commands. */
const words: TypedDecoder<string[] | undefined> = Object.assign(
  (value: unknown, place: Parameters<typeof string>[1]) => {
    if (value === undefined || value === null) return undefined;
    return typeof value === "string" ? [value] : listOf(string)(value, place);
  },
  { goType: "[]string" },
);

const portBinding = struct("nat.PortBinding", { HostIp: string, HostPort: string });

export const hostConfig = struct("container.HostConfig", {
  NetworkMode: string,
  PortBindings: mapOf(listOf(portBinding)),
  PublishAllPorts: bool,
  AutoRemove: bool,
  Dns: listOf(string),
  DnsOptions: listOf(string),
  DnsSearch: listOf(string),
  ExtraHosts: listOf(string),
  Links: listOf(string),
  Sysctls: mapOf(string),
  RestartPolicy: struct("container.RestartPolicy", { Name: string, MaximumRetryCount: int }),
  // What follows is looked at only to be refused.
  Binds: listOf(string),
  Mounts: listOf(anything),
  VolumesFrom: listOf(string),
  Tmpfs: mapOf(string),
  Privileged: bool,
  ReadonlyRootfs: bool,
  CapAdd: listOf(string),
  CapDrop: listOf(string),
  SecurityOpt: listOf(string),
  Devices: listOf(anything),
  DeviceRequests: listOf(anything),
  DeviceCgroupRules: listOf(string),
  PidMode: string,
  IpcMode: string,
  UTSMode: string,
  UsernsMode: string,
  GroupAdd: listOf(string),
  Memory: int64,
  MemoryReservation: int64,
  MemorySwap: int64,
  NanoCpus: int64,
  CpuShares: int64,
  CpuQuota: int64,
  CpusetCpus: string,
  CpusetMems: string,
  PidsLimit: int64,
  BlkioWeight: int64,
  ShmSize: int64,
  Ulimits: listOf(anything),
  OomScoreAdj: int,
  Runtime: string,
  CgroupParent: string,
  Init: bool,
  StorageOpt: mapOf(string),
  LogConfig: struct("container.LogConfig", { Type: string, Config: mapOf(string) }),
});

export const createBody = struct("container.CreateRequest", {
  Image: string,
  Cmd: words,
  Entrypoint: words,
  Env: listOf(string),
  WorkingDir: string,
  User: string,
  Hostname: string,
  Domainname: string,
  Labels: mapOf(string),
  Tty: bool,
  OpenStdin: bool,
  StdinOnce: bool,
  AttachStdin: bool,
  AttachStdout: bool,
  AttachStderr: bool,
  ExposedPorts: mapOf(anything),
  Volumes: mapOf(anything),
  StopSignal: string,
  StopTimeout: pointer(int),
  Healthcheck: pointer(struct("container.HealthConfig", { Test: listOf(string) })),
  MacAddress: string,
  HostConfig: hostConfig,
  NetworkingConfig: struct("network.NetworkingConfig", { EndpointsConfig: mapOf(pointer(endpointSettings)) }),
});

export type CreateBody = Decoded<typeof createBody>;
