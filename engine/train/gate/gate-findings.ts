/** What each check of a gate finds, with its sentence. Pure arithmetic over a comparison: everything was measured before. */
import type { TrainingGate } from "../../core/training-gate.ts";
import { digits, type Finding, gainFinding, percent, plainFinding, withInterval } from "./gate-check.ts";
import type { GateLimits } from "./gate-limits.ts";
import type { ModelComparison, PairedMetric } from "./model-comparison.ts";
import { classCounts, type OutOfTimeRows } from "./out-of-time-rows.ts";
import type { ComparedSlice } from "./slice-comparison.ts";

/** @param problem with the rows themselves, if there is one. */
export function evidenceFinding(
  gate: TrainingGate,
  rows: OutOfTimeRows,
  problem: string | undefined,
): Finding {
  const count = rows.targets.length;
  const found = { kind: "evidence", observed: count, limit: gate.rows_min } as const;
  if (problem !== undefined) return plainFinding({ ...found, passed: false, explanation: problem });
  if (count < gate.rows_min)
    return plainFinding({
      ...found,
      passed: false,
      explanation: `${count} labelled out-of-time rows are too few to judge by: wait for labels or take a longer period, or lower rows_min (${gate.rows_min}).`,
    });
  const counts = classCounts(rows);
  const rarest = counts.indexOf(Math.min(...counts));
  if (counts.length > 0 && (counts[rarest] as number) < gate.class_rows_min)
    return plainFinding({
      kind: "evidence",
      observed: counts[rarest] as number,
      limit: gate.class_rows_min,
      passed: false,
      explanation: `Class ${rarest} has ${counts[rarest]} out-of-time rows, too few to judge by: wait for its labels or take a longer period, or lower class_rows_min (${gate.class_rows_min}).`,
    });
  return plainFinding({ ...found, passed: true, explanation: `${count} out-of-time rows are enough.` });
}

/** @param trainedUntil time of the last row that either model was trained on; without it, or the rows' times, nothing is checked. */
export function outOfTimeFinding({ times }: OutOfTimeRows, trainedUntil: number | undefined): Finding[] {
  if (times === undefined || trainedUntil === undefined) return [];
  const early = times.reduce((sum, time) => sum + (time > trainedUntil ? 0 : 1), 0);
  const explanation =
    early === 0
      ? "All rows are later than what the models were trained on."
      : `${early} of ${times.length} rows are not later than the last row of training, so a model may have seen them: take later ones.`;
  return [plainFinding({ kind: "out_of_time", passed: early === 0, observed: early, limit: 0, explanation })];
}

export function nonInferiorityFinding(
  paired: PairedMetric | undefined,
  { metric, margin }: GateLimits,
  confidence: number,
): Finding {
  return notWorse("non_inferiority", paired, metric, margin, confidence);
}

export function calibrationFinding(comparison: ModelComparison, { calibration }: GateLimits): Finding[] {
  if (calibration === undefined) return [];
  const { metric, margin } = calibration;
  const paired = comparison.metrics.find((one) => one.metric === metric);
  return [notWorse("calibration", paired, metric, margin, comparison.confidence)];
}

/** The whole interval of the gain must be above -margin. */
function notWorse(
  kind: "non_inferiority" | "calibration",
  paired: PairedMetric | undefined,
  metric: string,
  margin: number,
  confidence: number,
): Finding {
  // 0 - margin: a margin of 0 must not become -0
  const limit = 0 - margin;
  if (paired === undefined || paired.interval === null || paired.gain === null)
    return incomparable(kind, metric, limit, paired);
  const passed = paired.interval.low > limit;
  const low = digits(paired.interval.low);
  const tail = passed
    ? `the gain of ${digits(paired.gain)} is at least ${low} with ${percent(confidence)} confidence, above ${digits(limit)}.`
    : `the gain of ${digits(paired.gain)} may be as low as ${low} with ${percent(confidence)} confidence, which is not above ${digits(limit)}.`;
  return gainFinding(paired, { kind, passed, limit, explanation: `${sidesOf(paired)}: ${tail}` });
}

export function improvementFinding(
  paired: PairedMetric | undefined,
  { metric }: GateLimits,
  improvementMin: number | undefined,
): Finding[] {
  if (improvementMin === undefined) return [];
  if (paired === undefined || paired.gain === null)
    return [incomparable("improvement", metric, improvementMin, paired)];
  const passed = paired.gain >= improvementMin;
  const explanation = `${sidesOf(paired)}: the gain of ${digits(paired.gain)} is ${passed ? "at least" : "less than"} the ${digits(improvementMin)} asked for.`;
  return [gainFinding(paired, { kind: "improvement", passed, limit: improvementMin, explanation })];
}

export function limitFindings({ metrics }: ModelComparison, { limits }: GateLimits): Finding[] {
  return limits.map(({ metric, worst }) => {
    const own = metrics.find((one) => one.metric === metric);
    const value = own?.challenger.value ?? null;
    const found = { kind: "limits", name: `limits.${metric}`, observed: value, limit: worst } as const;
    if (own === undefined || value === null) {
      const reason = own?.challenger.reason ?? "nothing could be measured";
      return plainFinding({ ...found, passed: false, explanation: `${metric} has no value: ${reason}.` });
    }
    const passed = own.better === "higher" ? value >= worst : value <= worst;
    const side = own.better === "higher" ? "below" : "above";
    const { interval = null } = own.challenger;
    const explanation = `${metric} is ${withInterval(value, interval)}, ${passed ? `not ${side}` : side} the limit of ${digits(worst)}.`;
    return { ...plainFinding({ ...found, passed, explanation }), interval };
  });
}

/** A slice fails where its drop is larger than allowed and the simultaneous interval of the gain is wholly below 0. */
export function sliceFinding({ slice, rows, compared }: ComparedSlice, { dropMax }: GateLimits): Finding {
  const found = { kind: "slices", name: `slices.${slice}`, limit: 0 - dropMax } as const;
  const { gain, interval, metric, reason } = compared;
  const head = `${slice} (${rows} rows)`;
  if (gain === null || interval === null)
    return gainFinding(compared, {
      ...found,
      passed: true,
      explanation: `${head}: ${metric} cannot be compared: ${reason ?? "nothing could be measured"}.`,
    });
  const change = gain < 0 ? `drops by ${digits(-gain)}` : `gains ${digits(gain)}`;
  const isTooLow = gain < 0 - dropMax;
  const passed = !(isTooLow && interval.high < 0);
  const limit = `the ${digits(dropMax)} allowed`;
  const judged = isTooLow
    ? `more than ${limit}, ${passed ? "which may be chance" : "and no chance"}`
    : `within ${limit}`;
  const explanation = `${head}: ${metric} ${change}, ${gain < 0 ? judged : "so it is no worse"}.`;
  return gainFinding(compared, { ...found, passed, explanation });
}

export function latencyFindings(gate: TrainingGate, { challenger, champion }: ModelComparison): Finding[] {
  const own = challenger.latency_us;
  const findings: Finding[] = [];
  const { latency_us_max: limit, latency_ratio_max: ratioMax } = gate;
  if (limit !== undefined) {
    const passed = own <= limit;
    const explanation = `A row takes ${digits(own)} µs, ${passed ? "within" : "more than"} the ${digits(limit)} µs allowed.`;
    findings.push(
      plainFinding({ kind: "latency", name: "latency.us", passed, observed: own, limit, explanation }),
    );
  }
  if (champion === null) return findings;
  const isMeasured = own >= 0 && champion.latency_us > 0;
  const ratio = isMeasured ? own / champion.latency_us : null;
  const passed = ratio !== null && ratio <= ratioMax;
  const explanation =
    ratio === null
      ? "The time per row was not measured, so it cannot be compared."
      : `A row takes ${digits(own)} µs, ${digits(ratio)} times the champion's ${digits(champion.latency_us)} µs; ${digits(ratioMax)} times are allowed.`;
  findings.push(
    plainFinding({
      kind: "latency",
      name: "latency.ratio",
      passed,
      observed: ratio,
      limit: ratioMax,
      explanation,
    }),
  );
  return findings;
}

export function sizeFinding(
  { bytes_max }: TrainingGate,
  { challenger: { bytes } }: ModelComparison,
): Finding {
  const passed = bytes <= bytes_max;
  const explanation = `The model has ${bytes} bytes; ${bytes_max} are allowed.`;
  return plainFinding({ kind: "size", passed, observed: bytes, limit: bytes_max, explanation });
}

function incomparable(
  kind: "non_inferiority" | "calibration" | "improvement",
  metric: string,
  limit: number,
  paired: PairedMetric | undefined,
): Finding {
  const reason = paired?.reason ?? "nothing could be measured";
  const observed = paired?.gain ?? null;
  return plainFinding({
    kind,
    passed: false,
    observed,
    limit,
    explanation: `${metric} cannot be compared: ${reason}.`,
  });
}

function sidesOf({ metric, challenger, champion }: PairedMetric): string {
  return `${metric} is ${digits(challenger.value ?? 0)} against the champion's ${digits(champion?.value ?? 0)}`;
}
