/** Rows with two models' predictions for tests of the gate, and its goldens, made by make-gate.py. */
import { readFileSync } from "node:fs";
import type { SeededRandom } from "../../engine/core/seeded-random.ts";
import { parseTrainingGate } from "../../engine/core/training-gate.ts";
import type { TrainingTask } from "../../engine/core/training-set.ts";
import type { MetricName } from "../../engine/monitor/performance/metric-table.ts";
import type { GateCheck } from "../../engine/train/gate/gate-check.ts";
import {
  type GateQuestion,
  type GateVerdict,
  judgeChallenger,
} from "../../engine/train/gate/gate-verdict.ts";
import type { Candidate, OutOfTimeRows } from "../../engine/train/gate/out-of-time-rows.ts";
import { fixture } from "./model.ts";

interface McnemarCase {
  readonly wins: number;
  readonly losses: number;
  readonly rows: number;
  readonly mode: string;
  readonly p: number;
  readonly interval: readonly [number, number];
}

interface GoldenTest {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  readonly p: number;
}

interface BootstrapCase {
  readonly kind: TrainingTask["kind"];
  readonly seed: number;
  readonly resamples: number;
  readonly labels: readonly number[];
  readonly challenger: readonly number[];
  readonly champion: readonly number[];
  readonly tests: Readonly<Partial<Record<MetricName, GoldenTest>>>;
  readonly scipy: { readonly metric: MetricName; readonly low: number; readonly high: number };
}

interface Cases {
  readonly mcnemar: McnemarCase;
  readonly bootstrap: BootstrapCase;
  readonly auc: GoldenTest;
}

export function gateCases<Name extends keyof Cases>(name: Name): readonly Cases[Name][] {
  return JSON.parse(readFileSync(fixture(`gate/${name}.json`), "utf8")) as Cases[Name][];
}

export const TASKS = {
  binary: { kind: "binary", classes: 2 },
  multiclass: { kind: "multiclass", classes: 3 },
  regression: { kind: "regression" },
} as const satisfies Record<string, TrainingTask>;

export function candidate(
  name: string,
  predictions: ArrayLike<number>,
  cost: Partial<Candidate> = {},
): Candidate {
  return {
    name,
    predictions: Float64Array.from(predictions),
    threshold: 0.5,
    bytes: 1000,
    latencyUs: 10,
    ...cost,
  };
}

export interface Contest {
  readonly rows: OutOfTimeRows;
  readonly challenger: Candidate;
  readonly champion: Candidate;
}

const HOUR_MS = 3_600_000;
const FROM = Date.UTC(2026, 0, 1);

/**
 * Two classes, a row each hour; a model sees the row's logit with normal noise of its own.
 * @param noise of the challenger and of the champion: more is worse.
 */
export function binaryContest(
  random: SeededRandom,
  count: number,
  noise: readonly [number, number],
): Contest {
  const logits = Float64Array.from({ length: count }, () => 1.5 * random.normal());
  const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));
  const seen = (deviation: number) => logits.map((logit) => sigmoid(logit + deviation * random.normal()));
  return {
    rows: {
      task: TASKS.binary,
      targets: logits.map((logit) => (random.uniform() < sigmoid(logit) ? 1 : 0)),
      times: Float64Array.from({ length: count }, (_, row) => FROM + row * HOUR_MS),
      slices: [],
    },
    challenger: candidate("fraud 2", seen(noise[0])),
    champion: candidate("fraud 1", seen(noise[1])),
  };
}

/** Values; a model's error is normal. */
export function regressionContest(
  random: SeededRandom,
  count: number,
  errors: readonly [number, number],
): Contest {
  const targets = Float64Array.from({ length: count }, () => 10 + 3 * random.normal());
  const seen = (deviation: number) => targets.map((target) => target + deviation * random.normal());
  return {
    rows: { task: TASKS.regression, targets, slices: [] },
    challenger: candidate("price 2", seen(errors[0])),
    champion: candidate("price 1", seen(errors[1])),
  };
}

/** With fewer resamples than the default, so that tests are quick. */
export function judge(gate: object, question: GateQuestion): GateVerdict {
  return judgeChallenger(parseTrainingGate({ resamples: 500, ...gate }), question);
}

export function checkOf({ checks }: GateVerdict, name: string): GateCheck | undefined {
  return checks.find((one) => one.name === name);
}

/** Names of the checks that failed, required or not. */
export function failedOf({ checks }: GateVerdict): string[] {
  return checks.filter(({ passed }) => !passed).map(({ name }) => name);
}
