import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Figures as the program gives them; what they are is not tested. */
interface Report {
  readonly benchmark: string;
  readonly samples: readonly { readonly name?: string; readonly codec?: string }[];
}

/** One short round with dubbo-ts alone: whatever is installed of the peers. */
async function quick(benchmark: string, ...options: readonly string[]): Promise<Report> {
  const args = [
    "bench/run.mjs",
    benchmark,
    "--quick",
    "--no-peers",
    "--no-build",
    "--json",
    "--rounds",
    "1",
    ...options,
  ];
  const { stdout } = await run(process.execPath, args, { cwd: `${__dirname}/..`, timeout: 50_000 });
  return JSON.parse(stdout) as Report;
}

const names = ({ samples }: Report) => [...new Set(samples.map(({ name, codec }) => name ?? codec))];

test("every benchmark runs without its peers", async () => {
  const [rpc, codec, discovery, start] = await Promise.all([
    quick("rpc", "--only", "dubbo-direct", "--ms", "20"),
    quick("codec", "--ms", "2"),
    quick("discovery", "--only", "many"),
    quick("start", "--only", "core,direct"),
  ]);
  expect(names(rpc)).toEqual(["dubbo-direct"]);
  expect(names(codec)).toEqual(["dubbo-ts"]);
  expect(names(discovery)).toEqual(["many"]);
  expect(names(start)).toEqual(["core", "direct"]);
}, 60_000);
