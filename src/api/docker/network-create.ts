import { NetError } from "../../base/errors.ts";
import type { NetworkRequest } from "../../model/network.ts";
import { bool, type Decoded, listOf, mapOf, pointer, string, struct } from "./decode.ts";
import { checkPools, type PoolConfig } from "./ipam-check.ts";
import { compareVersions } from "./versions.ts";

const ipamConfig = struct("network.IPAMConfig", {
  Subnet: string,
  IPRange: string,
  Gateway: string,
  AuxiliaryAddresses: mapOf(string),
});

/** Body of `POST /networks/create` (moby, api/types/network.CreateRequest). */
export const createRequest = struct("network.CreateRequest", {
  Name: string,
  Driver: string,
  Scope: string,
  EnableIPv4: pointer(bool),
  EnableIPv6: pointer(bool),
  IPAM: pointer(
    struct("network.IPAM", { Driver: string, Options: mapOf(string), Config: listOf(ipamConfig) }),
  ),
  Internal: bool,
  Attachable: bool,
  Ingress: bool,
  ConfigOnly: bool,
  ConfigFrom: pointer(struct("network.ConfigReference", { Network: string })),
  Options: mapOf(string),
  Labels: mapOf(string),
});

type CreateRequest = Decoded<typeof createRequest>;

const OP = "network.create";

const PREDEFINED = ["bridge", "host", "none", "default"];

/** What the engine is asked for. Checks come in Docker's order and words (moby, daemon/network.go and libnetwork). */
export function networkRequest(body: CreateRequest, apiVersion: string): NetworkRequest {
  if (PREDEFINED.includes(body.Name)) {
    throw forbidden(`operation is not permitted on predefined ${body.Name} network `, "Name");
  }
  if (body.Driver === "overlay") {
    throw forbidden(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
      "Driver",
    );
  }
  // The field came with API 1.48.
  const enableIPv4 = compareVersions(apiVersion, "1.48") < 0 ? undefined : body.EnableIPv4;
  const enableIPv6 = body.EnableIPv6 ?? isTrue(body.Options["com.docker.network.enable_ipv6"]);
  const pools = body.IPAM?.Config ?? [];
  checkPools(pools, enableIPv6);
  if (body.Name.trim() === "") throw invalid("invalid name: name is empty", "Name");
  const driver = body.Driver === "" ? "bridge" : body.Driver;
  const configFrom = body.ConfigFrom?.Network ?? "";
  checkConfiguration(body, configFrom);
  checkScope(body);
  const ipamDriver = body.IPAM?.Driver ?? "";
  return {
    name: body.Name,
    driver: driver === "null" ? "none" : driver,
    internal: body.Internal,
    ...(body.Attachable ? { attachable: true } : {}),
    // Of a network made from a configuration the engine takes none of its own.
    enableIPv4: configFrom !== "" && enableIPv4 === true ? undefined : enableIPv4,
    enableIPv6: configFrom === "" ? body.EnableIPv6 : undefined,
    ipam: {
      // What the client always sends means: as the network's driver has it.
      driver: ipamDriver === "" || ipamDriver === "default" ? undefined : ipamDriver,
      options: { ...body.IPAM?.Options },
      config: pools.filter((pool) => enableIPv6 || !pool.Subnet.includes(":")).map(poolRequest),
    },
    ...(body.ConfigOnly ? { configOnly: true } : {}),
    ...(configFrom === "" ? {} : { configFrom }),
    options: { ...body.Options },
    labels: { ...body.Labels },
  };
}

function poolRequest(pool: PoolConfig): NonNullable<NonNullable<NetworkRequest["ipam"]>["config"]>[number] {
  return {
    subnet: pool.Subnet,
    ...(pool.IPRange === "" ? {} : { ipRange: pool.IPRange }),
    ...(pool.Gateway === "" ? {} : { gateway: pool.Gateway }),
    ...(Object.keys(pool.AuxiliaryAddresses).length === 0
      ? {}
      : { auxAddresses: { ...pool.AuxiliaryAddresses } }),
  };
}

/** libnetwork, Network.validateConfiguration. */
function checkConfiguration(body: CreateRequest, configFrom: string): void {
  if (body.ConfigOnly) {
    if (body.Ingress || body.Internal || body.Attachable || body.Scope !== "") {
      throw forbidden(
        "configuration network can only contain network specific fields. " +
          "Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
        "ConfigOnly",
      );
    }
    if (configFrom !== "") {
      throw forbidden("a configuration network cannot depend on another configuration network", "ConfigFrom");
    }
    return;
  }
  if (configFrom === "") return;
  const depends = "not supported if the network depends on a configuration network";
  const { IPAM } = body;
  if (
    !["", "default"].includes(IPAM?.Driver ?? "") ||
    body.EnableIPv6 === true ||
    Object.keys(body.Labels).length > 0 ||
    Object.keys(IPAM?.Options ?? {}).length > 0 ||
    (IPAM?.Config ?? []).length > 0
  ) {
    throw forbidden(`user specified configurations are ${depends}`, "ConfigFrom");
  }
  if (Object.keys(body.Options).length > 0) {
    throw forbidden(`network driver options are ${depends}`, "Options");
  }
}

function checkScope(body: CreateRequest): void {
  if (body.Ingress) throw forbidden("Ingress network can only be global scope network", "Ingress");
  if (body.Scope === "swarm") {
    throw forbidden("cannot create a swarm scoped network when swarm is not active", "Scope");
  }
  if (!["", "local"].includes(body.Scope)) {
    throw invalid(
      `networks of scope "${body.Scope}" cannot be made here: leave it out, or use local`,
      "Scope",
    );
  }
}

function isTrue(text: string | undefined): boolean {
  return ["1", "t", "T", "TRUE", "true", "True"].includes(text ?? "");
}

function forbidden(message: string, field: string): NetError {
  return new NetError("forbidden", OP, { message, field });
}

function invalid(message: string, field: string): NetError {
  return new NetError("invalid", OP, { message, field });
}
