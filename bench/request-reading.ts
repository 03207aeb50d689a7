/**
 * What reading a request from its bytes saves: rows of 30 numbers with 4 and with 16 digits, in one process.
 * `node dist/bench/request-reading.js`
 */
import { FeaturePlan } from "../engine/feature-plan.ts";
import { ReadFeatures, readBatchRequest } from "../engine/request-json.ts";
import { readModelFolder } from "../storage/model-folder.ts";
import { fixture } from "../test/support/model.ts";
import { round } from "./report.ts";

const ROWS = 1_000;
const REPEATS = 100;
const TURNS = 5;

const { manifest } = await readModelFolder(fixture("bench"));
const plan = new FeaturePlan(manifest);
const row = new Float32Array(plan.width);

function bodyOf(valueOf: (index: number) => number): Buffer {
  const features = Object.fromEntries(manifest.inputs.map(({ name }, index) => [name, valueOf(index)]));
  return Buffer.from(JSON.stringify({ instances: Array.from({ length: ROWS }, () => ({ features })) }));
}

/** CPU time of a row, µs. */
function cost(body: Buffer, isRead: boolean): number {
  const before = process.cpuUsage();
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const { instances } = readBatchRequest(body, isRead ? plan : undefined) as {
      instances: { features: unknown }[];
    };
    for (const { features } of instances) {
      if (features instanceof ReadFeatures) features.write(plan, row, 0, [], 0);
      else plan.write(features, row, 0);
    }
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / REPEATS / ROWS;
}

const bodies = {
  "4 digits": bodyOf((index) => Math.round(Math.sin(index + 1) * 1e4) / 1e4),
  "16 digits": bodyOf((index) => Math.sin(index + 1)),
};
for (const [name, body] of Object.entries(bodies)) {
  const best = { parsed: Number.POSITIVE_INFINITY, read: Number.POSITIVE_INFINITY };
  for (let turn = 0; turn < TURNS; turn++) {
    best.parsed = Math.min(best.parsed, cost(body, false));
    best.read = Math.min(best.read, cost(body, true));
  }
  console.log(
    `${name}: JSON.parse and plan ${round(best.parsed)} µs a row, read ${round(best.read)} µs: ${round(best.parsed / best.read, 1)} times as fast`,
  );
}
