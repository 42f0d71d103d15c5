export { checkBatch, type FirewallBatch } from "./batch.ts";
export {
  compileChange,
  compileFirstRedirect,
  compilePartition,
  compileRedirect,
  compileRemoval,
  compileTable,
} from "./compile.ts";
export { compileSanction, readSanctionedPlace, SANCTION_FAMILIES, sanctionIsThere } from "./docker-user.ts";
export { decodeElements, type Dump, hasRedirect, readTable, type TableDump, tableIsOurs } from "./dump.ts";
