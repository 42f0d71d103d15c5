import { createHash } from "node:crypto";
import { NetError } from "../../../base/errors.ts";
import { HOST_IMAGE } from "../event-view.ts";
import { goArch } from "../system-routes.ts";

export const HOST_IMAGE_ID: string = `sha256:${createHash("sha256").update("netdock: the host's file system").digest("hex")}`;
export const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function isHostImage(name: string): boolean {
  return [HOST_IMAGE, `${HOST_IMAGE}:latest`, HOST_IMAGE_ID].includes(name);
}

export function requireHostImage(name: string): void {
  if (isHostImage(name)) return;
  throw new NetError("not_found", "container.create", {
    message: `No such image: ${name}: netdock has no images; a container of the image "${HOST_IMAGE}" runs a command of the host`,
    field: "Image",
    value: name,
  });
}

/** moby, api/types/image.InspectResponse. */
export function imageView(): object {
  return {
    Id: HOST_IMAGE_ID,
    RepoTags: [`${HOST_IMAGE}:latest`],
    RepoDigests: [],
    Parent: "",
    Comment: "the file system of this host",
    Created: "1970-01-01T00:00:00Z",
    DockerVersion: "",
    Author: "",
    Config: { Env: [DEFAULT_PATH], Cmd: null, Entrypoint: null, Labels: null, WorkingDir: "/" },
    Architecture: goArch(),
    Os: "linux",
    Size: 0,
    GraphDriver: { Data: null, Name: "host" },
    RootFS: { Type: "layers" },
    Metadata: { LastTagTime: "0001-01-01T00:00:00Z" },
  };
}
