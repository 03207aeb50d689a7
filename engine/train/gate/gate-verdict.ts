/**
 * The gate: may the challenger take the champion's place?
 *
 *     rows, predictions of both → compareModels → a finding per check → PASSED │ REJECTED
 *
 * Without a champion only the absolute checks are made: evidence, out of time, limits, latency in microseconds, size. Rows that nothing
 * can be judged by (too few, one class, predictions that are no numbers) reject the challenger with the reason, and never throw.
 * Invariant: the same input gives the same verdict to the last bit.
 */
import type { TrainingGate } from "../../core/training-gate.ts";
import type { Finding, GateCheck } from "./gate-check.ts";
import {
  calibrationFinding,
  evidenceFinding,
  improvementFinding,
  latencyFindings,
  limitFindings,
  nonInferiorityFinding,
  outOfTimeFinding,
  sizeFinding,
  sliceFinding,
} from "./gate-findings.ts";
import { type GateLimits, resolveGate } from "./gate-limits.ts";
import { compareModels, headOf, type ModelComparison } from "./model-comparison.ts";
import { type Candidate, type OutOfTimeRows, problemWith } from "./out-of-time-rows.ts";
import { compareSlices, type SliceComparison } from "./slice-comparison.ts";

export interface GateVerdict {
  readonly verdict: "PASSED" | "REJECTED";
  /** The metric that decides. */
  readonly metric: string;
  readonly checks: readonly GateCheck[];
  /** Explanations of the required checks that failed. */
  readonly reasons: readonly string[];
  /** Without metrics where the evidence did not do. */
  readonly comparison: ModelComparison;
  readonly slices_judged: number;
  /** With fewer rows than asked for, or beyond the hundred largest. */
  readonly slices_passed_over: number;
}

export interface GateQuestion {
  readonly rows: OutOfTimeRows;
  readonly challenger: Candidate;
  readonly champion?: Candidate;
  /** Time of the last row that either was trained on, in milliseconds since 1970. */
  readonly trainedUntil?: number;
}

/** @throws EngineError INVALID_REQUEST only for a gate that does not fit the task (resolveGate). */
export function judgeChallenger(gate: TrainingGate, question: GateQuestion): GateVerdict {
  const { rows, challenger, champion, trainedUntil } = question;
  const limits = resolveGate(gate, rows.task.kind);
  const problem = problemWith(rows, champion === undefined ? [challenger] : [challenger, champion]);
  const evidence = evidenceFinding(gate, rows, problem);
  const comparison = evidence.passed
    ? compareModels(rows, challenger, champion, gate)
    : headOf(rows, challenger, champion, gate.confidence);
  const slices = slicesOf(gate, limits, question, evidence.passed);
  const findings = [
    evidence,
    ...(evidence.passed
      ? [
          ...outOfTimeFinding(rows, trainedUntil),
          ...(champion === undefined ? [] : againstChampion(gate, limits, comparison)),
          ...limitFindings(comparison, limits),
          ...slices.judged.map((slice) => sliceFinding(slice, limits)),
        ]
      : []),
    ...latencyFindings(gate, comparison),
    sizeFinding(gate, comparison),
  ];
  const checks = findings.map((finding) => toCheck(gate, finding));
  const failed = checks.filter(({ required, passed }) => required && !passed);
  return {
    verdict: failed.length === 0 ? "PASSED" : "REJECTED",
    metric: limits.metric,
    checks,
    reasons: failed.map(({ explanation }) => explanation),
    comparison,
    slices_judged: slices.judged.length,
    slices_passed_over: slices.passedOver,
  };
}

function againstChampion(gate: TrainingGate, limits: GateLimits, comparison: ModelComparison): Finding[] {
  const paired = comparison.metrics.find(({ metric }) => metric === limits.metric);
  return [
    nonInferiorityFinding(paired, limits, comparison.confidence),
    ...improvementFinding(paired, limits, gate.improvement_min),
    ...calibrationFinding(comparison, limits),
  ];
}

function slicesOf(
  gate: TrainingGate,
  { metric }: GateLimits,
  { rows, challenger, champion }: GateQuestion,
  isJudged: boolean,
): SliceComparison {
  if (champion === undefined || !isJudged) return { judged: [], passedOver: 0 };
  return compareSlices(rows, challenger, champion, { metric, rowsMin: gate.slices.rows_min }, gate);
}

function toCheck({ required }: TrainingGate, { kind, name, ...rest }: Finding): GateCheck {
  return { kind, name, required: kind === "evidence" || required.includes(kind), ...rest };
}
