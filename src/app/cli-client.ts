import { connect } from "../api/client.ts";
import type { NetdockClient } from "../cli/client.ts";

/** The API's client in the shape that the commands want. */
export function cliClient(host: string): NetdockClient {
  const api = connect({ host });
  const withSignal = (signal: AbortSignal | undefined): { signal?: AbortSignal } =>
    signal === undefined ? {} : { signal };
  return {
    version: () => api.version(),
    info: () => api.info(),
    shutdown: () => api.shutdown(),
    reconcile: (request) => api.reconcile(request),
    async *events({ since, signal }) {
      yield* await api.events({ since }, withSignal(signal));
    },
    networks: () => api.networks(),
    network: (ref) => api.network(ref),
    createNetwork: (request) => api.createNetwork(request),
    removeNetwork: (ref) => api.removeNetwork(ref),
    pruneNetworks: () => api.pruneNetworks(),
    connect: (ref, request) => api.connect(ref, request),
    disconnect: (ref, request) => api.disconnect(ref, request.sandbox),
    sandboxes: () => api.sandboxes(),
    sandbox: (ref) => api.sandbox(ref),
    createSandbox: (request) => api.createSandbox(request),
    removeSandbox: (ref, request) => api.removeSandbox(ref, request),
    startProcess: (ref, process) => api.startProcess(ref, process),
    adoptProcess: (ref, request) => api.adoptProcess(ref, request),
    reportExit: (ref, exitCode) => api.reportExit(ref, exitCode),
    stopProcess: (ref, request) => api.stopProcess(ref, request),
    sandboxFiles: (ref) => api.sandboxFiles(ref),
    async *logs(ref, { signal, ...request }) {
      yield* await api.logs(ref, request, withSignal(signal));
    },
  };
}
