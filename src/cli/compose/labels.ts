/**
 * Labels by which a project's networks and sandboxes are found again. Docker Compose's own keys, so that tools which read
 * them (dashboards, service discovery) understand netdock's projects too.
 */
export const LABEL = {
  project: "com.docker.compose.project",
  service: "com.docker.compose.service",
  number: "com.docker.compose.container-number",
  network: "com.docker.compose.network",
  /** Services this one depends on, apart by commas: `down` ends the dependents first. */
  dependsOn: "com.docker.compose.depends_on",
  configHash: "com.docker.compose.config-hash",
  configFiles: "com.docker.compose.project.config_files",
  workingDir: "com.docker.compose.project.working_dir",
  /** How `down` ends the process; ours, since Docker keeps both in the container itself. */
  stopSignal: "netdock.stop-signal",
  stopGraceMs: "netdock.stop-grace-ms",
  /** `http` or the like for each container port that said so: `80=http,9000=grpc`. */
  appProtocols: "netdock.app-protocols",
} as const;
