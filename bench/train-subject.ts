/**
 * One training in a process of its own, as a retraining job runs: `node train-subject.js FOLDER boosting|forest`. Prints seconds of wall
 * and CPU time and the most memory that the process had; leaves scores of the test rows in FOLDER/scores.f64.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gradientBoosting } from "../workers/train/trees/gradient-boosting.ts";
import { randomForest } from "../workers/train/trees/random-forest.ts";
import { readData } from "./train-data.ts";

const [folder = "", kind = "boosting"] = process.argv.slice(2);
const training = readData(folder, "training");
const run = { task: { kind: "binary", classes: 2 }, training, seed: 1 } as const;
const startedMs = performance.now();
const cpuBefore = process.cpuUsage();
const model =
  kind === "forest"
    ? await randomForest.train({ ...run, parameters: randomForest.parameters.parse({}) })
    : await gradientBoosting.train({ ...run, parameters: gradientBoosting.parameters.parse({}) });
const seconds = (performance.now() - startedMs) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
const test = readData(folder, "test");
writeFileSync(
  join(folder, "scores.f64"),
  new Uint8Array((await model.predict(test.columns, test.rows)).buffer),
);
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, megabytes }));
