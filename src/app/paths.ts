/** Where the daemon keeps things unless told otherwise; FHS 3.0. */
export const DEFAULT_SOCKET = "/run/netdock/netdock.sock";
export const DEFAULT_STATE_DIR = "/var/lib/netdock";
export const DEFAULT_RUN_DIR = "/run/netdock";
