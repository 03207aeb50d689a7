/**
 * How the performance of a model is measured once its labels come: how many are enough, when a window has them all, and slice by
 * slice of which columns. Every limit with its default, bound and sentence.
 */
import { z } from "zod";
import { durationMs, durationText } from "../../core/duration.ts";
import { EngineError } from "../../core/errors.ts";

const SLICE_COLUMNS_MAX = 5;

export const performanceSettings = z
  .strictObject({
    labels_min: z
      .int()
      .min(20)
      .max(1_000_000)
      .default(100)
      .describe(
        "labelled predictions of a window, a variant and a slice below which nothing is measured: AUC of 100 rows is good to about 0.1",
      ),
    slices: z
      .array(z.string().min(1).max(128))
      .max(SLICE_COLUMNS_MAX)
      .refine((names) => new Set(names).size === names.length, "names a column twice")
      .default([])
      .describe(
        "inputs of the model, each of whose values is measured by itself; numbers by the quarters of the reference",
      ),
    mature_share: z
      .number()
      .gt(0)
      .max(1)
      .default(0.9)
      .describe(
        "share of what is usual for the model that must be labelled for a window to be mature; usual is the median of the windows older than mature_after, or all predictions while there is none",
      ),
    mature_after: durationText("1h", "365d")
      .default("30d")
      .describe("age at which a window is mature however few of its predictions are labelled"),
    horizon: durationText("1d", "400d")
      .default("90d")
      .describe("age up to which labels that come or change make a window be measured again"),
  })
  .refine(({ mature_after, horizon }) => (durationMs(mature_after) ?? 0) <= (durationMs(horizon) ?? 0), {
    path: ["mature_after"],
    message: "must be at most horizon: older windows are not looked at again",
  });

export interface PerformanceSettings {
  readonly labelsMin: number;
  readonly slices: readonly string[];
  readonly matureShare: number;
  readonly matureAfterMs: number;
  readonly horizonMs: number;
}

/** What each setting means, by its name. */
export function performanceSentences(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(performanceSettings.shape).map(([name, field]) => [name, field.description ?? ""]),
  );
}

/**
 * Settings as somebody wrote them; what is absent gets its default.
 * @throws EngineError INVALID_REQUEST with one detail per wrong or unknown field.
 */
export function parsePerformanceSettings(json: unknown): PerformanceSettings {
  const { labels_min, slices, mature_share, mature_after, horizon } = performanceInForce(json);
  return {
    labelsMin: labels_min,
    slices,
    matureShare: mature_share,
    matureAfterMs: durationMs(mature_after) ?? 0,
    horizonMs: durationMs(horizon) ?? 0,
  };
}

/** All settings as they would have to be written, defaults filled in. @throws EngineError as parsePerformanceSettings. */
export function performanceInForce(json: unknown): z.infer<typeof performanceSettings> {
  const result = performanceSettings.safeParse(json);
  if (!result.success) {
    const details = result.error.issues.slice(0, 20).map(({ path, message }) => ({
      field: path.join(".") || "performance settings",
      message,
    }));
    const [first] = details;
    throw new EngineError("INVALID_REQUEST", `performance settings: ${first?.field}: ${first?.message}`, {
      details,
    });
  }
  return result.data;
}
