/**
 * `npm run bench -- [http|nats|stream|…] [--seconds N]`: each benchmark compares its subjects within one run and
 * reports ratios, since absolute figures of a shared machine mean little.
 */
import { Command } from "commander";
import { checkBaselines, saveBaselines } from "./baseline-file.ts";
import { benchBatch } from "./batch.bench.ts";
import { benchDetectors } from "./detectors.bench.ts";
import { benchDrift } from "./drift.bench.ts";
import { benchFeatures } from "./features.bench.ts";
import { benchHttp } from "./http.bench.ts";
import { benchNats } from "./nats.bench.ts";
import { benchOip } from "./oip.bench.ts";
import { benchOverload } from "./overload.bench.ts";
import { benchPeers } from "./peers.bench.ts";
import { benchProfile } from "./profile.bench.ts";
import { elapsedSeconds } from "./progress.ts";

import type { Report } from "./report.ts";
import { show, writeIndex } from "./show.ts";
import { benchSink } from "./sink.bench.ts";
import { benchSlowdown } from "./slowdown.bench.ts";
import { benchSoak } from "./soak.bench.ts";
import { benchStart } from "./start.bench.ts";
import { benchStream } from "./stream.bench.ts";
import { benchSwap } from "./swap.bench.ts";
import { benchTrain } from "./train.bench.ts";

const BENCHES: Readonly<Record<string, (seconds: number) => Promise<Report>>> = {
  start: benchStart,
  http: benchHttp,
  profile: benchProfile,
  nats: benchNats,
  stream: benchStream,
  batch: benchBatch,
  oip: benchOip,
  sink: benchSink,
  features: benchFeatures,
  detectors: benchDetectors,
  drift: benchDrift,
  train: benchTrain,
  slowdown: benchSlowdown,
  swap: benchSwap,
  overload: benchOverload,
  soak: benchSoak,
  peers: benchPeers,
};
const names = Object.keys(BENCHES);

interface Options {
  readonly seconds: number;
  readonly out: string;
  readonly budget: number;
  readonly check?: true;
  readonly saveBaseline?: true;
}

await new Command("npm run bench --")
  .description("Measures the engine against ceilings in the same run; writes a .json and a .html of each")
  .argument("[benchmarks...]", names.join(", "), names)
  .option("--seconds <n>", "length of each measurement", Number, 4)
  .option("--out <folder>", "where results are written", "bench/results")
  .option("--budget <minutes>", "what would begin later than this is left out", Number, 60)
  .option("--check", "exit with 1 when a ratio is outside of its bound in bench/baselines.json")
  .option("--save-baseline", "write the ratios to bench/baselines.json")
  .action(async (asked: string[], { seconds, out, budget, check, saveBaseline }: Options) => {
    let isKept = true;
    for (const name of asked) {
      if (elapsedSeconds() > budget * 60) {
        console.log(`${name}: left out, ${budget} minutes are over: npm run bench -- ${name}, or --budget`);
        continue;
      }
      const bench = BENCHES[name];
      if (bench === undefined)
        throw new Error(`there is no benchmark ${name}; there are ${names.join(", ")}`);
      console.log(`${name}: measuring …`);
      const report = await bench(seconds);
      show(name, report, out);
      if (check === true) isKept = checkBaselines(name, report) && isKept;
      if (saveBaseline === true) saveBaselines(name, report);
    }
    writeIndex(out);
    process.exit(isKept ? 0 : 1);
  })
  .parseAsync();
