import { NetError } from "../../base/errors.ts";

/** Versions of Docker's Engine API that are served: 1.44 came with Docker 25, 1.50 with 28.1. */
export const MIN_API_VERSION = "1.44";
export const API_VERSION = "1.50";

/** By their numbers: `1.9` is older than `1.44` (moby, api/types/versions). */
export function compareVersions(a: string, b: string): number {
  const [as, bs] = [a, b].map((text) => text.split(".").map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    const difference = (as[i] ?? 0) - (bs[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Throws `invalid` in Docker's words (moby, daemon/server/middleware/version.go). */
export function checkApiVersion(version: string): void {
  const refuse = (message: string): never => {
    throw new NetError("invalid", "docker.version", { message, field: "version", value: version });
  };
  if (compareVersions(version, API_VERSION) > 0) {
    refuse(`client version ${version} is too new. Maximum supported API version is ${API_VERSION}`);
  }
  if (compareVersions(version, MIN_API_VERSION) < 0) {
    refuse(
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, ` +
        "please upgrade your client to a newer version",
    );
  }
}
