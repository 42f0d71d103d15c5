import type { Brand } from "../base/brand.ts";

/** Ids are 64 lower-case hex digits, as Docker's are; the short form people see is the first 12. */
export type NetworkId = Brand<string, "NetworkId">;
export type EndpointId = Brand<string, "EndpointId">;
export type SandboxId = Brand<string, "SandboxId">;

export function shortId(id: string): string {
  return id.slice(0, 12);
}
