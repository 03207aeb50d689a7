/**
 * `npm run bench -- [http|nats|stream|…] [--seconds N]`: each benchmark compares its subjects within one run and
 * reports ratios, since absolute figures of a shared machine mean little.
 */
import { Command } from "commander";
import { benchBatch } from "./batch.bench.ts";
import { benchDetectors } from "./detectors.bench.ts";
import { benchDrift } from "./drift.bench.ts";
import { benchFeatures } from "./features.bench.ts";
import { benchHttp } from "./http.bench.ts";
import { benchNats } from "./nats.bench.ts";
import { benchOverload } from "./overload.bench.ts";
import { benchPeers } from "./peers.bench.ts";
import { benchProfile } from "./profile.bench.ts";
import { elapsedSeconds } from "./progress.ts";

import type { Report } from "./report.ts";
import { show, writeIndex } from "./show.ts";
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
}

await new Command("npm run bench --")
  .description("Measures the engine against ceilings in the same run; writes a .json and a .html of each")
  .argument("[benchmarks...]", names.join(", "), names)
  .option("--seconds <n>", "length of each measurement", Number, 4)
  .option("--out <folder>", "where results are written", "bench/results")
  .option("--budget <minutes>", "what would begin later than this is left out", Number, 60)
  .action(async (asked: string[], { seconds, out, budget }: Options) => {
    for (const name of asked) {
      if (elapsedSeconds() > budget * 60) {
        console.log(`${name}: left out, ${budget} minutes are over: npm run bench -- ${name}, or --budget`);
        continue;
      }
      const bench = BENCHES[name];
      if (bench === undefined)
        throw new Error(`there is no benchmark ${name}; there are ${names.join(", ")}`);
      console.log(`${name}: measuring …`);
      show(name, await bench(seconds), out);
    }
    writeIndex(out);
    process.exit(0);
  })
  .parseAsync();
