const hooks = new Set<() => void>();

/**
 * Calls back when the process ends without having closed its engines (`process.exit`, an error nobody caught), synchronously.
 * One listener for all: Node warns of more than ten. Returns the function that takes it back.
 */
export function atExit(hook: () => void): () => void {
  if (hooks.size === 0) process.on("exit", runAll);
  hooks.add(hook);
  return () => {
    hooks.delete(hook);
    if (hooks.size === 0) process.off("exit", runAll);
  };
}

function runAll(): void {
  for (const hook of hooks) hook();
}
