import type { Driver } from "../../model/driver.ts";
import { plainDriver } from "../plain.ts";

/** A namespace with loopback only. */
export function noneDriver(): Driver {
  return plainDriver("none");
}
