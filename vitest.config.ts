import { defineConfig } from "vitest/config";

const netnsFiles = "**/*.netns.test.ts";
const ignored = ["**/node_modules/**", "dist/**", ".cache/**"];

export default defineConfig({
  test: {
    // The count reporter writes one line of numbers for scripts/test.mjs to add up.
    reporters: ["default", "./scripts/count-reporter.ts"],
    include: [],
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [...ignored, netnsFiles],
          // A time limit is there to end what hangs, not to judge a machine that is busy.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "netns",
          include: ["src/**/*.netns.test.ts", "test/**/*.netns.test.ts"],
          exclude: ignored,
          // A namespace is entered by the main thread of a process, which a worker thread does not have.
          pool: "forks",
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          env: { UV_THREADPOOL_SIZE: "8" },
        },
      },
    ],
  },
});
