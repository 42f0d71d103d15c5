/** The embedded resolver: names of the sandbox's own networks, and everything else from upstream servers. */
export { createResolverService } from "./create.ts";
