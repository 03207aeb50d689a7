/**
 * What counts as drift, as a data-quality problem, and as an incident: every limit, with its default, bound and sentence.
 *
 * A model may override any of them. The defaults come from the simulations that bench/verdict-simulation repeats; their
 * results are in DECISIONS.
 */
import { z } from "zod";
import { EngineError } from "../../core/errors.ts";

export const WINDOWS_MAX = 50;

const number = (low: number, high: number, fallback: number, about: string) =>
  z.number().min(low).max(high).default(fallback).describe(about);
const count = (low: number, high: number, fallback: number, about: string) =>
  z.int().min(low).max(high).default(fallback).describe(about);

export const driftSettings = z
  .strictObject({
    rows_min: count(
      50,
      10_000_000,
      200,
      "predictions in a window below which it is not judged (`insufficient`); windows of 1,000 find small shifts soon",
    ),
    reference_rows_min: count(
      100,
      10_000_000,
      1_000,
      "rows behind the reference below which nothing is judged: its own sampling error is the same in every window",
    ),
    psi_warning: number(
      0.01,
      10,
      0.1,
      "bias-corrected PSI of a shift that is to be found; 0.1 is where a population is usually said to have moved",
    ),
    psi_critical: number(
      0.01,
      10,
      0.25,
      "bias-corrected PSI of a shift that is critical; 0.25 is where it is usually said to have moved a lot",
    ),
    psi_margin: number(
      0,
      0.5,
      0.2,
      "share of a PSI level that measuring may miss: a level is reached at (1 - margin) of it, because a shift of exactly the level is measured below it in half of all windows, and on bins always a little lower",
    ),
    psi_exit: number(
      0,
      10,
      0.05,
      "bias-corrected PSI below which a column is quiet; less than where drift begins, so that incidents do not flicker",
    ),
    alpha: number(
      1e-6,
      0.2,
      0.01,
      "false discovery rate within a window: drift also needs a p-value at or below it after Benjamini-Hochberg over the columns",
    ),
    windows_needed: count(
      1,
      WINDOWS_MAX,
      3,
      "k: windows with drift, out of the latest `windows_considered`, from which a column is in an incident",
    ),
    windows_considered: count(1, WINDOWS_MAX, 5, "n: latest judged windows in which k must show drift"),
    quiet_windows: count(
      1,
      WINDOWS_MAX,
      5,
      "judged windows in a row that must be quiet before a column leaves its incident",
    ),
    quality_windows_needed: count(
      1,
      WINDOWS_MAX,
      2,
      "as `windows_needed`, for data-quality problems, which come at once and whole",
    ),
    quality_windows_considered: count(
      1,
      WINDOWS_MAX,
      3,
      "as `windows_considered`, for data-quality problems",
    ),
    null_rate_rise: number(
      0.001,
      1,
      0.05,
      "rise of the share of nulls over the reference's from which it is a problem (`null_spike`)",
    ),
    unseen_rate_rise: number(
      0.001,
      1,
      0.1,
      "rise of the share of categories unknown to the reference from which it is a problem (`unseen_spike`); fewer is drift",
    ),
    out_of_range_rate_rise: number(
      0.001,
      1,
      0.5,
      "share of numbers outside all that the reference has from which it is a problem (`out_of_range`), such as another unit; fewer is drift",
    ),
    refused_share: number(
      0.001,
      1,
      0.1,
      "share of requests refused for their features (INVALID_FEATURES, INVALID_REQUEST) from which it is a problem (`schema_change`), as is that share of predictions with other columns than the reference has: a producer that changed is a whole part of the traffic, slips and trials are a few in a hundred",
    ),
    rate_standard_errors: number(
      2,
      10,
      4,
      "standard errors that such a rise must also amount to; 4 is one false alarm in 30,000 tests",
    ),
    constant_probability: number(
      1e-12,
      0.01,
      1e-6,
      "a window with one single value is a problem (`constant`) if the reference makes one with a probability of at most this",
    ),
    expects_data: z
      .boolean()
      .default(false)
      .describe("whether a window without any prediction is a problem (`no_data`) rather than a quiet hour"),
  })
  .superRefine((settings, context) => {
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: "custom", path: [field], message });
    if (settings.windows_needed > settings.windows_considered)
      refuse("windows_needed", "must be at most windows_considered");
    if (settings.quality_windows_needed > settings.quality_windows_considered)
      refuse("quality_windows_needed", "must be at most quality_windows_considered");
    if (settings.psi_critical < settings.psi_warning) refuse("psi_critical", "must be at least psi_warning");
    if (settings.psi_exit > settings.psi_warning * (1 - settings.psi_margin))
      refuse("psi_exit", "must be at most psi_warning * (1 - psi_margin), where drift begins");
  })
  .readonly();

export type DriftSettings = z.infer<typeof driftSettings>;

/** What each setting means, by its name. */
export function driftSentences(): Record<string, string> {
  const { shape } = driftSettings.unwrap();
  return Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, field.description ?? ""]));
}

/**
 * Checks settings as somebody wrote them; what is absent gets its default.
 * @throws EngineError INVALID_REQUEST with one detail per wrong or unknown field.
 */
export function parseDriftSettings(json: unknown): DriftSettings {
  const result = driftSettings.safeParse(json);
  if (result.success) return result.data;
  const details = result.error.issues.slice(0, 20).map((problem) => ({
    field: problem.path.join(".") || "drift settings",
    message: problem.message,
  }));
  const first = details[0];
  throw new EngineError("INVALID_REQUEST", `drift settings: ${first?.field}: ${first?.message}`, { details });
}
