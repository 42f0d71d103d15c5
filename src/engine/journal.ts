/**
 * Every point at which an operation can be cut short, in order. The crash tests kill the daemon at each of them; an
 * operation calls `step` right after the deed that the name says. Making a sandbox goes through the steps of
 * `endpoint.attach` that stand between `intended` and `committed`, too.
 */
export const JOURNAL_STEPS = [
  "network.create:intended",
  "network.create:linked",
  "network.create:applied",
  "network.create:committed",
  "network.remove:intended",
  "network.remove:applied",
  "network.remove:committed",
  "network.change:intended",
  "network.change:applied",
  "network.change:committed",
  "sandbox.create:intended",
  "sandbox.create:netns",
  "sandbox.create:attached",
  "sandbox.create:files",
  "sandbox.create:started",
  "sandbox.create:committed",
  "endpoint.attach:intended",
  "endpoint.attach:linked",
  "endpoint.attach:resolver",
  "endpoint.attach:published",
  "endpoint.attach:committed",
  "endpoint.detach:intended",
  "endpoint.detach:unpublished",
  "endpoint.detach:unlinked",
  "endpoint.detach:committed",
  "port.publish:intended",
  "port.publish:applied",
  "port.publish:committed",
  "port.unpublish:intended",
  "port.unpublish:applied",
  "port.unpublish:committed",
  "port.allow:intended",
  "port.allow:applied",
  "port.allow:committed",
  "sandbox.remove:intended",
  "sandbox.remove:stopped",
  "sandbox.remove:unpublished",
  "sandbox.remove:committed",
  "sandbox.remove:dropped",
] as const;

export type JournalStep = (typeof JOURNAL_STEPS)[number];
