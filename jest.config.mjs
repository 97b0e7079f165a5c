import { availableParallelism } from "node:os";

// Sources of all packages run directly: @swc/jest turns them into CommonJS, and the condition
// `@dubbo-ts/source` makes a package's name resolve to its src/.
const esmOnly = ["inversify", "@inversifyjs", "p-retry", "is-network-error"];

const shared = {
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  testEnvironmentOptions: { customExportConditions: ["@dubbo-ts/source", "node", "node-addons"] },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join("|")})/)`],
  modulePathIgnorePatterns: ["/dist/"],
  setupFilesAfterEnv: ["<rootDir>/scripts/second-try.cjs"],
  transform: {
    "^.+\\.[tj]s$": [
      "@swc/jest",
      {
        swcrc: false,
        sourceMaps: "inline",
        jsc: {
          target: "es2022",
          parser: { syntax: "typescript", decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: "commonjs" },
      },
    ],
  },
};

export default {
  // Those that start servers wait more than they work.
  maxWorkers: Math.max(3, availableParallelism() - 1),
  // A busy machine is no reason to fail: what a test promises about time it measures itself.
  testTimeout: 30_000,
  coverageProvider: "v8",
  reporters: ["default", "<rootDir>/scripts/loud-reporter.mjs"],
  projects: [
    {
      ...shared,
      displayName: "unit",
      testMatch: ["<rootDir>/packages/*/src/**/*.test.ts", "<rootDir>/protocols/*/src/**/*.test.ts"],
      testPathIgnorePatterns: ["/node_modules/", "\\.server\\.test\\.ts$"],
    },
    {
      // Beside their sources too, but they start servers or processes and wait for real time to pass.
      ...shared,
      displayName: "servers",
      globalSetup: "<rootDir>/scripts/install-servers.mjs",
      testMatch: ["<rootDir>/packages/*/src/**/*.server.test.ts"],
    },
    {
      ...shared,
      displayName: "stories",
      globalSetup: "<rootDir>/scripts/jest-stories.mjs",
      testMatch: ["<rootDir>/test/**/*.test.ts"],
    },
  ],
};
