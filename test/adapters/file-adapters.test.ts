import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { metadataReportSuite, registrySuite, type SuiteOptions } from "@dubbo-ts/testkit";
import { fileMetadataReport } from "./file-metadata-report.js";
import { fileRegistry } from "./file-registry.js";

/** There is no server and no connection that could fail, and nobody removes the file of a process that crashed. */
const options: SuiteOptions = { lacks: ["kill", "wipe", "blackhole", "cut", "pause", "crash"] };

/** A folder stands for a server: each test has one of its own. */
async function harness<Adapter>(open: (directory: string) => Adapter) {
  const directory = await mkdtemp(join(tmpdir(), "file-adapters-"));
  return {
    open: async () => open(directory),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

registrySuite("fileRegistry", () => harness(fileRegistry), options);
metadataReportSuite("fileMetadataReport", () => harness(fileMetadataReport), options);
