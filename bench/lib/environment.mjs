import { cpus, loadavg, totalmem } from "node:os";

/** The machine, as it is now: a figure without it says nothing. */
export function environment() {
  const [first] = cpus();
  const load = loadavg()
    .map((value) => value.toFixed(2))
    .join(" ");
  const memory = Math.round(totalmem() / 2 ** 30);
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: first?.model ?? "?",
    cores: cpus().length,
    memoryGiB: memory,
    load,
    text: `Node ${process.version}, ${cpus().length} cores (${first?.model ?? "?"}), ${memory} GiB, load average ${load}`,
  };
}
