import type { Driver } from "../../model/driver.ts";
import { plainDriver } from "../plain.ts";

/** The host's own network stack: a sandbox on it has no namespace of its own, so nothing is made. */
export function hostDriver(): Driver {
  return plainDriver("host");
}
