/**
 * How a model is watched: the windows of its drift reports, what they are compared with, what counts as drift, which
 * streaming detectors read its scores and errors, and how its performance is measured.
 */
import { z } from "zod";
import { durationMs, durationText } from "../core/duration.ts";
import { EngineError } from "../core/errors.ts";
import { type DetectorSettings, detectorList, parseDetectorSettings } from "./detectors/detector-settings.ts";
import {
  type DriftSettings,
  driftSentences,
  driftSettings,
  parseDriftSettings,
} from "./drift/drift-settings.ts";
import {
  type PerformanceSettings,
  parsePerformanceSettings,
  performanceInForce,
  performanceSentences,
  performanceSettings,
} from "./performance/performance-settings.ts";

const MINUTE_MS = 60_000;

const wire = z.strictObject({
  window: durationText("1m", "30d")
    .default("1h")
    .describe("length of a window; choose one that some 1,000 predictions fall into"),
  hop: durationText("1m", "30d")
    .optional()
    .describe(
      "from the start of a window to that of the next: the window's length unless told, less for sliding windows",
    ),
  compare_with: z
    .enum(["reference", "season"])
    .default("reference")
    .describe(
      "season: with the same hours of the four weeks before, in the reference's bins, so that nights and Sundays are none",
    ),
  drift: z.unknown().optional().describe("settings of verdicts and incidents"),
  detectors: z
    .unknown()
    .optional()
    .describe(
      "streaming detectors that read the scores one by one: a list of kinds (adwin, kswin, page_hinkley) with their options; page_hinkley unless told",
    ),
  error_detectors: z
    .unknown()
    .optional()
    .describe(
      "streaming detectors that read the errors of labelled predictions one by one, once their performance window is mature; page_hinkley for errors that grow unless told",
    ),
  performance_window: z
    .enum(["1h", "1d"])
    .default("1d")
    .describe("length of a window of performance reports; choose one that some 1,000 labels fall into"),
  performance: z.unknown().optional().describe("settings of performance reports"),
});

/** With the parts as their own parsers check them. */
export const monitorSettings = z.strictObject({
  ...wire.shape,
  drift: driftSettings.nullish().describe("settings of verdicts and incidents"),
  detectors: detectorList.optional().describe("streaming detectors that read the scores one by one"),
  error_detectors: detectorList.optional().describe("streaming detectors that read the errors one by one"),
  performance: performanceSettings.nullish().describe("settings of performance reports"),
});

export interface MonitorSettings {
  readonly windowMs: number;
  readonly hopMs: number;
  readonly compareWith: "reference" | "season";
  readonly drift: DriftSettings;
  readonly detectors: readonly DetectorSettings[];
  readonly errorDetectors: readonly DetectorSettings[];
  readonly performanceWindowMs: number;
  readonly performance: PerformanceSettings;
}

/**
 * Settings as somebody wrote them; what is absent gets its default.
 * @throws EngineError INVALID_REQUEST with one detail per wrong or unknown field.
 */
export function parseMonitorSettings(json: unknown): MonitorSettings {
  const given = parseWire(json);
  const { window, hop = window, compare_with: compareWith, drift, performance } = given;
  const windowMs = durationMs(window) ?? 0;
  const hopMs = durationMs(hop) ?? 0;
  if (hopMs > windowMs)
    throw refused([{ field: "hop", message: "must be at most window: no prediction is left out" }]);
  for (const [field, ms] of Object.entries({ window: windowMs, hop: hopMs }))
    if (ms % MINUTE_MS !== 0) throw refused([{ field, message: "must be whole minutes" }]);
  return {
    windowMs,
    hopMs,
    compareWith,
    drift: parseDriftSettings(drift ?? {}),
    detectors: parseDetectorSettings(given.detectors, "detectors"),
    errorDetectors: parseDetectorSettings(given.error_detectors, "error_detectors"),
    performanceWindowMs: durationMs(given.performance_window) ?? 0,
    performance: parsePerformanceSettings(performance ?? {}),
  };
}

/** All settings as they would have to be written, defaults filled in. @throws EngineError as parseMonitorSettings. */
export function settingsInForce(json: unknown): Record<string, unknown> {
  const { drift, detectors, errorDetectors } = parseMonitorSettings(json);
  const { window, hop = window, compare_with, performance_window, performance = {} } = parseWire(json);
  return {
    window,
    hop,
    compare_with,
    drift,
    detectors,
    error_detectors: errorDetectors,
    performance_window,
    performance: performanceInForce(performance),
  };
}

/** What each setting means, by its path, such as `drift.alpha`. */
export function settingSentences(): Map<string, string> {
  const own = Object.entries(wire.shape).map(([name, { description }]) => [name, description ?? ""] as const);
  const parts = { drift: driftSentences(), performance: performanceSentences() };
  const ofParts = Object.entries(parts).flatMap(([part, sentences]) =>
    Object.entries(sentences).map(([name, about]) => [`${part}.${name}`, about] as const),
  );
  return new Map([...own, ...ofParts]);
}

function parseWire(json: unknown): z.infer<typeof wire> {
  const result = wire.safeParse(json ?? {});
  if (result.success) return result.data;
  throw refused(
    result.error.issues.map(({ path, message }) => ({ field: path.join(".") || "settings", message })),
  );
}

function refused(details: readonly { readonly field: string; readonly message: string }[]): EngineError {
  const [first] = details;
  return new EngineError("INVALID_REQUEST", `monitor settings: ${first?.field}: ${first?.message}`, {
    details,
  });
}
