export { createZoneKeeper } from "./keeper.ts";
