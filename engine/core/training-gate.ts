/**
 * What a trained model, the challenger, must show before it may take the place of the one in production, the champion: every limit with
 * its bound, default and sentence. Both predict the same rows, all later than what either was trained on.
 *
 * Metrics are named as in performance reports; which of them a model has, and what is absent here, is decided where its task is known
 * (train/gate/gate-limits).
 */
import { z } from "zod";
import { invalidBy } from "./schema-details.ts";

/** What may be required, beside the evidence itself: enough rows, of all classes, with predictions that are numbers. */
export const GATE_CHECKS = [
  "out_of_time",
  "non_inferiority",
  "improvement",
  "limits",
  "slices",
  "calibration",
  "latency",
  "size",
] as const;
export type GateCheckKind = (typeof GATE_CHECKS)[number];

const CALIBRATION_METRICS = ["expected_calibration_error", "brier_score", "log_loss"] as const;
const LIMITS_MAX = 32;
const MIB = 1024 * 1024;

const metric = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "must be a metric's name such as roc_auc");
const difference = z.number().min(0).max(1e12);

export const trainingGate = z.strictObject({
  metric: metric
    .optional()
    .describe(
      "what the two are compared by; unless told roc_auc, of several classes roc_auc_ovr_macro, of values r2",
    ),
  margin: difference
    .optional()
    .describe(
      "non-inferiority: how much worse the challenger may be, in the metric's unit; the whole interval of the difference must lie above it. 0 asks for one that is certainly better. 0.01 unless told; metrics without an upper bound (errors, log loss) have no default",
    ),
  improvement_min: difference
    .optional()
    .describe("gain over the champion, as observed, that is asked for beside; none unless told"),
  confidence: z
    .number()
    .min(0.8)
    .max(0.9999)
    .default(0.95)
    .describe("of all intervals, two-sided; those of slices are corrected for how many there are"),
  required: z
    .array(z.enum(GATE_CHECKS))
    .refine((names) => new Set(names).size === names.length, "names a check twice")
    .default([...GATE_CHECKS])
    .describe("checks that reject a challenger; those left out are made and reported only"),
  rows_min: z
    .int()
    .min(50)
    .max(1_000_000)
    .default(500)
    .describe(
      "labelled out-of-time rows below which nothing is judged: AUC of 500 rows is good to about 0.04",
    ),
  class_rows_min: z
    .int()
    .min(2)
    .max(100_000)
    .default(20)
    .describe("rows of each class below which nothing is judged"),
  limits: z
    .record(metric, z.number().min(-1e12).max(1e12))
    .refine((limits) => Object.keys(limits).length <= LIMITS_MAX, `at most ${LIMITS_MAX} metrics`)
    .optional()
    .describe(
      "worst value of a metric that a challenger may have, whatever the champion's; unless told those of predictions without any skill: roc_auc 0.5, roc_auc_ovr_macro 0.5, r2 0",
    ),
  slices: z
    .strictObject({
      rows_min: z
        .int()
        .min(20)
        .max(1_000_000)
        .default(200)
        .describe("rows of a slice below which it is not judged"),
      drop_max: difference
        .optional()
        .describe(
          "how much worse the challenger may be within one slice: it fails where the drop is larger and is no chance, corrected for the number of slices (Bonferroni); five margins unless told",
        ),
    })
    .prefault({}),
  calibration: z
    .strictObject({
      metric: z
        .enum(CALIBRATION_METRICS)
        .describe("brier_score and expected_calibration_error are for two classes"),
      margin: difference.describe(
        "how much worse it may be; the whole interval of the difference must lie above it",
      ),
    })
    .optional()
    .describe("unless told expected_calibration_error with 0.02 for two classes, and none for other models"),
  latency_ratio_max: z
    .number()
    .min(0.1)
    .max(1_000)
    .default(3)
    .describe("median time per row, in times of the champion's"),
  latency_us_max: z
    .number()
    .min(0.1)
    .max(60_000_000)
    .optional()
    .describe("median time per row in microseconds, whatever the champion's; no limit unless told"),
  bytes_max: z
    .int()
    .min(1)
    .max(4 * 1024 * MIB)
    .default(256 * MIB)
    .describe("all files of the model together; an engine takes no more than 256 MiB unless told"),
  resamples: z
    .int()
    .min(500)
    .max(10_000)
    .default(2_000)
    .describe(
      "resamples of the paired bootstrap; fewer where rows times resamples would be more than 40 million",
    ),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0)
    .describe("of the bootstrap: the same seed gives the same verdict to the last bit"),
});

export type TrainingGate = z.infer<typeof trainingGate>;

/** What each field means, by its name. */
export function gateSentences(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(trainingGate.shape).map(([name, field]) => [name, field.description ?? ""]),
  );
}

/**
 * A gate as somebody wrote it; what is absent gets its default.
 * @throws EngineError INVALID_REQUEST with one detail per wrong or unknown field.
 */
export function parseTrainingGate(json: unknown): TrainingGate {
  const result = trainingGate.safeParse(json ?? {});
  if (!result.success) throw invalidBy(result.error, "gate");
  return result.data;
}
