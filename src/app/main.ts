#!/usr/bin/env node
import { runCli } from "../cli/run-cli.ts";
import { createContext } from "./context.ts";

// libuv reads this at its first use: one thread of the pool waits for kernel events, others for deletions.
process.env["UV_THREADPOOL_SIZE"] ??= "8";

process.exitCode = await runCli(process.argv.slice(2), createContext());
