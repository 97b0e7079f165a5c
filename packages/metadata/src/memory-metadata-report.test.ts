import { metadataReportSuite } from "@dubbo-ts/testkit";
import { MemoryMetadataStore, memoryMetadataReport } from "./memory-metadata-report.js";

metadataReportSuite(
  "memoryMetadataReport",
  async () => {
    const store = new MemoryMetadataStore();
    return { open: async () => memoryMetadataReport(store), [Symbol.asyncDispose]: async () => {} };
  },
  { lacks: ["kill", "wipe", "blackhole", "cut", "pause", "crash"] },
);
