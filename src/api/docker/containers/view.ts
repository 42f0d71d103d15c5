import type { Subject } from "../../../engine/containers/contract.ts";
import type { Engine } from "../../../engine/contract.ts";
import { shortId } from "../../../model/ids.ts";
import type { Asked } from "./create.ts";
import { HOST_IMAGE } from "../event-view.ts";
import { HOST_IMAGE_ID } from "./image.ts";
import { networks, networkSettings, portRows } from "./network-settings.ts";
import { runOf, statusText } from "./status.ts";

/** Go's time of nothing. */
const NEVER = "0001-01-01T00:00:00Z";

/** A row of `GET /containers/json` (moby, api/types/container.Summary). */
export function listView(subject: Subject, now: number): object {
  return {
    Id: subject.id,
    Names: [`/${subject.name}`],
    Image: HOST_IMAGE,
    ImageID: HOST_IMAGE_ID,
    Command: commandOf(subject).join(" "),
    Created: Math.floor(Date.parse(subject.created) / 1000),
    Ports: portRows(subject).map(({ port, protocol, hostIp, hostPort }) => ({
      ...(hostIp === undefined || hostPort === 0 ? {} : { IP: hostIp }),
      PrivatePort: port,
      ...(hostPort === undefined || hostPort === 0 ? {} : { PublicPort: hostPort }),
      Type: protocol,
    })),
    Labels: labelsOf(subject),
    State: subject.state,
    Status: statusText(subject, now),
    HostConfig: { NetworkMode: networkMode(subject) },
    NetworkSettings: { Networks: networks(subject) },
    Mounts: [],
  };
}

export function labelsOf({ container, sandbox }: Subject): Readonly<Record<string, string>> {
  return container?.spec.labels ?? sandbox?.labels ?? {};
}

function commandOf({ container, sandbox }: Subject): readonly string[] {
  return container?.spec.command ?? sandbox?.process?.command ?? [];
}

function askedOf({ container }: Subject): Asked | undefined {
  return container?.spec.asked as Asked | undefined;
}

function networkMode(subject: Subject): string {
  const { sandbox } = subject;
  return (
    askedOf(subject)?.networkMode ??
    (sandbox?.netns.kind === "host" ? "host" : (sandbox?.endpoints[0]?.networkName ?? "none"))
  );
}

/** `GET /containers/{id}/json` (moby, api/types/container.InspectResponse), its keys in Go's order. */
export function inspectView(engine: Engine, subject: Subject): object {
  const run = runOf(subject);
  const running = subject.state === "running";
  const command = commandOf(subject);
  const files = subject.sandbox === undefined ? undefined : engine.sandboxFiles(subject.id);
  return {
    Id: subject.id,
    Created: subject.created,
    Path: command[0] ?? "",
    Args: command.slice(1),
    State: {
      Status: subject.state,
      Running: running,
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      Pid: run.pid,
      ExitCode: run.exitCode,
      Error: run.error,
      StartedAt: run.startedAt ?? NEVER,
      FinishedAt: run.finishedAt ?? NEVER,
    },
    Image: HOST_IMAGE_ID,
    ResolvConfPath: files?.resolvConf ?? "",
    HostnamePath: files?.hostname ?? "",
    HostsPath: files?.hosts ?? "",
    LogPath: subject.container === undefined ? engine.logPath(subject.id) : "",
    Name: `/${subject.name}`,
    RestartCount: 0,
    Driver: "host",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: subject.execs.length === 0 ? null : subject.execs,
    HostConfig: hostConfigView(subject),
    GraphDriver: { Data: null, Name: "host" },
    Mounts: [],
    Config: configView(subject),
    NetworkSettings: networkSettings(subject),
  };
}

function hostConfigView(subject: Subject): object {
  const spec = subject.container?.spec;
  const asked = askedOf(subject);
  const dns = spec?.dns ?? subject.sandbox?.dns;
  return {
    Binds: null,
    ContainerIDFile: "",
    LogConfig: { Type: "json-file", Config: {} },
    NetworkMode: networkMode(subject),
    PortBindings: asked?.portBindings ?? portBindingsOf(subject),
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    AutoRemove: spec?.autoRemove ?? subject.sandbox?.autoRemove ?? false,
    VolumeDriver: "",
    VolumesFrom: null,
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: "host",
    Dns: dns?.servers ?? [],
    DnsOptions: dns?.options ?? [],
    DnsSearch: dns?.search ?? [],
    ExtraHosts: extraHostsOf(subject),
    GroupAdd: null,
    IpcMode: "host",
    Links: asked === undefined || asked.links.length === 0 ? null : asked.links,
    OomScoreAdj: 0,
    PidMode: "",
    Privileged: false,
    PublishAllPorts: spec?.publishAll ?? false,
    ReadonlyRootfs: false,
    SecurityOpt: null,
    UTSMode: "",
    UsernsMode: "",
    ShmSize: 0,
    Sysctls: spec?.sysctls ?? subject.sandbox?.sysctls ?? {},
    Runtime: "netdock",
    Isolation: "",
  };
}

function extraHostsOf({ container, sandbox }: Subject): readonly string[] | null {
  const hosts =
    container?.spec.extraHosts ?? sandbox?.extraHosts.map(({ name, ip }) => `${name}:${ip}`) ?? [];
  return hosts.length === 0 ? null : hosts;
}

function portBindingsOf(subject: Subject): object {
  const map: Record<string, object[]> = {};
  for (const { port, protocol, hostIp, hostPort } of portRows(subject)) {
    if (hostIp === undefined) continue;
    (map[`${port}/${protocol}`] ??= []).push({
      HostIp: hostIp,
      HostPort: hostPort === 0 ? "" : String(hostPort),
    });
  }
  return map;
}

function configView(subject: Subject): object {
  const { container, sandbox } = subject;
  const spec = container?.spec;
  const asked = askedOf(subject);
  const ports = portRows(subject).map(({ port, protocol }) => `${port}/${protocol}`);
  return {
    Hostname: spec?.hostname ?? sandbox?.hostname ?? shortId(subject.id),
    Domainname: spec?.domainname ?? sandbox?.domainname ?? "",
    User: asked?.user ?? "",
    AttachStdin: asked?.attach.stdin ?? false,
    AttachStdout: asked?.attach.stdout ?? false,
    AttachStderr: asked?.attach.stderr ?? false,
    ...(ports.length === 0 ? {} : { ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) }),
    Tty: spec?.tty ?? false,
    OpenStdin: spec?.stdin ?? false,
    StdinOnce: spec?.stdinOnce ?? false,
    Env: spec?.env ?? sandbox?.process?.env ?? [],
    Cmd: asked === undefined ? commandOf(subject) : asked.cmd,
    Image: HOST_IMAGE,
    Volumes: null,
    WorkingDir: spec?.workingDir ?? sandbox?.process?.workingDir ?? "",
    Entrypoint: asked?.entrypoint ?? null,
    OnBuild: null,
    Labels: labelsOf(subject),
    ...(asked === undefined || asked.stopSignal === "" ? {} : { StopSignal: asked.stopSignal }),
    ...(spec?.stopTimeoutSeconds === undefined ? {} : { StopTimeout: spec.stopTimeoutSeconds }),
  };
}
