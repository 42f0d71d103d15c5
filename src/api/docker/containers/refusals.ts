import { NetError } from "../../../base/errors.ts";
import type { CreateBody } from "./create-body.ts";

type Host = CreateBody["HostConfig"];

/** What netdock does not do to the commands that it runs, by the flag of docker's command. */
const REFUSED: readonly {
  readonly flag: string;
  readonly given: (body: CreateBody, host: Host) => boolean;
  readonly why: string;
}[] = [
  {
    flag: "--volume, --mount, --tmpfs",
    given: (body, host) =>
      host.Binds.length + host.Mounts.length + host.VolumesFrom.length > 0 ||
      Object.keys(host.Tmpfs).length + Object.keys(body.Volumes).length > 0,
    why: "has no volumes: a container sees the host's file system as it is",
  },
  {
    flag: "--privileged, --cap-add, --cap-drop, --security-opt",
    given: (_body, host) =>
      host.Privileged || host.CapAdd.length + host.CapDrop.length + host.SecurityOpt.length > 0,
    why: "changes no privileges: a container's command has root's own",
  },
  {
    flag: "--user, --group-add",
    given: ({ User }, host) =>
      !["", "0", "root", "0:0", "root:root"].includes(User) || host.GroupAdd.length > 0,
    why: "runs commands as root only: let the command itself change the user, with setpriv or su",
  },
  {
    flag: "--device, --gpus",
    given: (_body, host) =>
      host.Devices.length + host.DeviceRequests.length + host.DeviceCgroupRules.length > 0,
    why: "gives no devices: a container sees those of the host",
  },
  { flag: "--read-only", given: (_body, host) => host.ReadonlyRootfs, why: "makes no file system read-only" },
  {
    flag: "--pid, --ipc, --uts, --userns",
    given: (_body, host) =>
      host.PidMode !== "" ||
      !["", "private"].includes(host.IpcMode) ||
      host.UTSMode !== "" ||
      host.UsernsMode !== "",
    why: "gives every container pids and a host name of its own, and shares only network stacks",
  },
  {
    flag: "--memory, --cpus, --pids-limit, --ulimit, --shm-size and the like",
    given: (_body, host) =>
      host.Memory > 0 ||
      host.MemoryReservation > 0 ||
      host.MemorySwap > 0 ||
      host.NanoCpus > 0 ||
      host.CpuShares > 0 ||
      host.CpuQuota > 0 ||
      host.CpusetCpus !== "" ||
      host.CpusetMems !== "" ||
      host.PidsLimit > 0 ||
      host.BlkioWeight > 0 ||
      host.ShmSize > 0 ||
      host.OomScoreAdj !== 0 ||
      host.Ulimits.length > 0 ||
      host.CgroupParent !== "",
    why: "limits no resources",
  },
  {
    flag: "--restart",
    given: (_body, { RestartPolicy: { Name } }) => !["", "no"].includes(Name),
    why: "starts no container again by itself: let a service manager do it",
  },
  { flag: "--init", given: (_body, host) => host.Init, why: "has no init: the command itself is pid 1" },
  { flag: "--runtime", given: (_body, host) => host.Runtime !== "", why: "has no other runtimes" },
  {
    flag: "--storage-opt",
    given: (_body, host) => Object.keys(host.StorageOpt).length > 0,
    why: "has no storage of its own",
  },
  {
    flag: "--log-driver, --log-opt",
    given: (_body, { LogConfig: { Type, Config } }) =>
      !["", "json-file"].includes(Type) || Object.keys(Config).length > 0,
    why: "keeps logs in files of its own, and has no drivers for them",
  },
  {
    flag: "--health-cmd",
    given: ({ Healthcheck }) => !["NONE", undefined].includes(Healthcheck?.Test[0]),
    why: "makes no health checks",
  },
];

/** Throws `unsupported` for what netdock does not do, before anything is made. */
export function refuseUnsupported(body: CreateBody): void {
  for (const { flag, given, why } of REFUSED) {
    if (!given(body, body.HostConfig)) continue;
    throw new NetError("unsupported", "container.create", {
      message: `${flag}: netdock ${why}`,
      field: flag,
    });
  }
}
