// Our typed Hessian 2 against hessian.js, the codec that every other Dubbo library for Node is built on.
import { peerVersions } from "../lib/peers.mjs";
import { median, spread } from "../lib/statistics.mjs";
import { ratioText, short, table } from "../lib/table.mjs";
import { dubboCodec } from "./dubbo.mjs";
import { values } from "./values.mjs";

const bars = { user: ">= 3", users: ">= 3", text: ">= 8" };

/** Codecs in turn within a round, each as often as fits into `ms`; in one process, since both have warmed up. */
export async function measure({
  quick,
  peers,
  only,
  rounds = quick ? 2 : 9,
  ms = quick ? 30 : 250,
  progress,
}) {
  const codecs = { "dubbo-ts": dubboCodec() };
  if (peers) codecs["hessian.js"] = (await import("./hessian-js.mjs")).hessianCodec();
  const samples = [];
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? "warming up" : `round ${round} of ${rounds}`);
    for (const value of Object.keys(values).filter((name) => only === undefined || only.includes(name)))
      for (const direction of ["encode", "decode"])
        for (const [codec, { [value]: work }] of Object.entries(codecs)) {
          const micros = microsEach(work[direction], ms);
          if (round > 0) samples.push({ round, codec, value, direction, micros });
        }
  }
  const bytes = Object.fromEntries(
    Object.entries(codecs).map(([codec, works]) => [
      codec,
      Object.fromEntries(Object.entries(works).map(([value, { bytes }]) => [value, bytes])),
    ]),
  );
  return { versions: peers ? peerVersions() : {}, ms, rounds, bytes, samples };
}

/** CPU time for one run of `work`, over as many as take `ms` of it. */
function microsEach(work, ms) {
  let count = 0;
  const before = process.cpuUsage();
  for (let batch = 1; ; batch = Math.min(batch * 2, 1_024)) {
    for (let done = 0; done < batch; done += 1) work();
    count += batch;
    const { user, system } = process.cpuUsage(before);
    if (user + system >= ms * 1_000) return (user + system) / count;
  }
}

export function print({ samples, bytes }) {
  const rows = [];
  for (const [value, { title }] of Object.entries(values))
    for (const direction of ["encode", "decode"]) {
      const of = (codec) =>
        samples.filter(
          (sample) => sample.codec === codec && sample.value === value && sample.direction === direction,
        );
      const [ours, theirs] = [of("dubbo-ts"), of("hessian.js")];
      if (ours.length === 0) continue;
      const ratios = ours.flatMap(({ micros }, at) =>
        theirs[at] === undefined ? [] : [theirs[at].micros / micros],
      );
      const figures = [ours, theirs].map((own) => short(median(own.map(({ micros }) => micros))));
      const ratio = ratios.length > 0 ? ratioText(spread(ratios)) : "-";
      rows.push([title, direction, short(bytes["dubbo-ts"][value]), ...figures, ratio, bars[value]]);
    }
  console.log(table(["", "", "bytes", "dubbo-ts µs", "hessian.js µs", "times as fast", "wanted"], rows));
}
