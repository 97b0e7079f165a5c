// The embedded registry as a process of its own: port and data file.
import { startNacosServer } from "@dubbo-ts/registry-local";

const [port, dataFile] = process.argv.slice(2);
await startNacosServer({ port: Number(port), dataFile, tookOver: false });
