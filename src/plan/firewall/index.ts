export * from "./ast.ts";
export * from "./bridge.ts";
export * from "./elements.ts";
export * from "./format.ts";
export * from "./partition.ts";
export * from "./resolver.ts";
export * from "./stale.ts";
export * from "./table.ts";
